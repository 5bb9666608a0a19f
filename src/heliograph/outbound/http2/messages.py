"""What goes into a sender and what comes out of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from heliograph.outbound.http2.reply_headers import fields_of

if TYPE_CHECKING:
    from collections.abc import Mapping

Headers = tuple[tuple[bytes, bytes], ...]
"""Header fields in order; names in lower case."""


class Request(NamedTuple):
    """One request of a batch; a tuple, because a frozen dataclass costs three times as much.

    headers: those that differ from request to request. They are sent as
    literals marked "never indexed", so that no table on the way keeps them.
    """

    path: bytes
    body: bytes
    headers: Headers = ()


class Reply:
    """A complete reply, whatever its status. Treat it as frozen.

    headers: names in lower case; repeated fields are joined by ", ". Given as a
    header block that stands alone, they are decoded when first read.
    """

    __slots__ = ("_headers", "body", "status")

    def __init__(self, status: int, headers: Mapping[str, str] | bytes, body: bytes) -> None:
        self.status = status
        self.body = body
        self._headers = headers

    @property
    def headers(self) -> Mapping[str, str]:
        """The fields without `:status`."""
        if isinstance(self._headers, bytes):
            self._headers = fields_of(self._headers)
        return self._headers

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Reply):
            return NotImplemented
        mine = (self.status, self.headers, self.body)
        return mine == (other.status, other.headers, other.body)

    __hash__ = None  # type: ignore[assignment] # it holds a mapping

    def __repr__(self) -> str:
        return f"Reply({self.status}, {dict(self.headers)}, {self.body!r})"


@dataclass(frozen=True, slots=True)
class Lost:
    """A request without a reply.

    is_unprocessed: True when the server certainly did nothing with it, so
    that repeating it cannot double anything; False when nobody can know
    whether it arrived. detail: for operators, free of tokens. goaway_debug:
    what the server's GOAWAY said, where there was one.
    """

    is_unprocessed: bool
    detail: str
    goaway_debug: bytes = b""
