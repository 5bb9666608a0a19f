"""Notifications as APNs wants them: one message per variant, one request per token.

Source: docs/providers/apns.md, "Request".
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from heliograph.core.model.notification import Priority
from heliograph.core.model.outcome import Misconfigured, Rejected
from heliograph.core.model.registration import Attribute
from heliograph.outbound.header_text import header_key
from heliograph.outbound.http2.messages import Request
from heliograph.outbound.json_object import read_object
from heliograph.providers.apns.settings import (
    COLLAPSE_ID_LIMIT_BYTES,
    PAYLOAD_LIMIT_BYTES,
    VOIP_PAYLOAD_LIMIT_BYTES,
)

if TYPE_CHECKING:
    from datetime import datetime

    from heliograph.core.model.notification import Content, Options
    from heliograph.outbound.http2.messages import Headers


class PushType(StrEnum):
    """What the device does with a push; `apns-push-type`."""

    ALERT = "alert"
    BACKGROUND = "background"
    VOIP = "voip"


TOPIC_SUFFIXES: Final = {PushType.ALERT: "", PushType.BACKGROUND: "", PushType.VOIP: ".voip"}
"""What a push type adds to the bundle id."""

_PATH_PREFIX: Final = b"/3/device/"
_RESERVED_KEY: Final = "aps"
_IMMEDIATE: Final = b"10"
_POWER_AWARE: Final = b"5"
# A bundle id comes from a device, so it is not believed to be one before it is in a header.
_is_bundle_id: Final = re.compile(r"(?=.{1,155}\Z)[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*").fullmatch


@dataclass(frozen=True, slots=True)
class Message:
    """A notification rendered for one topic; `headers` are the same for every token."""

    headers: Headers
    body: bytes


def push_type_of(content: Content) -> PushType:
    """Tell an alert from a background push, which shows, plays and badges nothing."""
    visible = (content.title, content.body, content.sound, content.badge)
    return PushType.BACKGROUND if visible == (None,) * len(visible) else PushType.ALERT


def bundle_id_of(attributes: str) -> str | None:
    """Read the bundle id out of a registration's attributes, JSON text or empty."""
    bundle_id = read_object(attributes).get(Attribute.BUNDLE_ID)
    return bundle_id if isinstance(bundle_id, str) and bundle_id else None


def build_topic(
    bundle_id: str | None, default_bundle_id: str | None, push_type: PushType
) -> bytes | Rejected | Misconfigured:
    """Say the `apns-topic`, or why there is none.

    A bad bundle id of one registration is that registration's trouble; a
    missing or bad default is the application's.
    """
    chosen = bundle_id or default_bundle_id
    if not chosen:
        return Misconfigured("MissingTopic: neither registration nor application has a bundle id")
    if not _is_bundle_id(chosen):
        reason = "BadTopic"
        return Rejected(reason) if bundle_id else Misconfigured(reason)
    return (chosen + TOPIC_SUFFIXES[push_type]).encode("ascii")


def build_message(
    content: Content,
    options: Options,
    *,
    topic: bytes,
    push_type: PushType,
    expires_at: datetime,
) -> Message | Rejected:
    """Render a notification for a topic; Rejected where APNs would never take it."""
    try:
        body = _encode(_payload(content, push_type))
    except (ValueError, TypeError, RecursionError):
        return Rejected("BadPayload: data is not JSON")
    limit = VOIP_PAYLOAD_LIMIT_BYTES if push_type is PushType.VOIP else PAYLOAD_LIMIT_BYTES
    if len(body) > limit:
        return Rejected(f"PayloadTooLarge: {len(body)} bytes, at most {limit}")
    is_urgent = options.priority is Priority.HIGH and push_type is not PushType.BACKGROUND
    expiration = int(expires_at.timestamp()) if options.ttl_s else 0
    headers: Headers = (
        (b"apns-topic", topic),
        (b"apns-push-type", push_type.encode("ascii")),
        (b"apns-priority", _IMMEDIATE if is_urgent else _POWER_AWARE),
        (b"apns-expiration", b"%d" % expiration),
    )
    if options.collapse_key is not None:
        collapse_id = header_key(options.collapse_key, limit_bytes=COLLAPSE_ID_LIMIT_BYTES)
        headers += ((b"apns-collapse-id", collapse_id.encode("ascii")),)
    return Message(headers, body)


def build_request(message: Message, token: str, message_id: str) -> Request:
    """Address a message to one device."""
    # The test is cheaper than `quote`, and true for every token that Apple ever issued.
    path = token if token.isascii() and token.isalnum() else quote(token, "", errors="replace")
    return Request(
        _PATH_PREFIX + path.encode("ascii"),
        message.body,
        ((b"apns-id", message_id.encode("ascii")),),
    )


def _payload(content: Content, push_type: PushType) -> dict[str, Any]:
    aps: dict[str, Any] = {}
    alert = {
        name: text
        for name, text in (("title", content.title), ("body", content.body))
        if text is not None
    }
    if alert:
        aps["alert"] = alert
    if content.sound is not None:
        aps["sound"] = content.sound
    if content.badge is not None:
        aps["badge"] = content.badge
    if push_type is PushType.BACKGROUND:
        aps["content-available"] = 1
    own = {name: value for name, value in content.data.items() if name != _RESERVED_KEY}
    return {_RESERVED_KEY: aps, **own}


def _encode(payload: dict[str, Any]) -> bytes:
    text = json.dumps(payload, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.encode("utf-8", "replace")
