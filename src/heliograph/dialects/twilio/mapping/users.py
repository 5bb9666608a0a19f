"""Users <- the core's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from heliograph.dialects.twilio.mapping.answers import spell_time
from heliograph.dialects.twilio.mapping.ids import spell_user
from heliograph.dialects.twilio.schemas.users import PushUser

if TYPE_CHECKING:
    from heliograph.core.model.identity import User


def from_user(user: User) -> PushUser:
    """Show a user, who never changes."""
    created = spell_time(user.created)
    return PushUser(
        id=spell_user(user.id), related=(), created_at=created, updated_at=created, deleted_at=None
    )
