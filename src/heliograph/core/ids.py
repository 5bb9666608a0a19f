"""Ids: UUIDv7 in 16 bytes inside, `prefix_<26 Crockford letters>` outside.

The letters sort as the bytes do, so ids sort by age in either form. The last
byte of a registration's id is its bucket (see `slots.bucket_of`): an id alone
finds its partition.

Source: RFC 9562 section 5.7; docs/decisions/0003-ids.md.
"""

from __future__ import annotations

import os
from functools import lru_cache
from typing import TYPE_CHECKING, NewType

from heliograph.core.clock import to_ms
from heliograph.core.errors import NotFound

if TYPE_CHECKING:
    from datetime import datetime

Id = NewType("Id", bytes)
"""16 bytes of UUIDv7. What it names is said by the field that holds it."""

PREFIXES = {
    "account": "acc",
    "application": "app",
    "api_client": "cli",
    "user": "usr",
    "member": "mem",
    "session": "ses",
    "registration": "reg",
    "notification": "ntf",
    "shard": "shd",
    "credential": "crd",
    "tag": "tag",
    "issuer": "iss",
    "webhook": "whk",
    "event": "evt",
    "attempt": "att",
    "login": "lgn",
}

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_DIGITS = bytes(
    b"0123456789abcdefghijklmnopqrstuv"[_ALPHABET.index(letter)] if letter in _ALPHABET else 0
    for letter in map(chr, range(256))
)
"""Each of our letters as Python's own digit of base 32; anything else as none."""
_LETTERS = 26
_PAIRS = [a + b for a in _ALPHABET for b in _ALPHABET]
_RAW_BYTES = 16
_REMEMBERED = 4096


def new_id(now: datetime, *, last_byte: int | None = None) -> Id:
    """Make an id of this instant; `last_byte` fixes its last byte (a bucket)."""
    # Exact: by way of a float, one instant in sixty comes out a millisecond early.
    millis = to_ms(now)
    tail = bytearray(os.urandom(10))
    tail[0] = 0x70 | (tail[0] & 0x0F)
    tail[2] = 0x80 | (tail[2] & 0x3F)
    if last_byte is not None:
        tail[9] = last_byte
    return Id(millis.to_bytes(6, "big") + bytes(tail))


def first_id(at: datetime) -> Id:
    """Answer what no id of this instant, or of a later one, comes before."""
    return Id(to_ms(at).to_bytes(6, "big") + bytes(_RAW_BYTES - 6))


@lru_cache(maxsize=_REMEMBERED)
def letters_of(raw: bytes) -> str:
    """Spell 16 bytes as 26 Crockford letters, most significant first."""
    number = int.from_bytes(raw, "big")
    return "".join([_PAIRS[(number >> shift) & 1023] for shift in range(120, -1, -10)])


def raw_of(letters: str) -> Id | None:
    """Read 26 Crockford letters back; None if they spell no id."""
    # Before anything is remembered: a caller's text may be of any length.
    return _read(letters) if len(letters) == _LETTERS and letters.isascii() else None


# Callers name the same few again and again: their application, above all.
@lru_cache(maxsize=_REMEMBERED)
def _read(letters: str) -> Id | None:
    try:
        number = int(letters.encode().translate(_DIGITS), 32)
    except ValueError:
        return None
    return Id(number.to_bytes(17, "big")[1:]) if number >> 128 == 0 else None


def spell(kind: str, raw: bytes) -> str:
    """Spell an id of a kind: `spell("registration", raw)` -> `reg_01j…`."""
    return f"{PREFIXES[kind]}_{letters_of(raw)}"


def parse(kind: str, text: str) -> Id:
    """Read a spelled id; raise NotFound for what can't be an id of this kind.

    A malformed id names nothing, so for the caller it is simply not found.
    """
    prefix, _, letters = text.partition("_")
    raw = raw_of(letters) if prefix == PREFIXES[kind] else None
    if raw is None:
        raise NotFound(kind, text)
    return raw


def uuid_text(raw: bytes) -> str:
    """Spell 16 bytes as a lower-case UUID, 8-4-4-4-12."""
    digits = raw.hex()
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def delivery_uuid(notification_id: bytes, target_id: bytes) -> str:
    """Spell the UUID of one notification for one target.

    Derived rather than stored, so that a retry carries the same one.
    """
    mixed = int.from_bytes(notification_id, "big") ^ int.from_bytes(target_id, "big")
    return uuid_text(mixed.to_bytes(_RAW_BYTES, "big"))
