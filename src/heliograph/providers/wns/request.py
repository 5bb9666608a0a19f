"""Notifications as WNS wants them: one message per notification, one request per channel. Pure.

Source: docs/providers/wns.md, "Request".
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from heliograph.core.model.registration import ProviderName
from heliograph.providers.wns.overrides import (
    MAX_TTL_S,
    BadOverride,
    Kind,
    Overrides,
    read_overrides,
)
from heliograph.providers.wns.settings import MAX_TAG_CHARS, PAYLOAD_LIMIT_BYTES
from heliograph.providers.wns.xml import element, spell

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from heliograph.core.model.notification import Content, Options

LARGEST_BADGE: Final = 99
"""Windows shows more as 99+. Source: Microsoft, "Badge notifications"."""

_XML_TYPE: Final = "text/xml"
_RAW_TYPE: Final = "application/octet-stream"
# A sound of Windows or of the app's package; anything else is another platform's file.
_is_sound: Final = re.compile(r"ms-(?:winsoundevent:|appx:///|appdata:///)[!-~]{1,200}").fullmatch
_is_tag: Final = re.compile(rf"[A-Za-z0-9]{{1,{MAX_TAG_CHARS}}}").fullmatch


@dataclass(frozen=True, slots=True)
class Message:
    """A rendered notification. headers: by lower-case names, all but `authorization`.

    problem: why WNS would never take it.
    """

    headers: Mapping[str, str]
    body: bytes
    problem: str | None = None


def build_message(
    content: Content, options: Options, *, expires_at: datetime, now: datetime
) -> Message:
    """Render a notification, and say whether WNS would ever take it."""
    try:
        said = read_overrides(content.overrides.get(ProviderName.WNS, {}))
        kind = said.kind or _kind_of(content)
        body = said.body if said.body is not None else _body_of(kind, content)
    except BadOverride as error:
        return Message({}, b"", f"overrides.wns: {error}")
    except (ValueError, TypeError, RecursionError):
        return Message({}, b"", "data is not JSON")
    headers = _headers_of(kind, said, options, expires_at=expires_at, now=now)
    problem = None
    if not body:
        problem = f"there is nothing to say in a {kind}"
    elif len(body) > PAYLOAD_LIMIT_BYTES:
        problem = f"{len(body)} bytes, at most {PAYLOAD_LIMIT_BYTES}"
    return Message(headers, body, problem)


def check_content(content: Content, options: Options, *, starts_at: datetime) -> str | None:
    """Say what is wrong with Microsoft's own words, whoever they are for."""
    expires_at = starts_at + timedelta(seconds=options.ttl_s)
    message = build_message(content, options, expires_at=expires_at, now=starts_at)
    return None if len(message.body) > PAYLOAD_LIMIT_BYTES else message.problem


def _kind_of(content: Content) -> Kind:
    """Say what shows the most of a content: a toast, else the badge, else data for the app."""
    if content.title is not None or content.body is not None:
        return Kind.TOAST
    return Kind.BADGE if content.badge is not None else Kind.RAW


def _body_of(kind: Kind, content: Content) -> bytes:
    """Render a content as a kind; empty where it has nothing that the kind could show."""
    texts = [text for text in (content.title, content.body) if text]
    match kind:
        case Kind.TOAST:
            return _toast(texts, content) if texts else b""
        case Kind.TILE:
            visual = {"binding": [_binding(texts, "TileMedium"), _binding(texts, "TileWide")]}
            return spell(element("tile", {"visual": visual})) if texts else b""
        case Kind.BADGE:
            value = None if content.badge is None else min(content.badge, LARGEST_BADGE)
            return b"" if value is None else spell(element("badge", {"value": value}))
        case Kind.RAW:
            return _json(content.data) if content.data else b""


def _toast(texts: list[str], content: Content) -> bytes:
    toast: dict[str, Any] = {}
    if content.data:
        toast["launch"] = dict(content.data)
    toast["visual"] = {"binding": _binding(texts, "ToastGeneric")}
    if content.sound is not None and _is_sound(content.sound):
        toast["audio"] = {"src": content.sound}
    return spell(element("toast", toast))


def _json(values: Mapping[str, Any]) -> bytes:
    text = json.dumps(dict(values), ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.encode("utf-8", "replace")


def _binding(texts: list[str], template: str) -> dict[str, Any]:
    return {"template": template, "text": [{"content": text} for text in texts]}


def _headers_of(
    kind: Kind, said: Overrides, options: Options, *, expires_at: datetime, now: datetime
) -> dict[str, str]:
    headers = {
        "content-type": _RAW_TYPE if kind is Kind.RAW else _XML_TYPE,
        "x-wns-type": f"wns/{kind}",
        "x-wns-requestforstatus": "true",
    }
    # What is left of the notification's life, so that a retry doesn't prolong it.
    left_s = math.ceil((expires_at - now).total_seconds())
    if options.ttl_s:
        headers["x-wns-ttl"] = str(min(max(left_s, 1), MAX_TTL_S))
        if kind is Kind.RAW:
            # A raw notification is not kept for a device that is offline, unless one asks.
            headers["x-wns-cache-policy"] = "cache"
    elif kind is Kind.TOAST:
        # Toasts are always kept, so the shortest life is as near as can be.
        headers["x-wns-ttl"] = "1"
    else:
        headers["x-wns-cache-policy"] = "no-cache"
    if kind is Kind.TILE and options.collapse_key is not None:
        headers["x-wns-tag"] = _tag(options.collapse_key)
    return {**headers, **said.headers}


def _tag(key: str) -> str:
    """Spell a collapse key as a tag, of which only equality counts."""
    if _is_tag(key):
        return key
    return hashlib.sha256(key.encode("utf-8", "replace")).hexdigest()[:MAX_TAG_CHARS]
