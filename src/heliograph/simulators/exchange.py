"""What passes between a listener and the fake behind it: requests in, reactions out."""

from typing import Final, NamedTuple, Protocol

Field = tuple[bytes, bytes]
"""One header, the name in lower case."""


class Request(NamedTuple):
    """One whole HTTP request; a tuple, because one is made for every push.

    path: with its query, as sent. headers: without the pseudo-headers; of a repeated
    header the last value. is_ambiguous: some header came more than once. pattern: one and
    the same object for requests of a connection whose headers differ in nothing but the path
    and the header it names; None if that is not known.
    """

    method: bytes
    path: bytes
    headers: dict[bytes, bytes]
    body: bytes
    is_ambiguous: bool = False
    pattern: "Pattern | None" = None


class Pattern(Protocol):
    """What many requests of one connection have in common."""

    @property
    def own_name(self) -> bytes:
        """The one header whose value is each request's own."""
        ...


class Answer(NamedTuple):
    """A reply, perhaps after a while; a tuple for the same reason."""

    status: int
    fields: tuple[Field, ...] = ()
    body: bytes = b""
    delay_ms: int = 0


class Farewell(NamedTuple):
    """Say GOAWAY: with an answer this stream is the last one processed, without one it isn't.

    last_stream_id: what to say instead of the truth. finishes: whether streams below it are
    still answered; if not, the connection ends at once.
    """

    answer: Answer | None
    debug: bytes
    last_stream_id: int | None = None
    finishes: bool = True


class Reset(NamedTuple):
    """End the stream with RST_STREAM and this code."""

    code: int


class Silence(NamedTuple):
    """Never answer."""


class Freeze(NamedTuple):
    """Neither answer nor say anything else on this connection, and leave it open."""


class Drop(NamedTuple):
    """Cut the connection without a word; is_reset: with TCP's RST."""

    is_reset: bool = False


class Garble(NamedTuple):
    """Answer with bytes that break the protocol."""

    breaks_hpack: bool


class Squeeze(NamedTuple):
    """Answer, and change what the peer may do on this connection.

    max_streams, window_bytes: None leaves them. requests: how many further ones on the
    connection it lasts; 0 is for good.
    """

    answer: Answer
    max_streams: int | None
    window_bytes: int | None
    requests: int


Reaction = Answer | Farewell | Reset | Silence | Freeze | Drop | Garble | Squeeze

JSON_FIELD: Final[Field] = (b"content-type", b"application/json; charset=UTF-8")


class Session(Protocol):
    """What a fake remembers about one connection."""

    max_streams: int
    """How many streams the peer may have open; the listener tells the peer when it changes."""

    def react(self, request: Request) -> Reaction:
        """Judge one request."""
        ...


class CertifiedFake(Protocol):
    """A server that knows its clients by their certificates, where they show one."""

    def open_certified_session(self, certificate: bytes) -> Session:
        """Begin a connection that showed a certificate, DER, which TLS has verified."""
        ...


class Fake(Protocol):
    """A server's behaviour without its sockets."""

    def open_session(self) -> Session:
        """Begin a connection."""
        ...
