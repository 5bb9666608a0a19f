"""Who a notification is for."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Self, assert_never

if TYPE_CHECKING:
    from collections.abc import Mapping

    from heliograph.core.ids import Id
    from heliograph.core.model.registration import ProviderName, TokenKind


Providers = tuple["ProviderName", ...]
"""Whose registrations alone are meant; empty means whichever provider's."""


@dataclass(frozen=True, slots=True)
class Everyone:
    """All registrations of the application of kind alert."""

    providers: Providers = ()


@dataclass(frozen=True, slots=True)
class Users:
    """The registrations of these users, named as the customer names them."""

    user_ids: tuple[str, ...]
    providers: Providers = ()


@dataclass(frozen=True, slots=True)
class Tags:
    """The registrations subscribed to any of these tags."""

    labels: tuple[str, ...]
    providers: Providers = ()


@dataclass(frozen=True, slots=True)
class Devices:
    """The registrations of these devices; one without a device's id goes by its own, `reg_…`.

    They are looked up when the notification starts; strangers are left out.
    """

    device_ids: tuple[str, ...]
    providers: Providers = ()


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


@dataclass(frozen=True, slots=True)
class Recipient:
    """A user, by our id, or an address, with the values for a template's places."""

    user_id: Id | None = None
    address: Address | None = None
    variables: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class Recipients:
    """Exactly these recipients, repeated ones as well: each is told apart by its ordinal.

    items: in their order; empty once stored. count: how many there are.
    """

    items: tuple[Recipient, ...]
    count: int

    @classmethod
    def of(cls, items: tuple[Recipient, ...]) -> Self:
        """List recipients."""
        return cls(items, len(items))


Audience = Everyone | Users | Tags | Devices | Registrations | Addresses | Recipients
Narrowed = Everyone | Users | Tags | Devices
"""Audiences that may be limited to some providers."""

Listed = Registrations | Addresses | Recipients
"""Audiences whose targets are named one by one; the others are looked up."""


def number_named(audience: Audience) -> int | None:
    """Say how many an audience names; None where it says no more than what they have in common."""
    match audience:
        case Users(named, _) | Devices(named, _) | Registrations(named) | Addresses(named):
            return len(named)
        case Recipients():
            return audience.count
        case Everyone() | Tags():
            return None
        case _:
            assert_never(audience)


@dataclass(frozen=True, slots=True)
class Reached:
    """How many targets of one provider and kind; kind is None for bare addresses."""

    provider: ProviderName
    kind: TokenKind | None
    count: int


@dataclass(frozen=True, slots=True)
class Reach:
    """Whom an audience reaches now.

    counted: the share of the registry that was counted, above 0 and at most
    1. Below 1 the counts are lower bounds.
    """

    items: tuple[Reached, ...]
    counted: float = 1.0

    @property
    def is_exact(self) -> bool:
        """Whether everything was counted."""
        return self.counted >= 1
