"""Users on the wire."""

from __future__ import annotations

from heliograph.dialects.twilio.schemas.wire import Answer, PageQuery, Pagination
from heliograph.web.schemas import Items


class UserQuery(PageQuery):
    """The query of `GET …/Users`."""


class PushUser(Answer):
    """A user. One that was deleted is not shown any more, so that `deletedAt` is always null."""

    id: str
    related: Items[str]
    created_at: str
    updated_at: str
    deleted_at: str | None


class PushUsers(Answer):
    """A page of users."""

    users: Items[PushUser]
    pagination: Pagination
