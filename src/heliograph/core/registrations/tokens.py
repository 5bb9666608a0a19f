"""What a device token may look like, in every dialect."""

from __future__ import annotations

import re

MAX_TOKEN_CHARS = 4096

_FORBIDDEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


def has_control_characters(text: str) -> bool:
    """Say whether text holds control characters or lone surrogates.

    Neither belongs in a token, id or label: the first hide in logs and
    terminals, the second can't be written as UTF-8 at all.
    """
    # What is printable ASCII, as most tokens and ids are, needs no further look.
    is_plain = text.isascii() and text.isprintable()
    return not is_plain and _FORBIDDEN.search(text) is not None
