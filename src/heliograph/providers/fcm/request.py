"""Notifications as FCM wants them: one message per notification, one request per token.

Source: docs/providers/fcm.md, "Request".
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from heliograph.core.model.notification import Priority
from heliograph.core.model.outcome import Rejected
from heliograph.outbound.header_text import header_key
from heliograph.outbound.http2.messages import Request
from heliograph.providers.fcm.settings import LONGEST_TTL_S, PAYLOAD_LIMIT_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from heliograph.core.model.notification import Content, Options
    from heliograph.outbound.http2.messages import Headers

RESERVED_KEYS: Final = frozenset({"from", "message_type"})
"""Data keys that FCM sets itself, so it refuses messages that bring their own."""

RESERVED_PREFIXES: Final = ("google.", "gcm.notification.")
"""Beginnings of data keys that belong to Google's libraries on the device.

Source: Google, FCM v1 REST reference, `Message.data`.
"""

HEADERS: Final[Headers] = ((b"content-type", b"application/json"),)
"""What every request says, beside its `authorization`."""

_COLLAPSE_ID_LIMIT_BYTES: Final = 64
_SHOWN_CHARS: Final = 100


@dataclass(frozen=True, slots=True)
class Message:
    """A rendered notification: the body before and after the place of the token."""

    head: bytes
    tail: bytes


def build_path(project_id: str) -> bytes:
    """Say where a project's messages go."""
    return f"/v1/projects/{quote(project_id, safe='', errors='replace')}/messages:send".encode()


def is_reserved(key: str) -> bool:
    """Say whether FCM refuses messages whose data has this key."""
    return key in RESERVED_KEYS or key.startswith(RESERVED_PREFIXES)


def build_message(
    content: Content, options: Options, *, expires_at: datetime, now: datetime
) -> Message | Rejected:
    """Render a notification; Rejected where FCM would never take it."""
    for key in content.data:
        if is_reserved(key):
            return Rejected(f"INVALID_ARGUMENT: the data key {key[:_SHOWN_CHARS]!r} is reserved")
    shown = {
        name: text
        for name, text in (("title", content.title), ("body", content.body))
        if text is not None
    }
    try:
        texts = {key: _text(value) for key, value in content.data.items()}
    except (ValueError, TypeError, RecursionError):
        return Rejected("INVALID_ARGUMENT: data is not JSON")
    size = _size_bytes([*shown.values(), *texts, *texts.values()])
    if size > PAYLOAD_LIMIT_BYTES:
        return Rejected(f"INVALID_ARGUMENT: {size} bytes, at most {PAYLOAD_LIMIT_BYTES}")
    parts: dict[str, Any] = {}
    if shown:
        parts["notification"] = shown
    if texts:
        parts["data"] = texts
    parts["android"] = _android(content, options, expires_at=expires_at, now=now)
    parts["apns"] = _apns(content, options, expires_at=expires_at)
    return Message(
        b'{"message":{"token":', b"," + _json(parts).encode("utf-8", "replace")[1:] + b"}"
    )


def build_request(path: bytes, message: Message, token: str) -> Request:
    """Address a message to one device."""
    return Request(path, message.head + json.dumps(token).encode("ascii") + message.tail)


def _android(
    content: Content, options: Options, *, expires_at: datetime, now: datetime
) -> dict[str, Any]:
    # What is left of the notification's life, so that a retry doesn't prolong it.
    left_s = math.ceil((expires_at - now).total_seconds()) if options.ttl_s else 0
    android: dict[str, Any] = {
        "priority": "HIGH" if options.priority is Priority.HIGH else "NORMAL",
        "ttl": f"{min(max(left_s, 0), LONGEST_TTL_S)}s",
    }
    if options.collapse_key is not None:
        android["collapse_key"] = options.collapse_key
    # Sound, count and tag belong to a shown notification: alone they would show an empty one.
    if content.title is not None or content.body is not None:
        notification = {
            "sound": content.sound,
            "notification_count": content.badge,
            "tag": options.collapse_key,
        }
        given = {name: value for name, value in notification.items() if value is not None}
        if given:
            android["notification"] = given
    return android


def _apns(content: Content, options: Options, *, expires_at: datetime) -> dict[str, Any]:
    """Say what an iOS device behind FCM gets beside title, body and data."""
    visible = (content.title, content.body, content.sound, content.badge)
    is_background = visible == (None,) * len(visible)
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


def _text(value: Any) -> str:
    return value if isinstance(value, str) else _json(value)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def _size_bytes(texts: Iterable[str]) -> int:
    return sum(len(text.encode("utf-8", "replace")) for text in texts)
