"""What passes between a listener and the fake behind it: requests in, reactions out."""

from typing import Final, NamedTuple, Protocol

Field = tuple[bytes, bytes]
"""One header, the name in lower case."""


class Request(NamedTuple):
    """One whole HTTP request; a tuple, because one is made for every push.

    path: with its query, as sent. headers: without the pseudo-headers; of a repeated
    header the last value. is_ambiguous: some header came more than once.
    """

    method: bytes
    path: bytes
    headers: dict[bytes, bytes]
    body: bytes
    is_ambiguous: bool = False


class Answer(NamedTuple):
    """A reply, perhaps after a while; a tuple for the same reason."""

    status: int
    fields: tuple[Field, ...] = ()
    body: bytes = b""
    delay_ms: int = 0


class Farewell(NamedTuple):
    """Say GOAWAY: with an answer this stream is the last one processed, without one it isn't."""

    answer: Answer | None
    debug: bytes


class Reset(NamedTuple):
    """End the stream with RST_STREAM and this code."""

    code: int


class Silence(NamedTuple):
    """Never answer."""


class Drop(NamedTuple):
    """Cut the connection without a word."""


Reaction = Answer | Farewell | Reset | Silence | Drop

JSON_FIELD: Final[Field] = (b"content-type", b"application/json; charset=UTF-8")


class Session(Protocol):
    """What a fake remembers about one connection."""

    max_streams: int
    """How many streams the peer may have open; the listener tells the peer when it changes."""

    def react(self, request: Request) -> Reaction:
        """Judge one request."""
        ...


class Fake(Protocol):
    """A server's behaviour without its sockets."""

    def open_session(self) -> Session:
        """Begin a connection."""
        ...
