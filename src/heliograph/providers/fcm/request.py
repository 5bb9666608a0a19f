"""Notifications as FCM wants them: one message per notification, one request per target.

Source: docs/providers/fcm.md, "Request".
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import timedelta
from json.encoder import encode_basestring_ascii
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from heliograph.core.model.audience import AddressForm
from heliograph.core.model.notification import Priority
from heliograph.core.model.registration import Attribute, ProviderName
from heliograph.outbound.header_text import header_key
from heliograph.outbound.http2.messages import Request
from heliograph.outbound.json_object import read_object
from heliograph.providers.fcm.checks import problems_of, size_bytes
from heliograph.providers.fcm.groups import condition_problem, topic_name, topic_problem
from heliograph.providers.fcm.overrides import (
    Block,
    json_text,
    merged,
    part_at,
    spelled,
    with_texts,
)
from heliograph.providers.fcm.settings import (
    LONGEST_TTL_S,
    PAYLOAD_LIMIT_BYTES,
    TOPIC_PAYLOAD_LIMIT_BYTES,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from heliograph.core.model.delivery import Target
    from heliograph.core.model.notification import Content, Options
    from heliograph.outbound.http2.messages import Headers

HEADERS: Final[Headers] = ((b"content-type", b"application/json"),)
"""What every request says, beside its `authorization`."""

FID: Final = "fid"
"""The value of `token_form` that makes a registration's token a Firebase installation id."""

TO_TOKEN: Final = "token"  # noqa: S105 - a field's name
GROUPS: Final = frozenset({AddressForm.TOPIC, AddressForm.CONDITION})
"""Targets that are many devices: nothing that FCM says of them is about one token."""

_COLLAPSE_ID_LIMIT_BYTES: Final = 64
_REFUSED: Final = "INVALID_ARGUMENT: "


@dataclass(frozen=True, slots=True)
class Message:
    """A rendered notification: the body before and after the field of its target.

    size_bytes: of what counts against FCM's limit. problem: why FCM would
    never take it.
    """

    head: bytes
    tail: bytes
    size_bytes: int = 0
    problem: str | None = None


def check_content(content: Content, options: Options, *, starts_at: datetime) -> str | None:
    """Say what is wrong with FCM's own words, whoever they are for."""
    expires_at = starts_at + timedelta(seconds=options.ttl_s)
    message = build_message(content, options, expires_at=expires_at, now=starts_at)
    return message.problem and message.problem.removeprefix(_REFUSED)


def build_path(project_id: str) -> bytes:
    """Say where a project's messages go."""
    return f"/v1/projects/{quote(project_id, safe='', errors='replace')}/messages:send".encode()


def build_message(
    content: Content, options: Options, *, expires_at: datetime, now: datetime
) -> Message:
    """Render a notification, and say whether FCM would ever take it."""
    try:
        overrides = spelled(content.overrides.get(ProviderName.FCM, {}))
        is_rehearsal = overrides.pop("validate_only", False)
        ours = _rendering(content, options, overrides, expires_at=expires_at, now=now)
        message = with_texts(merged(ours, overrides))
        problems = [*problems_of(message)]
        size = size_bytes(message)
        tail = json_text(message).encode("utf-8", "replace")[1:] + b"}"
    except (ValueError, TypeError, RecursionError):
        return Message(b"", b"", problem=f"{_REFUSED}data is not JSON")
    if not isinstance(is_rehearsal, bool):
        problems.append("validate_only must be true or false")
    head = b'{"validate_only":true,"message":{' if is_rehearsal is True else b'{"message":{'
    problem = _REFUSED + "; ".join(problems) if problems else None
    return Message(head, b"," + tail if message else tail, size, problem)


def field_of(form: AddressForm, attributes: str) -> str:
    """Say which field of the message names a target; empty for what FCM doesn't know.

    attributes: the registration's own JSON text.
    """
    match form:
        case AddressForm.TOKEN:
            # Most registrations don't name the form, and then nothing has to be read.
            is_told = f'"{Attribute.TOKEN_FORM}"' in attributes
            if is_told and read_object(attributes).get(Attribute.TOKEN_FORM) == FID:
                return FID
            return TO_TOKEN
        case AddressForm.TOPIC | AddressForm.CONDITION:
            return form.value
        case _:
            return ""


def limit_bytes(form: AddressForm) -> int:
    """Say how large a message may be."""
    return TOPIC_PAYLOAD_LIMIT_BYTES if form in GROUPS else PAYLOAD_LIMIT_BYTES


def problem_of(message: Message, target: Target) -> str | None:
    """Say why FCM would never take a message for this target; None if it might."""
    form = target.form
    if message.problem is not None:
        return message.problem
    limit = limit_bytes(form)
    if message.size_bytes > limit:
        return f"{_REFUSED}{message.size_bytes} bytes, at most {limit}"
    match form:
        case AddressForm.TOKEN:
            return None
        case AddressForm.TOPIC:
            problem = topic_problem(target.token)
        case AddressForm.CONDITION:
            problem = condition_problem(target.token)
        case _:
            problem = f"FCM has no {form}"
    return problem and _REFUSED + problem


def head_of(message: Message, field: str) -> bytes:
    """Begin the bodies of all targets that the same field names."""
    return message.head + f'"{field}":'.encode()


def build_request(path: bytes, head: bytes, message: Message, address: str) -> Request:
    """Address a message to one target."""
    return Request(path, head + encode_basestring_ascii(address).encode() + message.tail)


def address_of(target: Target) -> str:
    """Say a target's address as FCM spells it."""
    return topic_name(target.token) if target.form is AddressForm.TOPIC else target.token


def _rendering(
    content: Content,
    options: Options,
    overrides: Mapping[str, Any],
    *,
    expires_at: datetime,
    now: datetime,
) -> Block:
    """Render what the notification says in everybody's words."""
    shown = {
        name: text
        for name, text in (("title", content.title), ("body", content.body))
        if text is not None
    }
    message: Block = {}
    if shown:
        message["notification"] = shown
    if content.data:
        # Made texts here, since a null that the app sends is a value and no omission.
        message["data"] = with_texts({"data": content.data})["data"]
    travel: Block = {"ttl": _ttl(options, expires_at=expires_at, now=now)}
    if options.collapse_key is not None:
        travel["collapse_key"] = options.collapse_key
    if "android_v2" in overrides:
        # It excludes `android`, which has its own way to show a notification.
        message["android_v2"] = travel
    else:
        is_shown = bool(shown) or _says(overrides, ("notification",), ("android", "notification"))
        message["android"] = _android(content, options, travel, is_shown=is_shown)
    is_silent = not shown and content.sound is None and content.badge is None
    is_background = is_silent and not _says(
        overrides, ("notification",), ("apns", "payload", "aps"), ("apns", "live_activity_token")
    )
    message["apns"] = _apns(content, options, is_background=is_background, expires_at=expires_at)
    return message


def _says(overrides: Mapping[str, Any], *paths: tuple[str, ...]) -> bool:
    return any(part_at(overrides, path) for path in paths)


def _ttl(options: Options, *, expires_at: datetime, now: datetime) -> str:
    # What is left of the notification's life, so that a retry doesn't prolong it.
    left_s = math.ceil((expires_at - now).total_seconds()) if options.ttl_s else 0
    return f"{min(max(left_s, 0), LONGEST_TTL_S)}s"


def _android(content: Content, options: Options, travel: Block, *, is_shown: bool) -> Block:
    priority = "HIGH" if options.priority is Priority.HIGH else "NORMAL"
    android: Block = {"priority": priority, **travel}
    # Sound, count and tag belong to a shown notification: alone they would show an empty one.
    if is_shown:
        notification = {
            "sound": content.sound,
            "notification_count": content.badge,
            "tag": options.collapse_key,
        }
        given = {name: value for name, value in notification.items() if value is not None}
        if given:
            android["notification"] = given
    return android


def _apns(
    content: Content, options: Options, *, is_background: bool, expires_at: datetime
) -> Block:
    """Say what an iOS device behind FCM gets beside title, body and data."""
    is_urgent = options.priority is Priority.HIGH and not is_background
    headers = {
        "apns-priority": "10" if is_urgent else "5",
        "apns-expiration": str(int(expires_at.timestamp()) if options.ttl_s else 0),
    }
    if options.collapse_key is not None:
        headers["apns-collapse-id"] = header_key(
            options.collapse_key, limit_bytes=_COLLAPSE_ID_LIMIT_BYTES
        )
    if is_background:
        headers["apns-push-type"] = "background"
        return {"headers": headers, "payload": {"aps": {"content-available": 1}}}
    aps = {
        name: value
        for name, value in (("sound", content.sound), ("badge", content.badge))
        if value is not None
    }
    return {"headers": headers, "payload": {"aps": aps}} if aps else {"headers": headers}
