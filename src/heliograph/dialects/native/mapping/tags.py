"""Tags <-> the core's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from heliograph.dialects.native.mapping.cursors import write_cursor
from heliograph.dialects.native.schemas import tags as schemas

if TYPE_CHECKING:
    from collections.abc import Sequence

    from heliograph.core.model.listing import Listed
    from heliograph.core.model.tag import Tag


def from_tags(labels: Sequence[str]) -> schemas.TagList:
    """Show a registration's tags."""
    return schemas.TagList(items=tuple(labels))


def from_tag(tag: Tag) -> schemas.Tag:
    """Show a tag."""
    return schemas.Tag(
        tag=tag.label, description=tag.description, created=tag.created, updated=tag.updated
    )


def from_listed(listed: Listed[Tag]) -> schemas.ApplicationTags:
    """Show a part of an application's tags."""
    return schemas.ApplicationTags(
        items=tuple(map(from_tag, listed.items)),
        next=write_cursor(listed.items[-1].id) if listed.has_more else None,
    )
