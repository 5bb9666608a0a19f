"""What may be asked of the registry, as values that a batch can hold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from heliograph.core.model.registration import Registration

if TYPE_CHECKING:
    from datetime import datetime

    from heliograph.core.ids import Id
    from heliograph.core.model.registration import Changes, Draft, Owner, ProviderName, Slot


class Register(NamedTuple):
    """Apply a draft."""

    draft: Draft

    @property
    def application_id(self) -> Id:
        """Whose registry it is about."""
        return self.draft.application_id

    @property
    def at(self) -> datetime:
        """When it arrived."""
        return self.draft.arrived_at


@dataclass(frozen=True, slots=True)
class Unregister:
    """Empty a slot. token: only if the slot holds it."""

    application_id: Id
    at: datetime
    slot: Slot
    owner: Owner | None
    provider: ProviderName | None
    token: str | None


@dataclass(frozen=True, slots=True)
class Remove:
    """Forget one registration by id."""

    application_id: Id
    at: datetime
    registration_id: Id


@dataclass(frozen=True, slots=True)
class Change:
    """Change one registration in place."""

    application_id: Id
    at: datetime
    registration_id: Id
    changes: Changes


Command = Register | Unregister | Remove | Change
Answer = Registration | None
"""What a command answers: the registration that it made, changed or removed."""
