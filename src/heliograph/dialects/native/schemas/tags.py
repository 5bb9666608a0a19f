"""Tags: of a registration, and of an application.

Source: docs/dialects/native.md.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import Field

from heliograph.web.schemas import Items, Schema, Text

MAX_DESCRIPTION_CHARS = 4096


class TagList(Schema):
    """The tags of a registration."""

    items: tuple[str, ...]
    next: None = None


class TagBody(Schema):
    """PUT …/tags/{tag}."""

    description: Annotated[Text, Field(max_length=MAX_DESCRIPTION_CHARS)] | None = None


class Tag(Schema):
    """A tag of an application."""

    tag: str
    description: str | None
    created: datetime
    updated: datetime


class ApplicationTags(Schema):
    """A part of the list of an application's tags."""

    items: Items[Tag]
    next: str | None
