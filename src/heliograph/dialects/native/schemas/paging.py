"""Parts of lists.

Source: docs/dialects/native.md.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from heliograph.web.schemas import Schema

MAX_PAGE = 1000
DEFAULT_PAGE = 100


class PageQuery(Schema):
    """Which part of a list to show."""

    limit: Annotated[int, Field(ge=1, le=MAX_PAGE)] = DEFAULT_PAGE
    cursor: str | None = None


class NoQuery(Schema):
    """No parameters at all."""
