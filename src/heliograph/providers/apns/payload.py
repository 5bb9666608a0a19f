"""Payloads: our rendering of a content, Apple's own words over it, and what APNs wants in it.

Source: docs/providers/apns.md, "Payload".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from heliograph.providers.apns.overrides import APS
from heliograph.providers.apns.push_types import TRAITS, PushType

if TYPE_CHECKING:
    from collections.abc import Callable

    from heliograph.core.model.notification import Content
    from heliograph.providers.apns.overrides import Overrides

_SHOWN: Final = ("alert", "sound", "badge")
_EVENTS: Final = ("start", "update", "end")
_LEVELS: Final = ("passive", "active", "time-sensitive", "critical")
_BARE: Final = frozenset({PushType.MDM, PushType.FILEPROVIDER})
"""Push types whose payload has no `aps` of its own."""


def build_payload(
    content: Content, overrides: Overrides, asked: PushType | None, *, created_s: int
) -> tuple[PushType, dict[str, Any]]:
    """Render a content for a push type, or for the one that its payload turns out to need.

    asked: None means alert, or background where nothing is shown, played or
    badged. created_s: Unix seconds of the notification, which order the
    updates of a Live Activity: a repeated attempt keeps its place.
    """
    push_type = asked or PushType.ALERT
    payload: dict[str, Any] = {APS: _aps_of(content, push_type, created_s)}
    payload.update((name, value) for name, value in content.data.items() if name != APS)
    _merge(payload, overrides.payload)
    aps = payload.get(APS)
    if asked is None and not any(key in _SHOWN for key in aps or ()):
        push_type = PushType.BACKGROUND
        payload[APS] = {"content-available": 1, **(aps or {})}
    if push_type in _BARE and not payload.get(APS):
        payload.pop(APS, None)
    return push_type, payload


def problem_of(
    push_type: PushType, payload: Mapping[str, Any], *, is_broadcast: bool
) -> str | None:
    """Say why APNs or the device would not take a payload; None if nothing is wrong with it."""
    if not payload:
        return "PayloadEmpty"
    aps = payload.get(APS) or {}
    for key, (is_right, expected) in _CHECKS.items():
        if key in aps and not is_right(aps[key]):
            return f"BadPayload: aps.{key} must be {expected}"
    for key in sorted(TRAITS[push_type].forbidden):
        if key in aps:
            return f"BadPayload: aps.{key} does not go with push type {push_type}"
    return _missing_of(push_type, payload, aps, is_broadcast=is_broadcast)


def _aps_of(content: Content, push_type: PushType, created_s: int) -> dict[str, Any]:
    aps: dict[str, Any] = {}
    if TRAITS[push_type].is_shown:
        alert = {
            name: text
            for name, text in (("title", content.title), ("body", content.body))
            if text is not None
        }
        if content.sound is not None:
            # A Live Activity plays the sound of its alert.
            (alert if push_type is PushType.LIVEACTIVITY else aps)["sound"] = content.sound
        if alert:
            aps = {"alert": alert, **aps}
        if content.badge is not None and push_type is not PushType.LIVEACTIVITY:
            aps["badge"] = content.badge
    match push_type:
        case PushType.BACKGROUND:
            aps["content-available"] = 1
        case PushType.LIVEACTIVITY:
            aps |= {"timestamp": created_s, "event": "update"}
        case PushType.WIDGETS | PushType.CONTROLS:
            aps["content-changed"] = True
        case _:
            pass
    return aps


def _merge(payload: dict[str, Any], said: Mapping[str, Any]) -> None:
    """Put Apple's own words over ours: key by key in `aps` and its `alert`; null takes away."""
    for name, value in said.items():
        if name == APS and isinstance(value, Mapping):
            ours = payload[APS]
            alert = value.get("alert")
            if isinstance(alert, Mapping) and isinstance(ours.get("alert"), Mapping):
                value = {**value, "alert": _merged(ours["alert"], alert)}  # noqa: PLW2901
            payload[APS] = _merged(ours, value)
        elif value is None:
            payload.pop(name, None)
        else:
            payload[name] = value


def _merged(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in {**ours, **theirs}.items() if value is not None}


def _missing_of(
    push_type: PushType, payload: Mapping[str, Any], aps: Mapping[str, Any], *, is_broadcast: bool
) -> str | None:
    match push_type:
        case PushType.ALERT if not any(key in aps for key in _SHOWN):
            return "BadPayload: push type alert needs aps.alert, aps.sound or aps.badge"
        case PushType.BACKGROUND if aps.get("content-available") != 1:
            return "BadPayload: push type background needs aps.content-available 1"
        case PushType.MDM if not isinstance(payload.get("mdm"), str):
            return "BadPayload: push type mdm needs the key mdm, a string"
        case PushType.LIVEACTIVITY:
            return _activity_problem(aps, is_broadcast=is_broadcast)
        case _:
            return None


def _activity_problem(aps: Mapping[str, Any], *, is_broadcast: bool) -> str | None:
    event = aps.get("event")
    if event not in _EVENTS:
        return f"BadPayload: aps.event must be one of {', '.join(_EVENTS)}"
    if "timestamp" not in aps:
        return "BadPayload: push type liveactivity needs aps.timestamp"
    if is_broadcast and event == "start":
        return "BadPayload: a channel can't start an activity"
    wanted = () if event == "end" else ("content-state",)
    if event == "start":
        wanted = (*wanted, "attributes-type", "attributes")
    for key in wanted:
        if key not in aps:
            return f"BadPayload: event {event} needs aps.{key}"
    return None


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_object(value: object) -> bool:
    return isinstance(value, Mapping)


def _is_count(value: object) -> bool:
    return type(value) is int and value >= 0


def _is_switch(value: object) -> bool:
    return type(value) is int and value in (0, 1)


def _is_number(value: object) -> bool:
    return type(value) in (int, float)


def _is_sound(value: object) -> bool:
    return isinstance(value, str) or (isinstance(value, Mapping) and _is_text(value.get("name")))


_CHECKS: Final[Mapping[str, tuple[Callable[[object], bool], str]]] = {
    "alert": (lambda value: isinstance(value, (str, Mapping)), "a string or an object"),
    "sound": (_is_sound, "a string or an object with a name"),
    "badge": (_is_count, "a number from 0"),
    "thread-id": (_is_text, "a string"),
    "category": (_is_text, "a string"),
    "target-content-id": (_is_text, "a string"),
    "filter-criteria": (_is_text, "a string"),
    "interruption-level": (_LEVELS.__contains__, f"one of {', '.join(_LEVELS)}"),
    "relevance-score": (_is_number, "a number"),
    "content-available": (_is_switch, "0 or 1"),
    "mutable-content": (_is_switch, "0 or 1"),
    "content-changed": (lambda value: isinstance(value, bool), "true or false"),
    "timestamp": (_is_count, "Unix seconds"),
    "stale-date": (_is_count, "Unix seconds"),
    "dismissal-date": (_is_count, "Unix seconds"),
    "content-state": (_is_object, "an object"),
    "attributes": (_is_object, "an object"),
    "attributes-type": (_is_text, "a string"),
}
"""Keys of `aps` whose values have one documented type; others travel as they are."""
