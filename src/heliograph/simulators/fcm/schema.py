"""The shape of an FCM send request, and a reader that checks a body against it.

Field names may come in lowerCamelCase or snake_case; a null counts as absent; an enum may
come in any case (Google's own SDK sends `"priority": "high"`). All violations are found, as
Google does.

Source: docs/providers/fcm.md, "Request body" (discovery document, revision 20261023).
"""

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final, NamedTuple

STRING: Final = "TYPE_STRING"
BOOL: Final = "TYPE_BOOL"
INT32: Final = "TYPE_INT32"
FLOAT: Final = "TYPE_FLOAT"
DURATION: Final = "type.googleapis.com/google.protobuf.Duration"
TIMESTAMP: Final = "type.googleapis.com/google.protobuf.Timestamp"
STRUCT: Final = "type.googleapis.com/google.protobuf.Struct"


class MapOf(NamedTuple):
    """An object of strings."""


class ListOf(NamedTuple):
    """An array of one scalar kind."""

    kind: str


class OneOf(NamedTuple):
    """An enum."""

    names: tuple[str, ...]


class Sub(NamedTuple):
    """Another message."""

    schema: str


Kind = str | MapOf | ListOf | OneOf | Sub

_PRIORITIES = tuple(
    f"PRIORITY_{name}" for name in ("UNSPECIFIED", "MIN", "LOW", "DEFAULT", "HIGH", "MAX")
)
_ANDROID_COMMON: Final[dict[str, Kind]] = {
    "bandwidthConstrainedOk": BOOL,
    "collapseKey": STRING,
    "data": MapOf(),
    "directBootOk": BOOL,
    "fcmOptions": Sub("AndroidFcmOptions"),
    "restrictedPackageName": STRING,
    "restrictedSatelliteOk": BOOL,
    "ttl": DURATION,
}
_ANDROID_NOTIFICATION: Final[dict[str, Kind]] = {
    **dict.fromkeys(("body", "bodyLocKey", "channelId", "clickAction", "color"), STRING),
    **dict.fromkeys(("icon", "image", "sound", "tag", "ticker", "title", "titleLocKey"), STRING),
    **dict.fromkeys(("defaultLightSettings", "defaultSound", "defaultVibrateTimings"), BOOL),
    **dict.fromkeys(("localOnly", "sticky"), BOOL),
    "bodyLocArgs": ListOf(STRING),
    "titleLocArgs": ListOf(STRING),
    "vibrateTimings": ListOf(DURATION),
    "eventTime": TIMESTAMP,
    "lightSettings": Sub("LightSettings"),
    "notificationCount": INT32,
    "notificationPriority": OneOf(_PRIORITIES),
    "visibility": OneOf(("VISIBILITY_UNSPECIFIED", "PRIVATE", "PUBLIC", "SECRET")),
}

SCHEMAS: Final[dict[str, dict[str, Kind]]] = {
    "SendMessageRequest": {"message": Sub("Message"), "validateOnly": BOOL},
    "Message": {
        **dict.fromkeys(("name", "token", "fid", "topic", "condition"), STRING),
        "data": MapOf(),
        "notification": Sub("Notification"),
        "android": Sub("AndroidConfig"),
        "androidV2": Sub("AndroidConfigV2"),
        "apns": Sub("ApnsConfig"),
        "webpush": Sub("WebpushConfig"),
        "fcmOptions": Sub("FcmOptions"),
    },
    "Notification": {"title": STRING, "body": STRING, "image": STRING},
    "FcmOptions": {"analyticsLabel": STRING},
    "AndroidFcmOptions": {"analyticsLabel": STRING},
    "ApnsFcmOptions": {"analyticsLabel": STRING, "image": STRING},
    "WebpushFcmOptions": {"analyticsLabel": STRING, "link": STRING},
    "AndroidConfig": {
        **_ANDROID_COMMON,
        "priority": OneOf(("NORMAL", "HIGH")),
        "notification": Sub("AndroidNotification"),
    },
    "AndroidConfigV2": {
        **_ANDROID_COMMON,
        "remoteNotification": Sub("AndroidRemoteNotification"),
        "backgroundSync": Sub("AndroidBackgroundSyncMessage"),
    },
    "AndroidBackgroundSyncMessage": {},
    "AndroidRemoteNotification": {
        "mutableContent": BOOL,
        "useAsV1DataMessage": BOOL,
        "notification": Sub("AndroidNotificationV2"),
    },
    "AndroidNotification": {
        **_ANDROID_NOTIFICATION,
        "bypassProxyNotification": BOOL,
        "proxy": OneOf(("PROXY_UNSPECIFIED", "ALLOW", "DENY", "IF_PRIORITY_LOWERED")),
    },
    "AndroidNotificationV2": {**_ANDROID_NOTIFICATION, "id": INT32},
    "LightSettings": {
        "color": Sub("Color"),
        "lightOnDuration": DURATION,
        "lightOffDuration": DURATION,
    },
    "Color": dict.fromkeys(("red", "green", "blue", "alpha"), FLOAT),
    "ApnsConfig": {
        "headers": MapOf(),
        "payload": STRUCT,
        "fcmOptions": Sub("ApnsFcmOptions"),
        "liveActivityToken": STRING,
    },
    "WebpushConfig": {
        "headers": MapOf(),
        "data": MapOf(),
        "notification": STRUCT,
        "fcmOptions": Sub("WebpushFcmOptions"),
    },
}

_is_duration: Final = re.compile(r"-?\d{1,12}(\.\d{1,9})?s").fullmatch
_is_int32_text: Final = re.compile(r"-?\d{1,10}").fullmatch


class Violation(NamedTuple):
    """One thing wrong with one field; `field` is a path in snake_case."""

    field: str
    description: str


def snake_case(name: str) -> str:
    """Spell a lowerCamelCase name in snake_case."""
    return re.sub(r"[A-Z]", lambda letter: "_" + letter.group().lower(), name)


def _spellings(fields: dict[str, Kind]) -> dict[str, tuple[str, str, Kind]]:
    """Map each accepted spelling to (lowerCamel, snake, kind)."""
    table = {}
    for name, kind in fields.items():
        entry = (name, snake_case(name), kind)
        table[entry[0]] = table[entry[1]] = entry
    return table


_TABLES: Final = {name: _spellings(fields) for name, fields in SCHEMAS.items()}


def read_request(body: Any) -> tuple[dict[str, Any], list[Violation]]:
    """Read a parsed body; return it in lowerCamelCase, and what is wrong with it."""
    violations: list[Violation] = []
    if not isinstance(body, dict):
        return {}, [Violation("", "Invalid JSON payload received. Expected an object.")]
    return _read_message(body, "SendMessageRequest", "", violations), violations


def _read_message(
    value: dict[str, Any], schema: str, path: str, violations: list[Violation]
) -> dict[str, Any]:
    table = _TABLES[schema]
    read = {}
    for name, item in value.items():
        entry = table.get(name)
        if entry is None:
            where = f" at '{path}'" if path else ""
            text = (
                f'Invalid JSON payload received. Unknown name "{name}"{where}: Cannot find field.'
            )
            violations.append(Violation(path, text))
        elif item is not None:
            camel, snake, kind = entry
            inner = f"{path}.{snake}" if path else snake
            read[camel] = _read_value(item, kind, inner, violations)
    return read


def _read_value(value: Any, kind: Kind, path: str, violations: list[Violation]) -> Any:
    match kind:
        case Sub():
            if isinstance(value, dict):
                return _read_message(value, kind.schema, path, violations)
            violations.append(_wrong(path, kind.schema, value))
            return {}
        case MapOf():
            return _read_map(value, path, violations)
        case ListOf():
            if not isinstance(value, list):
                violations.append(_wrong(path, kind.kind, value))
                return []
            for position, item in enumerate(value):
                _check_scalar(item, kind.kind, f"{path}[{position}]", violations)
        case OneOf():
            names = kind.names
            is_number = type(value) is int and 0 <= value < len(names)
            if not is_number and not (isinstance(value, str) and value.upper() in names):
                violations.append(_wrong(path, "TYPE_ENUM", value))
        case _:
            _check_scalar(value, kind, path, violations)
    return value


def _read_map(value: Any, path: str, violations: list[Violation]) -> dict[str, str]:
    if not isinstance(value, dict):
        violations.append(_wrong(path, "a map of strings", value))
        return {}
    for position, item in enumerate(value.values()):
        if not isinstance(item, str):
            violations.append(_wrong(f"{path}[{position}].value", STRING, item))
    return value


def _check_scalar(value: Any, kind: str, path: str, violations: list[Violation]) -> None:
    if not _CHECKS[kind](value):
        violations.append(_wrong(path, kind, value))


def _wrong(path: str, kind: str, value: Any) -> Violation:
    shown = value if isinstance(value, str | int | float | bool) else type(value).__name__
    return Violation(path, f"Invalid value at '{path}' ({kind}), {shown}")


def _is_timestamp(value: Any) -> bool:
    if not isinstance(value, str):
        return False
    try:
        return datetime.fromisoformat(value).tzinfo is not None
    except ValueError:
        return False


def _is_int32(value: Any) -> bool:
    if isinstance(value, str) and _is_int32_text(value):
        value = int(value)
    return type(value) is int and -(2**31) <= value < 2**31


_CHECKS: Final[dict[str, Callable[[Any], bool]]] = {
    STRING: lambda value: isinstance(value, str),
    BOOL: lambda value: isinstance(value, bool),
    INT32: _is_int32,
    FLOAT: lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    DURATION: lambda value: isinstance(value, str) and _is_duration(value) is not None,
    TIMESTAMP: _is_timestamp,
    STRUCT: lambda value: isinstance(value, dict),
}
