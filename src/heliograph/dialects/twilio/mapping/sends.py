"""What is asked to be sent -> the core's words."""

from __future__ import annotations

from datetime import timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from heliograph.core.errors import Problem, ProblemKind
from heliograph.core.ids import Id
from heliograph.core.model.audience import Address, AddressForm, Recipient, Recipients
from heliograph.core.model.notification import Content, Options, Priority
from heliograph.core.model.registration import ProviderName
from heliograph.dialects.twilio.mapping.ids import PROVIDERS, WORDS, to_user_id

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from heliograph.core.errors import PathPart
    from heliograph.core.model.application import ShelvedCredential
    from heliograph.dialects.twilio.schemas import sends as schemas

MOST_AHEAD = timedelta(days=30)
"""How far ahead a send may be scheduled. Source: docs/dialects/twilio.md, "Send"."""

_NOBODY = Id(bytes(16))
_TOKEN = AddressForm.TOKEN
_NO_VARIABLES: Mapping[str, str] = MappingProxyType({})
_PRIORITIES = {"HIGH": Priority.HIGH, "LOW": Priority.NORMAL}
_SLOTS = {"apn": ProviderName.APNS, "fcm": ProviderName.FCM}


def to_audience(body: schemas.SendPushNotifications) -> Recipients:
    """List the recipients, each as often as it is named."""
    return Recipients.of(tuple(map(_to_recipient, body.to)))


def to_content(body: schemas.SendPushNotifications, app_name: str) -> Content:
    """Translate the content; without a title it is the App's name."""
    content = body.content
    return Content(
        title=app_name if content.title is None else content.title,
        body=content.body,
        sound=body.sound,
        overrides=_to_overrides(content.provider_passthrough),
        is_template=True,
    )


def to_options(
    body: schemas.SendPushNotifications,
    credentials: Sequence[tuple[ProviderName, Id]],
    *,
    now: datetime,
) -> Options:
    """Translate the rest; a time that has passed means at once."""
    send_at = None if body.schedule is None else body.schedule.send_at[0]
    return Options(
        priority=_PRIORITIES[body.priority],
        send_at=send_at if send_at is not None and send_at > now else None,
        credentials=tuple(credentials),
        marks=tuple((body.tags or {}).items()),
    )


def schedule_problems(body: schemas.SendPushNotifications, *, now: datetime) -> list[Problem]:
    """Name a time that is too far ahead."""
    if body.schedule is None or body.schedule.send_at[0] <= now + MOST_AHEAD:
        return []
    expected = f"at most {MOST_AHEAD.days} days ahead"
    return [Problem(("schedule", "sendAt", 0), ProblemKind.TOO_LARGE, expected)]


def own_credentials(shelf: Iterable[ShelvedCredential]) -> list[tuple[ProviderName, Id]]:
    """Name what an App sends by, production first."""
    own = [each for each in shelf if each.is_own and each.provider in WORDS]
    own.sort(key=lambda each: (each.provider, each.environment))
    return [(each.provider, each.id) for each in own]


def named_credentials(form: schemas.ByCredentials) -> dict[str, str]:
    """Answer the ids of credentials that a send names, by their slots."""
    given = (("fcm", form.fcm), ("apn", form.apn))
    return {slot: text for slot, text in given if text is not None}


def provider_of_slot(slot: str) -> ProviderName:
    """Say whose credential belongs into a slot of `from`."""
    return _SLOTS[slot]


def to_wire(problem: Problem) -> Problem:
    """Move a problem of a send from the core's path to the wire's."""
    return Problem(_wire_path(problem.path), problem.kind, problem.expected)


_APNS, _FCM = ProviderName.APNS.value, ProviderName.FCM.value
_PLACES: Mapping[tuple[str, ...], tuple[PathPart, ...]] = {
    ("audience", "recipients"): ("to",),
    ("content", "overrides", _APNS): ("content", "providerPassthrough", "apn"),
    ("content", "overrides", _FCM): ("content", "providerPassthrough", "fcm", "message"),
    ("options", "send_at"): ("schedule", "sendAt", 0),
    ("options", "credentials", _APNS): ("from", "apn"),
    ("options", "credentials", _FCM): ("from", "fcm"),
}
_NAMES: Mapping[PathPart, str] = {"user_id": "userId"}


def _wire_path(path: tuple[PathPart, ...]) -> tuple[PathPart, ...]:
    for inner, outer in _PLACES.items():
        if path[: len(inner)] == inner:
            return (*outer, *(_NAMES.get(part, part) for part in path[len(inner) :]))
    return path


def _to_recipient(body: schemas.Recipient) -> Recipient:
    variables = body.variables or _NO_VARIABLES
    if body.user_id is not None:
        # One that can't be ours is nobody, which is found out with all the others.
        user_id = to_user_id(body.user_id)
        return Recipient(user_id=user_id or _NOBODY, variables=variables)
    assert body.token is not None
    assert body.provider is not None
    # Every value is given: a default would be made anew for each of ten thousand.
    address = Address(PROVIDERS[body.provider], body.token, _TOKEN, _NO_VARIABLES)
    return Recipient(None, address, variables)


def _to_overrides(
    body: schemas.ProviderPassthrough | None,
) -> dict[ProviderName, Mapping[str, Any]]:
    overrides: dict[ProviderName, Mapping[str, Any]] = {}
    if body is not None and body.apn is not None:
        overrides[ProviderName.APNS] = _said(body.apn)
    if body is not None and body.fcm is not None:
        overrides[ProviderName.FCM] = _said(body.fcm.message)
    return {provider: said for provider, said in overrides.items() if said}


def _said(model: schemas.Apn | schemas.FcmMessage) -> Mapping[str, Any]:
    return model.model_dump(by_alias=True, exclude_unset=True)
