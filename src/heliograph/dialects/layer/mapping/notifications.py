"""Notifications and announcements: who is told what, on which platform.

Recipients who are told the same become one notification; a badge and words
of one's own make it another. Source: docs/dialects/layer.md, "Notifications".
"""

from __future__ import annotations

import base64
import binascii
from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from uuid import UUID

from heliograph.core.errors import InvalidRequest, Problem, ProblemKind
from heliograph.core.ids import uuid_text
from heliograph.core.model.audience import Users
from heliograph.core.model.notification import Content
from heliograph.core.model.registration import ProviderName
from heliograph.core.notifications.idempotency import IdempotencyKey, body_hash
from heliograph.core.notifications.split_sends import Part
from heliograph.dialects.layer.mapping.sessions import to_user_id
from heliograph.dialects.layer.schemas import notifications as schemas

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from heliograph.core.model.application import Application
    from heliograph.core.model.notification import Notification

REQUEST_ID_HEADER = "If-None-Match"

MAX_PARTS = 1000
"""Notifications of one request; beyond, badges are left out rather than pushes."""

_ANNOUNCEMENT = "layer:///announcements/"
_TEXT = "text/plain"

_IN_ALERT = {
    "title": "title",
    "text": "body",
    "title_loc_key": "title-loc-key",
    "title_loc_args": "title-loc-args",
    "loc_key": "loc-key",
    "loc_args": "loc-args",
    "action_loc_key": "action-loc-key",
    "launch_image": "launch-image",
}
"""Layer's words for what stands in Apple's `aps.alert`."""

_AT_GOOGLE = {
    "title": "title",
    "text": "body",
    "sound": "sound",
    "title_loc_key": "title_loc_key",
    "title_loc_args": "title_loc_args",
    "loc_key": "body_loc_key",
    "loc_args": "body_loc_args",
}
"""Layer's words for what stands in Google's `android.notification`."""

_EVERYWHERE = ("title", "text", "sound")
"""What the core has a word for itself."""


@dataclass(frozen=True, slots=True)
class _Told:
    """What one recipient is told apart from others.

    own: which of the words are theirs, where everybody is told others on some platform.
    """

    title: str | None
    text: str | None
    sound: str | None
    own: frozenset[str] = frozenset()
    badge: int | None = None


def to_recipients(recipients: Sequence[str]) -> tuple[str, ...]:
    """Read whom a request names, each once."""
    return tuple(dict.fromkeys(map(to_user_id, recipients)))


def to_parts(
    recipients: Sequence[str], said: schemas.NotificationObject, badges: Mapping[str, int]
) -> list[Part]:
    """Say who is told what: one part for all who are told the same."""
    root = _Told(said.title, said.text, said.sound)
    own = {
        to_user_id(each.user_id): _Told(
            each.title or said.title,
            each.text or said.text,
            each.sound or said.sound,
            _own_words(said, each),
        )
        for each in said.recipients
    }
    groups = _grouped(recipients, own, root, badges)
    if len(groups) > MAX_PARTS:
        groups = _grouped(recipients, own, root, {})
    return [Part(Users(tuple(names)), _content(said, told)) for told, names in groups.items()]


def to_announced(body: schemas.AnnouncementBody) -> schemas.NotificationObject:
    """Say what a device shows of an announcement: its notification, else its first text.

    Its parts are kept nowhere, so that a push without words would lose them.
    """
    if body.notification is not None:
        return body.notification
    texts = (_text_of(part) for part in body.parts)
    text = next((each for each in texts if each), None)
    return schemas.NotificationObject(title=body.sender.name, text=text)


def to_key(values: Sequence[str], body: Any) -> IdempotencyKey | None:
    """Read the id that a request is repeated by; raises InvalidRequest for what is no UUID."""
    if not values:
        return None
    try:
        request_id = UUID(values[0].strip().strip('"'))
    except ValueError:
        problem = Problem((REQUEST_ID_HEADER,), ProblemKind.MALFORMED, "a UUID")
        raise InvalidRequest([problem]) from None
    return IdempotencyKey(f"layer:{request_id}", body_hash(body))


def from_announcement(
    body: schemas.AnnouncementBody, first: Notification, application: Application, root: str
) -> schemas.Announcement:
    """Show an announcement as it was accepted. root: the door's URL."""
    own_id = uuid_text(first.id)
    return schemas.Announcement(
        id=f"{_ANNOUNCEMENT}{own_id}",
        url=f"{root}/apps/{uuid_text(application.id)}/announcements/{own_id}",
        sent_at=first.created.isoformat(timespec="seconds"),
        recipients=body.recipients,
        sender={"name": body.sender.name, "user_id": None},
        parts=tuple(
            {name: text for name, text in part.model_dump().items() if text is not None}
            for part in body.parts
        ),
    )


def _grouped(
    recipients: Sequence[str],
    own: Mapping[str, _Told],
    root: _Told,
    badges: Mapping[str, int],
) -> dict[_Told, list[str]]:
    groups = defaultdict(list)
    for name in recipients:
        told = own.get(name, root)
        groups[replace(told, badge=badges.get(name))].append(name)
    return groups


def _own_words(
    said: schemas.NotificationObject, recipient: schemas.RecipientWording
) -> frozenset[str]:
    """Name the words of one's own that a platform's words for everybody must not replace."""
    platforms = [wording for wording in (said.apns, said.gcm) if wording is not None]
    return frozenset(
        name
        for name in _EVERYWHERE
        if getattr(recipient, name) is not None
        and any(getattr(wording, name) is not None for wording in platforms)
    )


def _content(said: schemas.NotificationObject, told: _Told) -> Content:
    """Render what is said in everybody's words, and the rest in each platform's own."""
    overrides = {
        ProviderName.APNS: _apple(said, told),
        ProviderName.FCM: _google(said, told),
    }
    return Content(
        title=told.title,
        body=told.text,
        sound=told.sound,
        data=said.data,
        overrides={provider: words for provider, words in overrides.items() if words},
    )


def _apple(said: schemas.NotificationObject, told: _Told) -> dict[str, Any]:
    ours = said.apns or schemas.Wording()
    shared = {name: getattr(said, name) for name in _IN_ALERT if name not in _EVERYWHERE}
    sound = None if "sound" in told.own else ours.sound
    alert = _renamed(_IN_ALERT, shared | _said(ours, told))
    given = {
        "alert": alert or None,
        "category": ours.category or said.category,
        "sound": sound,
        "badge": told.badge,
    }
    aps = {name: value for name, value in given.items() if value is not None}
    is_silent = told.title is None and told.text is None and told.sound is None
    if is_silent and not alert and sound is None:
        aps["content-available"] = 1
    words: dict[str, Any] = {"aps": aps} if aps else {}
    if said.data:
        # Apple's payload has them under one key, where Google's message has them already.
        words |= {name: None for name in said.data if name != "aps"} | {"data": said.data}
    return words


def _google(said: schemas.NotificationObject, told: _Told) -> dict[str, Any]:
    ours = said.gcm or schemas.Wording()
    shared = {name: getattr(said, name) for name in _AT_GOOGLE if name not in _EVERYWHERE}
    words = _renamed(_AT_GOOGLE, shared | _said(ours, told))
    return {"android": {"notification": words}} if words else {}


def _said(wording: schemas.Wording, told: _Told) -> dict[str, Any]:
    return {
        name: value
        for name in (*_IN_ALERT, "sound")
        if name not in told.own and (value := getattr(wording, name)) is not None
    }


def _renamed(names: Mapping[str, str], values: Mapping[str, Any]) -> dict[str, Any]:
    return {
        names[name]: list(value) if isinstance(value, tuple) else value
        for name, value in values.items()
        if name in names and value is not None
    }


def _text_of(part: schemas.Part) -> str | None:
    if part.mime_type.partition(";")[0].strip().lower() != _TEXT:
        return None
    if part.encoding is None:
        return part.body
    try:
        text = base64.b64decode(part.body, validate=True).decode()
    except (binascii.Error, ValueError):
        return None
    # Behind base64 is what a body may not hold in plain sight.
    return None if "\0" in text else text or None
