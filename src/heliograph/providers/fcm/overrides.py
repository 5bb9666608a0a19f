"""What a notification says in FCM's own words, laid over our rendering. Pure.

Source: docs/providers/fcm.md, "Overrides".
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

Block = dict[str, Any]
_Path = tuple[str, ...]

TEXTS: Final[tuple[_Path, ...]] = (
    ("data",),
    ("android", "data"),
    ("android_v2", "data"),
    ("apns", "headers"),
    ("webpush", "data"),
    ("webpush", "headers"),
)
"""Objects that FCM wants to be of strings alone."""

# What stands in these is the app's, Apple's or the browser's to name, not FCM's.
_FREE: Final = frozenset({*TEXTS, ("apns", "payload"), ("webpush", "notification")})
_APNS_HEADERS: Final[_Path] = ("apns", "headers")
_CAPITAL: Final = re.compile(r"(?<=[a-z0-9])[A-Z]")


def spelled(overrides: Mapping[str, Any]) -> Block:
    """Spell FCM's field names in snake_case, as ours are: FCM takes both, but not one of each."""
    return _spelled(overrides, ())


def merged(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> Block:
    """Lay one object over another, key by key; null takes a key out, a list replaces a list."""
    result = dict(ours)
    for name, value in theirs.items():
        if value is None:
            result.pop(name, None)
        elif isinstance(value, Mapping):
            under = result.get(name)
            result[name] = merged(under if isinstance(under, Mapping) else {}, value)
        else:
            result[name] = value
    return result


def part_at(message: Mapping[str, Any], path: _Path) -> Any:
    """Answer a part of a message by its path; None where there is none."""
    part: Any = message
    for name in path:
        part = part.get(name) if isinstance(part, Mapping) else None
    return part


def with_texts(message: Block) -> Block:
    """Turn what FCM takes as strings alone into strings: a value that is none, into its JSON text.

    Raises ValueError, TypeError or RecursionError for what JSON can't hold.
    """
    for *outer, last in TEXTS:
        block = part_at(message, tuple(outer))
        values = part_at(message, (*outer, last))
        if isinstance(values, Mapping):
            block[last] = {
                key: value if isinstance(value, str) else json_text(value)
                for key, value in values.items()
            }
    return message


def json_text(value: Any) -> str:
    """Spell JSON as short as it can be; raises ValueError, TypeError or RecursionError."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def _spelled(value: Mapping[str, Any], path: _Path) -> Block:
    result = {}
    for name, inner in value.items():
        known = _snake_case(name)
        place = (*path, known)
        if place == _APNS_HEADERS and isinstance(inner, Mapping):
            result[known] = {header.lower(): text for header, text in inner.items()}
        elif isinstance(inner, Mapping) and place not in _FREE:
            result[known] = _spelled(inner, place)
        else:
            result[known] = inner
    return result


def _snake_case(name: str) -> str:
    return _CAPITAL.sub(lambda letter: "_" + letter.group().lower(), name)
