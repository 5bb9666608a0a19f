"""Base64 as browsers write it: of either alphabet, padded or not."""

from __future__ import annotations

import base64
import binascii
import re
from typing import Final

_is_base64: Final = re.compile(r"[A-Za-z0-9_+/-]*={0,2}", re.ASCII).fullmatch
_TO_PLAIN: Final = bytes.maketrans(b"-_", b"+/")


def decoded(text: str) -> bytes | None:
    """Read bytes; None where the text is no Base64."""
    if _is_base64(text) is None:
        return None
    plain = text.rstrip("=").encode("ascii").translate(_TO_PLAIN)
    try:
        return binascii.a2b_base64(plain + b"==="[: -len(plain) % 4])
    except binascii.Error:
        return None  # one letter too many


def encoded(raw: bytes) -> str:
    """Write bytes in base64url without padding."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")
