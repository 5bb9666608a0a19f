"""Texts that somebody chose, in header fields."""

from __future__ import annotations

import hashlib
import re
from typing import Final

# What a header field may carry without a doubt: visible ASCII, blanks inside only.
_is_header_text: Final = re.compile(r"[!-~](?:[ -~]*[!-~])?").fullmatch


def header_key(key: str, *, limit_bytes: int) -> str:
    """Spell a key for a header of which only equality counts.

    A key that a header can't carry, or that is over the limit, travels as its
    SHA-256 in hexadecimal digits, which are 64: a limit has to leave room for
    them.
    """
    if len(key) <= limit_bytes and _is_header_text(key):
        return key
    return hashlib.sha256(key.encode("utf-8", "replace")).hexdigest()
