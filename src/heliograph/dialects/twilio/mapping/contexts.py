"""Where a problem is, as Twilio says it: a JSON path."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from heliograph.dialects.twilio.schemas.sends import BY_APP, BY_CREDENTIALS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from heliograph.core.errors import PathPart

_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_UNSAID = frozenset({BY_APP, BY_CREDENTIALS, "[key]"})
"""Parts of a path that are the reader's own: which form it took, that a key was wrong."""


def to_context(path: Sequence[PathPart]) -> str | None:
    """Spell where a problem is as a JSON path: `$.to[0].token`; None for the whole request."""
    if not path:
        return None
    return "$" + "".join(_step(part) for part in path if part not in _UNSAID)


def _step(part: PathPart) -> str:
    if isinstance(part, int):
        return f"[{part}]"
    if _PLAIN_KEY.fullmatch(part):
        return f".{part}"
    # RFC 9535 section 2.3.1: any other name stands quoted in brackets.
    quoted = part.replace("\\", "\\\\").replace("'", "\\'")
    return f"['{quoted}']"
