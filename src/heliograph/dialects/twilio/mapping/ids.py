"""Twilio's ids are ours behind other prefixes; and the names that applications have here."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from heliograph.core.applications.named_applications import Naming
from heliograph.core.errors import NotFound
from heliograph.core.ids import Id, letters_of, raw_of
from heliograph.core.model.registration import Environment, ProviderName

if TYPE_CHECKING:
    from heliograph.core.model.identity import ClientPrincipal
    from heliograph.core.model.recipient import Place
    from heliograph.dialects.twilio.schemas.wire import CredentialType, Provider

ORIGIN = "twilio"

APP_ALIAS = "twilio_app"
"""The kind of alias by which an account names its applications here."""

NAMING = Naming(APP_ALIAS, "twilio_default_app")

ROOT = "/v1/PushNotifications"

REGISTRATION_PREFIX = "comms_device_registration_"
USER_PREFIX = "comms_pushnotificationuser_"
NOTIFICATION_PREFIX = "comms_pushnotification_"
OPERATION_PREFIX = "comms_operation_"
CREDENTIAL_PREFIX = "comms_credential_"

PROVIDERS: dict[Provider, ProviderName] = {"APN": ProviderName.APNS, "FCM": ProviderName.FCM}
WORDS = {name: word for word, name in PROVIDERS.items()}

SLOTS: dict[CredentialType, tuple[ProviderName, Environment]] = {
    "APN": (ProviderName.APNS, Environment.PRODUCTION),
    "APN_SANDBOX": (ProviderName.APNS, Environment.SANDBOX),
    "FCM": (ProviderName.FCM, Environment.PRODUCTION),
}
TYPES = {slot: word for word, slot in SLOTS.items()}

_ORDINAL_BITS = 14
_ORDINALS = (1 << _ORDINAL_BITS) - 1
_is_app_name = re.compile(r"[a-z0-9_]{1,64}").fullmatch


def account_sid(account_id: Id) -> str:
    """Spell an account as the user name of its back ends: `AC` and 32 hexadecimal digits."""
    return f"AC{account_id.hex()}"


def key_sid(client_id: Id) -> str:
    """Spell an API client as a user name: `SK` and 32 hexadecimal digits."""
    return f"SK{client_id.hex()}"


def user_names_of(principal: ClientPrincipal) -> frozenset[str]:
    """Answer the user names under which an API client's key is good."""
    return frozenset({account_sid(principal.account_id), key_sid(principal.client.id)})


def spell_member(member_id: Id) -> str:
    """Spell a membership as a device registration's id."""
    return REGISTRATION_PREFIX + letters_of(member_id)


def to_member_id(text: str) -> Id:
    """Read a device registration's id.

    Raises NotFound: an id that can't be names nothing, whatever its form.
    """
    raw = _raw_behind(REGISTRATION_PREFIX, text)
    if raw is None:
        raise NotFound("member", text)
    return raw


def spell_user(user_id: Id) -> str:
    """Spell a user's id."""
    return USER_PREFIX + letters_of(user_id)


def to_user_id(text: str) -> Id | None:
    """Read a user's id; None for one that is well-formed but can't be ours."""
    return _raw_behind(USER_PREFIX, text)


def _raw_behind(prefix: str, text: str) -> Id | None:
    return raw_of(text.removeprefix(prefix)) if text.startswith(prefix) else None


def spell_operation(notification_id: Id) -> str:
    """Spell a notification of ours as an operation's id."""
    return OPERATION_PREFIX + letters_of(notification_id)


def to_operation_id(text: str) -> Id | None:
    """Read an operation's id; None for one that can't be ours."""
    return _raw_behind(OPERATION_PREFIX, text)


def spell_credential(credential_id: Id) -> str:
    """Spell a credential's id."""
    return CREDENTIAL_PREFIX + letters_of(credential_id)


def to_credential_id(text: str) -> Id | None:
    """Read a credential's id; None for one that can't be ours."""
    return _raw_behind(CREDENTIAL_PREFIX, text)


def spell_recipient(place: Place) -> str:
    """Spell one recipient's notification.

    The ordinal takes the place of the last 14 bits of our notification's id,
    which are random: the ids keep their order, and are told apart by the other 60.
    """
    number = int.from_bytes(place.notification_id, "big") & ~_ORDINALS | place.ordinal
    return NOTIFICATION_PREFIX + letters_of(number.to_bytes(16, "big"))


def to_recipient(text: str) -> tuple[Id, Id, int]:
    """Read one recipient's notification: between which ids ours is, and the ordinal.

    Raises NotFound: an id that can't be names nothing, whatever its form.
    """
    raw = _raw_behind(NOTIFICATION_PREFIX, text)
    if raw is None:
        raise NotFound("notification", text)
    number = int.from_bytes(raw, "big")
    first, last = number & ~_ORDINALS, number | _ORDINALS
    return Id(first.to_bytes(16, "big")), Id(last.to_bytes(16, "big")), number & _ORDINALS


def to_app_name(text: str) -> str:
    """Read an App's name in a path; raises NotFound for what none can be called."""
    if _is_app_name(text) is None:
        raise NotFound("application", text)
    return text
