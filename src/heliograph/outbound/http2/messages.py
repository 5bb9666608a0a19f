"""What goes into a sender and what comes out of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

Headers = tuple[tuple[bytes, bytes], ...]
"""Header fields in order; names in lower case."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request of a batch.

    headers: those that differ from request to request. They are sent as
    literals marked "never indexed", so that no table on the way keeps them.
    """

    path: bytes
    body: bytes
    headers: Headers = ()


@dataclass(frozen=True, slots=True)
class Reply:
    """A complete reply, whatever its status.

    headers: names in lower case; repeated fields are joined by ", ". They may
    be decoded when first read.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Lost:
    """A request without a reply.

    is_unprocessed: True when the server certainly did nothing with it, so
    that repeating it cannot double anything. detail: for operators, free of
    tokens. goaway_debug: what the server's GOAWAY said, where there was one.
    """

    is_unprocessed: bool
    detail: str
    goaway_debug: bytes = b""
