"""Devices: registrations under a device's id."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from heliograph.core.errors import InvalidRequest, NotFound, Problem, ProblemKind
from heliograph.core.ids import spell
from heliograph.core.model.registration import (
    Attribute,
    Changes,
    Claim,
    Draft,
    IfExists,
    OwnerChange,
    ProviderName,
    Slot,
    UserKey,
)
from heliograph.core.registrations.tokens import has_control_characters
from heliograph.dialects.mobilefirst.mapping.browsers import from_subscription, to_subscription
from heliograph.dialects.mobilefirst.mapping.paging import ANONYMOUS, CREATED_MODE, timestamp
from heliograph.dialects.mobilefirst.mapping.phones import dialled
from heliograph.dialects.mobilefirst.mapping.tags import BROADCAST
from heliograph.dialects.mobilefirst.schemas.devices import Device

if TYPE_CHECKING:
    from datetime import datetime

    from heliograph.core.ids import Id
    from heliograph.core.model.application import Application
    from heliograph.core.model.registration import Registration
    from heliograph.dialects.mobilefirst.mapping.paging import Place
    from heliograph.dialects.mobilefirst.schemas.devices import DeviceBody, DeviceChanges

ORIGIN = "mobilefirst"

PROVIDERS = {
    "A": ProviderName.APNS,
    "G": ProviderName.FCM,
    "W": ProviderName.WNS,
    # One page prints M for Windows, the others W.
    "M": ProviderName.WNS,
    "WEB_CHROME": ProviderName.WEBPUSH,
    "WEB_FIREFOX": ProviderName.WEBPUSH,
    "WEB_SAFARI": ProviderName.WEBPUSH,
}
_PLATFORMS = {
    ProviderName.APNS: "A",
    ProviderName.FCM: "G",
    ProviderName.WNS: "W",
    # Made through other doors. No letter says browser, and none says telephone.
    ProviderName.WEBPUSH: "WEB_CHROME",
    ProviderName.SMS: "",
}

MAX_USER_AGENT_CHARS = 512

_PLATFORM = "platform"
"""The attribute that tells one browser from another, and what a telephone called itself."""

_UPDATED_AT = "updated_at"
"""The attribute that says when a device was last changed here.

`refreshed` says when a device vouched for its token, and a change of owner
vouches for nothing.
"""


def to_draft(
    body: DeviceBody, application: Application, user_agent: str, *, now: datetime
) -> Draft:
    """Turn a device into a registration that is subscribed to the broadcast tag."""
    # Without a token it is a telephone that only text messages reach.
    is_telephone = body.token is None
    token, attributes = (
        (dialled(body.phone_number or ""), {_PLATFORM: body.platform})
        if body.token is None
        else _to_address(body.platform, body.token)
    )
    attributes |= {
        Attribute.PHONE: body.phone_number,
        Attribute.USER_AGENT: _printable(user_agent),
    }
    return Draft(
        application_id=application.id,
        slot=Slot(device_id=body.device_id),
        provider=ProviderName.SMS if is_telephone else PROVIDERS[body.platform],
        token=token,
        arrived_at=now,
        origin=ORIGIN,
        claim=Claim.EXCLUSIVE,
        if_exists=IfExists.REFUSE,
        owner=_owner(application.account_id, body.user_id),
        device_id=body.device_id,
        attributes={name: value for name, value in attributes.items() if value},
        labels=(BROADCAST,),
    )


def to_device_id(text: str) -> str:
    """Read a device's id from a path; raises NotFound for what can't be one."""
    if has_control_characters(text):
        raise NotFound("device", text)
    return text


def to_changes(
    body: DeviceChanges,
    registration: Registration,
    device_id: str,
    application: Application,
    *,
    now: datetime,
) -> Changes:
    """Turn an update into changes.

    Raises InvalidRequest for another device id or another platform.
    """
    problems = []
    if body.device_id not in (None, device_id):
        expected = "the device id of the path"
        problems.append(Problem(("deviceId",), ProblemKind.NOT_ALLOWED, expected))
    is_telephone = registration.provider is ProviderName.SMS
    provider = registration.provider if body.platform is None else PROVIDERS[body.platform]
    is_other = provider is not registration.provider and not is_telephone
    if is_other or (is_telephone and body.platform not in (None, platform_of(registration))):
        expected = f"{platform_of(registration)}, which can't be changed"
        problems.append(Problem(("platform",), ProblemKind.NOT_ALLOWED, expected))
    if is_telephone and body.phone_number == "" and not _is_promoted(body, registration):
        expected = "present: the device has no token"
        problems.append(Problem(("phoneNumber",), ProblemKind.MISSING, expected))
    if problems:
        raise InvalidRequest(problems)
    attributes: dict[str, Any] = {**registration.attributes, _UPDATED_AT: timestamp(now)}
    token = body.token
    if is_telephone:
        # Its number is all that it has: another one is another address.
        token = None if body.phone_number is None else dialled(body.phone_number)
    elif token is not None:
        platform = body.platform or platform_of(registration)
        token, keys = _to_address(platform, token)
        attributes |= keys
    if body.phone_number:
        attributes[Attribute.PHONE] = body.phone_number
    elif body.phone_number is not None:
        attributes.pop(Attribute.PHONE, None)
    owner = None
    if body.user_id is not None:
        owner = OwnerChange(_owner(application.account_id, body.user_id))
    return Changes(token=token, attributes=attributes, owner=owner)


def to_promotion(
    body: DeviceChanges, registration: Registration, application: Application, *, now: datetime
) -> Draft | None:
    """Make a device of a telephone that sends a token; None where that is not what it does.

    It takes the telephone's place, with its subscriptions.
    """
    if not _is_promoted(body, registration):
        return None
    platform = platform_of(registration)
    address, keys = _to_address(platform, body.token or "")
    named = registration.external_user_id if body.user_id is None else body.user_id
    attributes = {**registration.attributes, **keys, _UPDATED_AT: timestamp(now)}
    if body.phone_number is not None:
        attributes[Attribute.PHONE] = body.phone_number
    return Draft(
        application_id=application.id,
        slot=Slot(device_id=device_id_of(registration)),
        provider=PROVIDERS[platform],
        token=address,
        arrived_at=now,
        origin=ORIGIN,
        claim=Claim.EXCLUSIVE,
        owner=_owner(application.account_id, named),
        device_id=device_id_of(registration),
        attributes={name: value for name, value in attributes.items() if value},
    )


def _is_promoted(body: DeviceChanges, registration: Registration) -> bool:
    return (
        body.token not in (None, registration.token)
        and registration.provider is ProviderName.SMS
        # One that was made through another door said nothing of a device.
        and platform_of(registration) in PROVIDERS
    )


def from_registration(registration: Registration, place: Place) -> Device:
    """Show a device whole, as it was found or changed."""
    return from_listed(registration, place, is_expanded=True)


def from_new(registration: Registration, place: Place) -> Device:
    """Show a device as it was registered: its user agent as well."""
    device = from_registration(registration, place)
    user_agent = str(registration.attributes.get(Attribute.USER_AGENT, ""))
    return device.model_copy(update={"user_agent": user_agent})


def from_listed(registration: Registration, place: Place, *, is_expanded: bool) -> Device:
    """Show a device in a list. Every value is a string, because SDKs cast them blindly."""
    metadata: dict[str, str] = {}
    if is_expanded:
        refreshed = timestamp(registration.refreshed)
        updated = str(registration.attributes.get(_UPDATED_AT, ""))
        metadata = {
            "createdMode": CREATED_MODE,
            "createdTime": timestamp(registration.created),
            # Both are of one form, in which the later is the greater.
            "lastUpdatedTime": max(refreshed, updated),
        }
    device_id = device_id_of(registration)
    return Device(
        deviceId=device_id,
        href=place.link(device_id),
        phoneNumber=str(registration.attributes.get(Attribute.PHONE, "")),
        platform=platform_of(registration),
        token=_token_of(registration),
        userId=user_of(registration),
        **metadata,
    )


def from_subscriber(registration: Registration) -> Device:
    """Show the device of a subscription, in the fewer words that a page prints for it."""
    return Device(
        deviceId=device_id_of(registration),
        platform=platform_of(registration),
        token=_token_of(registration),
        userId=user_of(registration),
    )


def device_id_of(registration: Registration) -> str:
    """Name a device; one without an id goes by its registration's."""
    if registration.device_id is None:
        return spell("registration", registration.id)
    return registration.device_id


def platform_of(registration: Registration) -> str:
    """Spell a provider as the vendor's platform."""
    if registration.provider in (ProviderName.WEBPUSH, ProviderName.SMS):
        named = str(registration.attributes.get(_PLATFORM))
        if named in PROVIDERS:
            return named
    return _PLATFORMS[registration.provider]


def letter_of(provider: ProviderName) -> str:
    """Spell a provider as the vendor's platform, where no more is known."""
    return _PLATFORMS[provider]


def user_of(registration: Registration) -> str:
    """Name a device's user, never null: SDKs crash on it."""
    return registration.external_user_id or ANONYMOUS


def _token_of(registration: Registration) -> str:
    if registration.provider is ProviderName.WEBPUSH:
        return from_subscription(registration)
    return registration.token


def _to_address(platform: str, token: str) -> tuple[str, dict[str, Any]]:
    """Read a token, and what else it says of a browser; raises InvalidToken."""
    if PROVIDERS.get(platform) is not ProviderName.WEBPUSH:
        return token, {}
    endpoint, keys = to_subscription(token)
    return endpoint, {**keys, _PLATFORM: platform}


def _owner(account_id: Id, user_id: str | None) -> UserKey | None:
    """Name a device's owner. What SDKs read as nobody, they send back as nobody."""
    return None if user_id in (None, "", ANONYMOUS) else UserKey(account_id, str(user_id))


def _printable(user_agent: str) -> str:
    kept = "".join(letter for letter in user_agent if not has_control_characters(letter))
    return kept[:MAX_USER_AGENT_CHARS]
