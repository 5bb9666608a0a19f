"""Logins <-> the core's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from heliograph.core.ids import spell
from heliograph.dialects.native.mapping.cursors import write_cursor
from heliograph.dialects.native.schemas import logins as schemas

if TYPE_CHECKING:
    from collections.abc import Sequence

    from heliograph.core.model.identity import Login


def from_login(login: Login) -> schemas.Login:
    """Show a login."""
    return schemas.Login(
        id=spell("login", login.id),
        user_id=login.external_user_id or spell("user", login.user_id),
        form=login.form,
        login=login.name,
        created=login.created,
        updated=login.updated,
    )


def from_logins(found: Sequence[Login], limit: int) -> schemas.LoginList:
    """Show a part of a list, of which one more than `limit` was asked for."""
    shown = found[:limit]
    return schemas.LoginList(
        items=tuple(map(from_login, shown)),
        next=write_cursor(shown[-1].id) if len(found) > limit else None,
    )
