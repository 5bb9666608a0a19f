"""Device registrations <-> the core's memberships and registrations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from heliograph.core.errors import InvalidRequest, Problem, ProblemKind
from heliograph.core.model.registration import Claim, Draft, IfFull, Slot, TokenKind
from heliograph.dialects.twilio.mapping.ids import (
    ORIGIN,
    PROVIDERS,
    ROOT,
    WORDS,
    spell_member,
    spell_user,
)
from heliograph.dialects.twilio.schemas import devices as schemas
from heliograph.dialects.twilio.schemas.wire import NamedResource

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from heliograph.core.ids import Id
    from heliograph.core.model.identity import Member, User
    from heliograph.core.model.registration import Owner, Registration
    from heliograph.dialects.twilio.mapping.paging import Filters

MEMBER_LIMIT = 50
"""Devices per user and App; one more is refused.

Source: docs/dialects/twilio.md, "Register".
"""

MAX_SHOWN = 1000
"""Registrations of one user that are looked through: other dialects may have made more than 50."""


@dataclass(frozen=True, slots=True)
class DeviceSet:
    """What Twilio calls a device registration: a user's devices in one App."""

    member: Member
    app_name: str
    devices: tuple[schemas.Device, ...]


def to_draft(
    body: schemas.RegisterDevice, application_id: Id, owner: Owner, *, now: datetime
) -> Draft:
    """Turn a device into a registration of a user's."""
    return Draft(
        application_id=application_id,
        slot=Slot(by_user=True, by_token=True),
        provider=PROVIDERS[body.provider],
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
        (each.provider, each.token): schemas.Device(token=each.token, provider=WORDS[each.provider])
        for each in by_age
        if each.provider in WORDS and each.kind is TokenKind.ALERT
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
                uri=f"{base_url}{ROOT}/Apps/{found.app_name}",
            ),
            schemas.Related(
                name="PUSH_NOTIFICATION_USER", id=user_id, uri=f"{base_url}{ROOT}/Users/{user_id}"
            ),
        ),
    )


def from_device_sets(
    found: Sequence[DeviceSet], base_url: str
) -> tuple[schemas.DeviceRegistration, ...]:
    """Show device registrations."""
    return tuple(from_device_set(each, base_url) for each in found)


def from_member(member_id: Id, base_url: str) -> NamedResource:
    """Name a device registration that was written, and where it is."""
    spelled = spell_member(member_id)
    return NamedResource(
        resource_id=spelled,
        resource_location=f"{base_url}{ROOT}/DeviceRegistrations/{spelled}",
    )


def to_filters(query: schemas.DeviceRegistrationQuery, account_id: Id) -> Filters:
    """Say what a page token is bound to: the list, whose it is, and its filters."""
    return (
        ("list", "DeviceRegistrations"),
        ("account", account_id.hex()),
        ("userId", query.user_id),
        ("appName", query.app_name),
    )


def newest_first(members: Iterable[Member], before: Id | None) -> Sequence[Member]:
    """Put memberships in a list's order, and leave out the pages before."""
    behind = [member for member in members if before is None or member.id < before]
    return sorted(behind, key=lambda member: member.id, reverse=True)
