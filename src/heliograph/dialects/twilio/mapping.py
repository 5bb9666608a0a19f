"""Twilio's words to the core's: ids, devices, page tokens, error contexts."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from heliograph.core.errors import InvalidRequest, NotFound, Problem, ProblemKind
from heliograph.core.ids import Id, letters_of, raw_of
from heliograph.core.model.registration import (
    Claim,
    Draft,
    IfFull,
    ProviderName,
    Slot,
    TokenKind,
)
from heliograph.dialects.twilio import schemas

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from heliograph.core.errors import PathPart
    from heliograph.core.model.identity import ClientPrincipal, Member, User
    from heliograph.core.model.registration import Owner, Registration

ORIGIN = "twilio"

APP_ALIAS = "twilio_app"
"""The kind of alias by which an account names its applications here."""

PAGE_PURPOSE = "twilio-page"
"""What page tokens are signed for."""

MEMBER_LIMIT = 50
"""Devices per user and App; one more is refused.

Source: docs/dialects/twilio.md, "Register".
"""

MAX_SHOWN = 1000
"""Registrations of one user that are looked through: other dialects may have made more than 50."""

REGISTRATION_PREFIX = "comms_device_registration_"
USER_PREFIX = "comms_pushnotificationuser_"
_ROOT = "/v1/PushNotifications"

_PROVIDERS: dict[schemas.Provider, ProviderName] = {
    "APN": ProviderName.APNS,
    "FCM": ProviderName.FCM,
}
_WORDS = {name: word for word, name in _PROVIDERS.items()}

Filters = tuple[tuple[str, str | None], ...]
"""What a page token is bound to."""

_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_DIGEST_BYTES = 16


@dataclass(frozen=True, slots=True)
class DeviceSet:
    """What Twilio calls a device registration: a user's devices in one App."""

    member: Member
    app_name: str
    devices: tuple[schemas.Device, ...]


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


def to_draft(
    body: schemas.RegisterDevice, application_id: Id, owner: Owner, *, now: datetime
) -> Draft:
    """Turn a device into a registration of a user's."""
    return Draft(
        application_id=application_id,
        slot=Slot(by_user=True, by_token=True),
        provider=_PROVIDERS[body.provider],
        token=body.token,
        arrived_at=now,
        origin=ORIGIN,
        # A device is unique within an App: it moves to whom it was registered for last.
        claim=Claim.EXCLUSIVE,
        owner=owner,
        member_limit=MEMBER_LIMIT,
        if_full=IfFull.REFUSE,
    )


def unknown_names(
    body: schemas.RegisterDevice, *, is_app_known: bool, user: User | None
) -> InvalidRequest:
    """Make the refusal of a body that names what is not there."""
    problems = []
    if not is_app_known:
        problems.append(Problem(("appName",), ProblemKind.NOT_ALLOWED, "the name of an App"))
    if body.user_id is not None and user is None:
        expected = "the id of a User, or absent"
        problems.append(Problem(("userId",), ProblemKind.NOT_ALLOWED, expected))
    return InvalidRequest(problems)


def to_devices(registrations: Iterable[Registration]) -> tuple[schemas.Device, ...]:
    """List the devices that a notification can reach, by age and each once.

    Whichever dialect registered them. Other providers, and tokens for calls
    and live activities, have no word in this dialect.
    """
    by_age = sorted(registrations, key=lambda each: (each.created, each.id))
    found = {
        (each.provider, each.token): schemas.Device(
            token=each.token, provider=_WORDS[each.provider]
        )
        for each in by_age
        if each.provider in _WORDS and each.kind is TokenKind.ALERT
    }
    return tuple(found.values())


def from_device_set(found: DeviceSet, base_url: str) -> schemas.DeviceRegistration:
    """Show a device registration. base_url: the door's root as clients see it."""
    user_id = spell_user(found.member.user_id)
    return schemas.DeviceRegistration(
        id=spell_member(found.member.id),
        app_name=found.app_name,
        user_id=user_id,
        devices=found.devices,
        related=(
            schemas.Related(
                name="PUSH_NOTIFICATION_APP",
                id=found.app_name,
                uri=f"{base_url}{_ROOT}/Apps/{found.app_name}",
            ),
            schemas.Related(
                name="PUSH_NOTIFICATION_USER", id=user_id, uri=f"{base_url}{_ROOT}/Users/{user_id}"
            ),
        ),
    )


def from_device_sets(
    found: Sequence[DeviceSet], base_url: str
) -> tuple[schemas.DeviceRegistration, ...]:
    """Show device registrations."""
    return tuple(from_device_set(each, base_url) for each in found)


def from_member(member_id: Id, base_url: str) -> schemas.NamedResource:
    """Name a device registration that was written, and where it is."""
    spelled = spell_member(member_id)
    return schemas.NamedResource(
        resource_id=spelled,
        resource_location=f"{base_url}{_ROOT}/DeviceRegistrations/{spelled}",
    )


def resource_headers(resource: schemas.NamedResource) -> dict[str, str]:
    """Say the same in headers: `Location`, and the names that the preview version used."""
    return {
        "location": resource.resource_location,
        "resource-id": resource.resource_id,
        "resource-location": resource.resource_location,
    }


def to_filters(query: schemas.DeviceRegistrationQuery, account_id: Id) -> Filters:
    """Say what a page token is bound to: the list, whose it is, and its filters."""
    return (
        ("list", "DeviceRegistrations"),
        ("account", account_id.hex()),
        ("userId", query.user_id),
        ("appName", query.app_name),
    )


def from_before(before: Id | None, filters: Filters) -> bytes:
    """Pack a page token: the filters' digest, and the item before the page, if any."""
    digest = hashlib.sha256(json.dumps(filters).encode()).digest()
    return digest[:_DIGEST_BYTES] + (before or b"")


def to_before(payload: bytes | None, filters: Filters) -> Id | None:
    """Unpack a page token: the item before the page; None for the first page.

    payload: None where the token is none of ours. Raises InvalidRequest,
    also for a token that came with other filters.
    """
    if payload is None or payload[:_DIGEST_BYTES] != from_before(None, filters):
        expected = "a token that this list gave for the same filters"
        raise InvalidRequest([Problem(("pageToken",), ProblemKind.MALFORMED, expected)])
    return Id(payload[_DIGEST_BYTES:]) or None


def newest_first(members: Iterable[Member], before: Id | None) -> Sequence[Member]:
    """Put memberships in a list's order, and leave out the pages before."""
    behind = [member for member in members if before is None or member.id < before]
    return sorted(behind, key=lambda member: member.id, reverse=True)


def to_context(path: Sequence[PathPart]) -> str | None:
    """Spell where a problem is as a JSON path: `$.to[0].token`; None for the whole request."""
    if not path:
        return None
    return "$" + "".join(map(_step, path))


def _step(part: PathPart) -> str:
    if isinstance(part, int):
        return f"[{part}]"
    if _PLAIN_KEY.fullmatch(part):
        return f".{part}"
    # RFC 9535 section 2.3.1: any other name stands quoted in brackets.
    quoted = part.replace("\\", "\\\\").replace("'", "\\'")
    return f"['{quoted}']"
