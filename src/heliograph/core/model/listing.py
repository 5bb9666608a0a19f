"""What a list of registrations, tags or subscriptions is narrowed by."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from heliograph.core.ids import Id
    from heliograph.core.model.registration import ProviderName


class RegistrationField(StrEnum):
    """What a condition may look at, in registrations and in subscriptions."""

    DEVICE_ID = "device_id"
    USER_ID = "user_id"
    TOKEN = "token"  # noqa: S105 - a field's name
    PROVIDER = "provider"
    LABEL = "label"
    DESCRIPTION = "description"


class Condition(NamedTuple):
    """A field has one of these values, or contains one of them.

    A value of None matches registrations that nobody owns. is_excluding:
    the field has none of them. alternatives: one of these may hold instead.
    """

    field: RegistrationField
    values: tuple[str | None, ...]
    is_exact: bool = True
    is_excluding: bool = False
    alternatives: tuple[Condition, ...] = ()


class RegistrationFilter(NamedTuple):
    """Which registrations to list; None leaves a field open. conditions: all must hold."""

    external_user_id: str | None = None
    user_id: Id | None = None
    member_id: Id | None = None
    device_id: str | None = None
    provider: ProviderName | None = None
    conditions: tuple[Condition, ...] = ()
