"""What a notification says to APNs in Apple's own words, read once per page.

    {"push_type": "location",
     "headers": {"apns-priority": 5, "apns-collapse-id": "…", "apns-expiration": 0,
                 "apns-topic": "…", "apns-push-type": "…"},
     "aps": {…},
     any other key of the payload: any value}

Source: docs/providers/apns.md, "Overrides".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

from heliograph.core.registrations.tokens import has_control_characters
from heliograph.providers.apns.push_types import PushType
from heliograph.providers.apns.settings import COLLAPSE_ID_LIMIT_BYTES

PUSH_TYPE: Final = "push_type"
HEADERS: Final = "headers"
APS: Final = "aps"

_TYPES: Final = ", ".join(PushType)
_HEADER_NAMES: Final = (
    "apns-collapse-id",
    "apns-expiration",
    "apns-priority",
    "apns-push-type",
    "apns-topic",
)
_is_number: Final = re.compile(r"[0-9]{1,12}").fullmatch
_NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})


class BadOverride(Exception):
    """An override that APNs would never take; the text names it and starts with Apple's word."""


@dataclass(frozen=True, slots=True)
class Overrides:
    """A notification's wishes for APNs. None: nothing was said.

    expiration: Unix seconds, 0 means now or never. payload: keys of the
    payload, `aps` among them.
    """

    push_type: PushType | None = None
    topic: str | None = None
    priority: int | None = None
    expiration: int | None = None
    collapse_id: str | None = None
    payload: Mapping[str, Any] = field(default_factory=lambda: _NOTHING)


NO_OVERRIDES: Final = Overrides()


def read_overrides(said: Mapping[str, Any] | None) -> Overrides:
    """Read what was said in Apple's words; raises BadOverride."""
    if not said:
        return NO_OVERRIDES
    headers = said.get(HEADERS) or _NOTHING
    if not isinstance(headers, Mapping):
        raise BadOverride("BadHeader: headers must be an object")
    for name in headers:
        if name not in _HEADER_NAMES:
            allowed = ", ".join(_HEADER_NAMES)
            raise BadOverride(f"BadHeader: {_shown(name)} is not one of {allowed}")
    aps = said.get(APS)
    if aps is not None and not isinstance(aps, Mapping):
        raise BadOverride("BadPayload: aps must be an object")
    return Overrides(
        push_type=_push_type_of(said.get(PUSH_TYPE), headers.get("apns-push-type")),
        topic=_topic_of(headers),
        priority=_number_of(headers, "apns-priority", "BadPriority"),
        expiration=_number_of(headers, "apns-expiration", "BadExpirationDate"),
        collapse_id=_collapse_id_of(headers),
        payload={name: value for name, value in said.items() if name not in (PUSH_TYPE, HEADERS)},
    )


def _push_type_of(said: object, in_header: object) -> PushType | None:
    found = in_header if said is None else said
    if found is None:
        return None
    if in_header not in (None, found):
        raise BadOverride("InvalidPushType: push_type and apns-push-type differ")
    if found not in tuple(PushType):
        raise BadOverride(f"InvalidPushType: {_shown(found)} is not one of {_TYPES}")
    return PushType(str(found))


def _number_of(headers: Mapping[str, Any], name: str, reason: str) -> int | None:
    value = headers.get(name)
    if value is None:
        return None
    if type(value) in (int, str) and _is_number(str(value)):
        return int(value)
    raise BadOverride(f"{reason}: {name} must be a whole number")


def _topic_of(headers: Mapping[str, Any]) -> str | None:
    value = headers.get("apns-topic")
    if value is None or isinstance(value, str):
        return value
    raise BadOverride("BadTopic: apns-topic must be a string")


def _collapse_id_of(headers: Mapping[str, Any]) -> str | None:
    value = headers.get("apns-collapse-id")
    if value is None:
        return None
    if not isinstance(value, str) or has_control_characters(value) or value != value.strip():
        raise BadOverride("BadCollapseId: apns-collapse-id must be one line of text")
    size = len(value.encode())
    if not 0 < size <= COLLAPSE_ID_LIMIT_BYTES:
        raise BadOverride(f"BadCollapseId: {size} bytes, 1 to {COLLAPSE_ID_LIMIT_BYTES} allowed")
    return value


def _shown(value: object) -> str:
    """Show a short excerpt of what a caller wrote."""
    return value[:40] if isinstance(value, str) else type(value).__name__
