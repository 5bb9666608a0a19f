"""JSON objects that somebody else wrote."""

from __future__ import annotations

import json
from typing import Any


def read_object(text: bytes | str) -> dict[str, Any]:
    """Read a JSON object; an empty one where the text is anything else."""
    try:
        read = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return read if isinstance(read, dict) else {}
