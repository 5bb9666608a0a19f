"""Tags: labels that registrations subscribe to."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from heliograph.core.ids import Id
    from heliograph.core.model.registration import Registration


@dataclass(frozen=True, slots=True)
class Tag:
    """A label of an application."""

    id: Id
    application_id: Id
    label: str
    description: str | None
    created: datetime
    updated: datetime


@dataclass(frozen=True, slots=True)
class Subscription:
    """A registration's membership of a tag. tag_id with the registration's id names it."""

    tag_id: Id
    label: str
    registration: Registration
    created: datetime

    @property
    def key(self) -> bytes:
        """Where it stands in lists by age."""
        return self.registration.id + self.tag_id


class Subscribed(StrEnum):
    """What asking for a subscription came to."""

    NEW = "new"
    ALREADY = "already"
    NO_REGISTRATION = "no_registration"
