"""Keys under which a request may be repeated without being done twice.

Source: docs/decisions/0016-a-notifications-life.md.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from heliograph.core.errors import InvalidRequest, Problem, ProblemKind

if TYPE_CHECKING:
    from heliograph.core.model.notification import Notification

LIFE = timedelta(hours=24)
"""How long a key stands for its request."""

MAX_KEY_CHARS = 255

_is_printable = re.compile(r"[\x20-\x7e]+").fullmatch


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """A caller's key, and 32 bytes that stand for the body it came with."""

    value: str
    body_hash: bytes


@dataclass(frozen=True, slots=True)
class Remembered:
    """What a key stands for."""

    body_hash: bytes
    notification: Notification


def check_key(value: str) -> str:
    """Answer a key that can be one; raises InvalidRequest.

    ASCII alone: what else a header may carry depends on who reads it.
    """
    if len(value) > MAX_KEY_CHARS:
        raise _problem(ProblemKind.TOO_LONG)
    if not _is_printable(value):
        raise _problem(ProblemKind.MALFORMED)
    return value


def body_hash(body: Any) -> bytes:
    """Hash a JSON body by what it says: blanks and the order of keys don't count."""
    return hashlib.sha256(json.dumps(body, sort_keys=True, separators=(",", ":")).encode()).digest()


def _problem(kind: ProblemKind) -> InvalidRequest:
    expected = f"1 to {MAX_KEY_CHARS} printable ASCII characters"
    return InvalidRequest([Problem(("Idempotency-Key",), kind, expected)])
