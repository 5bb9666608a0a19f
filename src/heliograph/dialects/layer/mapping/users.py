"""Users as the Platform API shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from heliograph.dialects.layer.schemas import users as schemas

if TYPE_CHECKING:
    from heliograph.core.stores.issuers import MemberState


def from_badge(state: MemberState) -> schemas.Badge:
    """Show a user's counts."""
    return schemas.Badge(external_unread_count=state.badge or 0)


def from_user(user_id: str, state: MemberState) -> schemas.User:
    """Show how a user stands."""
    identity = schemas.UserIdentity(display_name=user_id)
    return schemas.User(id=user_id, identity=identity, suspended=state.is_suspended)
