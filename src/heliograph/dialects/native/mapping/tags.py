"""Tags <-> the core's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from heliograph.dialects.native.schemas import tags as schemas

if TYPE_CHECKING:
    from collections.abc import Sequence


def from_tags(labels: Sequence[str]) -> schemas.TagList:
    """Show a registration's tags."""
    return schemas.TagList(items=tuple(labels))
