"""Notifications as a page's service worker reads them, and as push services take them.

Source: docs/providers/webpush.md, "Request".
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from heliograph.core.model.notification import Priority
from heliograph.core.model.registration import ProviderName
from heliograph.providers.webpush.encryption import padded
from heliograph.providers.webpush.settings import (
    LONGEST_TTL_S,
    SHORTEST_TTL_S,
    TOPIC_LIMIT_CHARS,
)

if TYPE_CHECKING:
    from datetime import datetime

    from heliograph.config import WebPush
    from heliograph.core.model.notification import Content, Options
    from heliograph.outbound.http2.messages import Headers

CACHED_BY_WNS: Final[Headers] = ((b"x-wns-cache-policy", b"cache"),)
"""WNS refuses a TTL above 0 without it."""

_BODY_HEADERS: Final[Headers] = (
    (b"content-encoding", b"aes128gcm"),
    (b"content-type", b"application/octet-stream"),
)
# Some services take `-` and `_` in a topic and some do not.
_is_topic: Final = re.compile(rf"[A-Za-z0-9]{{1,{TOPIC_LIMIT_CHARS}}}").fullmatch


@dataclass(frozen=True, slots=True)
class Message:
    """A rendered notification, not yet encrypted.

    record: the plaintext, padded. headers: what all its requests say, beside their
    `authorization`. problem: why no push service would take it.
    """

    plaintext: bytes
    record: bytes
    headers: Headers
    problem: str | None = None


def build_message(
    content: Content, options: Options, settings: WebPush, *, expires_at: datetime, now: datetime
) -> Message:
    """Render a notification, and say whether push services would ever take it."""
    headers = _headers(options, expires_at=expires_at, now=now)
    limit = settings.payload_limit_bytes
    try:
        said = _merged(
            _rendering(content, options), content.overrides.get(ProviderName.WEBPUSH, {})
        )
        text = json.dumps(said, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    except (ValueError, TypeError, RecursionError):
        return Message(b"", b"", headers, "the content is not JSON")
    plaintext = text.encode("utf-8", "replace")
    if len(plaintext) > limit:
        problem = f"PayloadTooLarge: {len(plaintext)} bytes, at most {limit}"
        return Message(plaintext, b"", headers, problem)
    record = padded(plaintext, multiple_bytes=settings.padding_bytes, limit_bytes=limit)
    return Message(plaintext, record, headers)


def topic_of(collapse_key: str) -> str:
    """Spell a collapse key as a topic, of which only equality counts.

    Source: RFC 8030, section 5.4.
    """
    if _is_topic(collapse_key):
        return collapse_key
    digest = hashlib.sha256(collapse_key.encode("utf-8", "replace")).hexdigest()
    return digest[:TOPIC_LIMIT_CHARS]


def _headers(options: Options, *, expires_at: datetime, now: datetime) -> Headers:
    # What is left of the notification's life, so that a retry doesn't prolong it.
    left_s = math.ceil((expires_at - now).total_seconds()) if options.ttl_s else 0
    ttl_s = min(max(left_s, SHORTEST_TTL_S), LONGEST_TTL_S)
    urgency = b"high" if options.priority is Priority.HIGH else b"normal"
    headers = ((b"ttl", b"%d" % ttl_s), (b"urgency", urgency), *_BODY_HEADERS)
    if options.collapse_key is None:
        return headers
    return (*headers, (b"topic", topic_of(options.collapse_key).encode("ascii")))


def _rendering(content: Content, options: Options) -> dict[str, Any]:
    """Say it in the words of the browsers' Notification interface, where they have one."""
    said = {
        "title": content.title,
        "body": content.body,
        "tag": options.collapse_key,
        "sound": content.sound,
        "app_badge": content.badge,
        "data": dict(content.data) or None,
    }
    return {name: value for name, value in said.items() if value is not None}


def _merged(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> dict[str, Any]:
    """Lay one object over another, key by key; null takes a key out, a list replaces a list."""
    result = dict(ours)
    for name, value in theirs.items():
        if value is None:
            result.pop(name, None)
        elif isinstance(value, Mapping):
            under = result.get(name)
            result[name] = _merged(under if isinstance(under, Mapping) else {}, value)
        else:
            result[name] = value
    return result
