"""Users as the Platform API shows them, and lists of changes."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from heliograph.core.identity.members import MAX_BADGE
from heliograph.dialects.layer.schemas.wire import Body
from heliograph.web.schemas import Items, Schema

MAX_OPERATIONS = 100


class BadgeBody(Body):
    """The body of `PUT …/badge`."""

    external_unread_count: Annotated[int, Field(ge=0, le=MAX_BADGE)]


class Badge(Schema):
    """A user's counts. Layer's messages are not kept here, so that none is unread."""

    external_unread_count: int
    unread_conversation_count: int = 0
    unread_message_count: int = 0


class UserIdentity(Schema):
    """What is known of a user beside the id."""

    display_name: str


class User(Schema):
    """How a user stands."""

    id: str
    identity: UserIdentity
    suspended: bool


class Operation(Body):
    """One change."""

    operation: str
    property: str
    value: Any


class Patch(Schema):
    """The list that a PATCH consists of, under a name of ours."""

    operations: Annotated[Items[Operation], Field(min_length=1, max_length=MAX_OPERATIONS)]
