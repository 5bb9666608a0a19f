"""Tags of a registration.

Source: docs/dialects/native.md.
"""

from __future__ import annotations

from heliograph.web.schemas import Schema


class TagList(Schema):
    """The tags of a registration."""

    items: tuple[str, ...]
    next: None = None
