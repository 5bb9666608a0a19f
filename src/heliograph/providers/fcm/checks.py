"""What FCM would refuse of a message, found before it is sent. Pure.

Only what is certain is looked for: fields that we don't know may be new ones
of FCM's, and pass.

Source: docs/providers/fcm.md, "Request" and "Limits".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from heliograph.providers.fcm.overrides import json_text, part_at
from heliograph.providers.fcm.settings import LONGEST_TTL_S, MAX_LABEL_CHARS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

RESERVED_KEYS: Final = frozenset({"from", "message_type"})
"""Data keys that FCM sets itself, so it refuses messages that bring their own."""

RESERVED_PREFIXES: Final = ("google.", "gcm.notification.")
"""Beginnings of data keys that belong to Google's libraries on the device.

Source: Google, FCM v1 REST reference, `Message.data`.
"""

TARGETS: Final = ("token", "fid", "topic", "condition")
"""Fields that say whom a message is for, which its content must not."""

_OBJECTS: Final = (
    *(("notification",), ("data",), ("fcm_options",)),
    *(("android",), ("android", "notification"), ("android", "data"), ("android", "fcm_options")),
    *(("android_v2",), ("android_v2", "data"), ("android_v2", "fcm_options")),
    *(("apns",), ("apns", "headers"), ("apns", "payload"), ("apns", "fcm_options")),
    *(("webpush",), ("webpush", "headers"), ("webpush", "data"), ("webpush", "notification")),
    ("webpush", "fcm_options"),
)
_DATA: Final = (("data",), ("android", "data"), ("android_v2", "data"), ("webpush", "data"))
_LABELS: Final = ((), ("android",), ("android_v2",), ("apns",), ("webpush",))
_PRIORITIES: Final = frozenset({"HIGH", "NORMAL"})
_SHOWN_CHARS: Final = 100
_ttl: Final = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)s").fullmatch
_is_label: Final = re.compile(rf"[a-zA-Z0-9\-_.~%]{{1,{MAX_LABEL_CHARS}}}").fullmatch


def is_reserved(key: str) -> bool:
    """Say whether FCM refuses messages whose data has this key."""
    return key in RESERVED_KEYS or key.startswith(RESERVED_PREFIXES)


def problems_of(message: Mapping[str, Any]) -> Iterator[str]:
    """Find what FCM would refuse, whoever it is for. message: without its target."""
    for name in (*TARGETS, "name"):
        if name in message:
            yield f"message.{name} is not for the content to say"
    for path in _OBJECTS:
        part = part_at(message, path)
        if part is not None and not isinstance(part, Mapping):
            yield f"{_shown(path)} must be an object"
    if "android" in message and "android_v2" in message:
        yield "message.android and message.android_v2 exclude each other"
    yield from _reserved_keys(message)
    yield from _bad_values(message)


def size_bytes(message: Mapping[str, Any]) -> int:
    """Measure a message as its largest reader gets it: Android, browsers or iOS.

    Of data keys and values count, of a shown notification its texts, of an
    APNs payload its JSON.
    """
    sizes = []
    for block in ("android", "android_v2", "webpush"):
        data, shown = (
            {**_object(message, (part,)), **_object(message, (block, part))}
            for part in ("data", "notification")
        )
        sizes.append(_bytes_of([*data, *_texts(data), *_texts(shown)]))
    payload = _object(message, ("apns", "payload"))
    return max(*sizes, _bytes_of([json_text(payload)]) if payload else 0)


def _reserved_keys(message: Mapping[str, Any]) -> Iterator[str]:
    for path in _DATA:
        for key in filter(is_reserved, _object(message, path)):
            yield f"the data key {key[:_SHOWN_CHARS]!r} is reserved"


def _bad_values(message: Mapping[str, Any]) -> Iterator[str]:
    for block in ("android", "android_v2"):
        ttl = part_at(message, (block, "ttl"))
        if ttl is not None and not _is_ttl(ttl):
            yield f'message.{block}.ttl must be seconds such as "3.5s", 0 to {LONGEST_TTL_S}'
    priority = part_at(message, ("android", "priority"))
    if priority is not None and not (isinstance(priority, str) and priority.upper() in _PRIORITIES):
        yield "message.android.priority must be HIGH or NORMAL"
    for path in _LABELS:
        place = (*path, "fcm_options", "analytics_label")
        label = part_at(message, place)
        if label is not None and not (isinstance(label, str) and _is_label(label)):
            yield f"{_shown(place)} must be 1 to {MAX_LABEL_CHARS} letters, digits or -_.~%"
    link = part_at(message, ("webpush", "fcm_options", "link"))
    if link is not None and not (isinstance(link, str) and link.startswith("https://")):
        yield "message.webpush.fcm_options.link must be an https:// URL"


def _is_ttl(ttl: object) -> bool:
    match = _ttl(ttl) if isinstance(ttl, str) else None
    return match is not None and float(match[1]) <= LONGEST_TTL_S


def _object(message: Mapping[str, Any], path: tuple[str, ...]) -> Mapping[str, Any]:
    part = part_at(message, path)
    return part if isinstance(part, Mapping) else {}


def _texts(value: Any) -> Iterator[str]:
    """Find every string inside a value, names of fields apart."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)


def _bytes_of(texts: Iterable[str]) -> int:
    return sum(len(text.encode("utf-8", "replace")) for text in texts)


def _shown(path: tuple[str, ...]) -> str:
    return ".".join(("message", *path))
