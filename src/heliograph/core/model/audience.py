"""Who a notification is for."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from heliograph.core.ids import Id
    from heliograph.core.model.registration import ProviderName


@dataclass(frozen=True, slots=True)
class Everyone:
    """All registrations of the application of kind alert."""


@dataclass(frozen=True, slots=True)
class Users:
    """The registrations of these users, named as the customer names them."""

    user_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Tags:
    """The registrations subscribed to any of these tags."""

    labels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Registrations:
    """Exactly these registrations."""

    registration_ids: tuple[Id, ...]


class AddressForm(StrEnum):
    """What an address names: one device, or a group that the provider keeps itself.

    TOPIC and CONDITION are FCM's; CHANNEL is an APNs broadcast channel.
    """

    TOKEN = "token"  # noqa: S105 - a form
    TOPIC = "topic"
    CONDITION = "condition"
    CHANNEL = "channel"


@dataclass(frozen=True, slots=True)
class Address:
    """A bare provider token or group, whether or not it is registered."""

    provider: ProviderName
    token: str
    form: AddressForm = AddressForm.TOKEN
    variables: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class Addresses:
    """Exactly these addresses."""

    addresses: tuple[Address, ...]


Audience = Everyone | Users | Tags | Registrations | Addresses
Listed = Registrations | Addresses
"""Audiences that are stored as recipients at acceptance; the others are queries."""
