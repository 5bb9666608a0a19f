"""What FCM checks on a send request, without any I/O.

Source: docs/providers/fcm.md.
"""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

from heliograph.simulators.exchange import Answer
from heliograph.simulators.fcm import errors
from heliograph.simulators.fcm.schema import Violation, read_request, snake_case

PAYLOAD_LIMIT_BYTES: Final = 4096
LONGEST_TTL_S: Final = 2_419_200
_TARGETS: Final = ("token", "fid", "topic", "condition")
_RESERVED_KEYS: Final = frozenset({"from", "message_type"})
_RESERVED_PREFIXES: Final = ("google.", "gcm.notification.")
_MOST_TOPICS: Final = 5
_PLATFORMS: Final = ("android", "androidV2", "apns", "webpush")

# Google documents no form for a token; these are the letters of all it was seen to issue.
is_token: Final = re.compile(r"[A-Za-z0-9_:-]{1,4096}").fullmatch
is_topic: Final = re.compile(r"(?:/topics/)?[a-zA-Z0-9\-_.~%]{1,900}").fullmatch
_is_label: Final = re.compile(r"[a-zA-Z0-9\-_.~%]{1,50}").fullmatch
_topics_in: Final = re.compile(r"'[a-zA-Z0-9\-_.~%]{1,900}'\s+in\s+topics").findall


_BAD_ADDRESS: Final = "The registration token is not a valid FCM registration token"
_TARGET_REFUSALS: Final = {
    "token": _BAD_ADDRESS,
    "fid": _BAD_ADDRESS,
    "topic": "Invalid topic name.",
    "condition": "Invalid condition expression provided.",
}
_TARGET_FORMS: Final[dict[str, Callable[[str], object]]] = {
    "token": is_token,
    "fid": is_token,
    "topic": is_topic,
    "condition": lambda value: 1 <= len(_topics_in(value)) <= _MOST_TOPICS,
}


class Accepted(NamedTuple):
    """A message FCM would deliver; target: a token, `/topics/<name>` or a condition."""

    target: str
    is_rehearsal: bool


class Invalid(NamedTuple):
    """A message FCM refuses, and whether by its own code or by the API's outer layer."""

    message: str
    violations: tuple[Violation, ...]
    has_fcm_code: bool = True

    def answer(self) -> Answer:
        """Say it in Google's envelope: always 400 INVALID_ARGUMENT."""
        details = [errors.fcm_error("INVALID_ARGUMENT")] if self.has_fcm_code else []
        if self.violations:
            details.append(errors.bad_request(self.violations))
        return errors.envelope(400, self.message, details)


def judge(body: bytes) -> Accepted | Invalid:
    """Say what FCM makes of one authenticated body."""
    try:
        parsed = json.loads(body)
    except (ValueError, RecursionError):
        return Invalid("Invalid JSON payload received.", (), has_fcm_code=False)
    request, violations = read_request(parsed)
    if violations:
        text = "\n".join(violation.description for violation in violations)
        return Invalid(text, tuple(violations), has_fcm_code=False)
    message = request.get("message")
    if message is None:
        return _invalid("message", "Recipient of the message is not set.")
    target = _target_of(message)
    if isinstance(target, Invalid):
        return target
    problem = next(_problems(message), None)
    if problem is not None:
        return _invalid(*problem)
    return Accepted(target, request.get("validateOnly", False))


def _invalid(field: str, message: str) -> Invalid:
    return Invalid(message, (Violation(field, message),))


def _target_of(message: dict[str, Any]) -> str | Invalid:
    given = [name for name in _TARGETS if name in message]
    if not given:
        return _invalid("message", "Recipient of the message is not set.")
    if len(given) > 1:
        text = f"The target of a message is one field; it has {' and '.join(given)}."
        return Invalid(text, (Violation("message", text),), has_fcm_code=False)
    kind = given[0]
    value: str = message[kind]
    if not _TARGET_FORMS[kind](value):
        return _invalid(f"message.{kind}", _TARGET_REFUSALS[kind])
    return "/topics/" + value.removeprefix("/topics/") if kind == "topic" else value


def _problems(message: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Find what a well-formed message still must not say, as (field, sentence)."""
    if "android" in message and "androidV2" in message:
        yield "message.android_v2", "android and android_v2 exclude each other."
    for part, path in _parts(message):
        yield from _problems_of_part(part, path)
    link = message.get("webpush", {}).get("fcmOptions", {}).get("link")
    if link is not None and not link.startswith("https://"):
        yield "message.webpush.fcm_options.link", "Invalid link: it must be an HTTPS URL."
    for platform, size in _sizes(message):
        if size > PAYLOAD_LIMIT_BYTES:
            yield "message", f"{platform} message is too big"


def _problems_of_part(part: dict[str, Any], path: str) -> Iterator[tuple[str, str]]:
    for key in part.get("data", ()):
        if key in _RESERVED_KEYS or key.startswith(_RESERVED_PREFIXES):
            yield f"{path}.data", f"Invalid data payload key: {key}"
    ttl = part.get("ttl")
    if ttl is not None and not 0 <= float(ttl[:-1]) <= LONGEST_TTL_S:
        yield f"{path}.ttl", f"Invalid TTL: it must be from 0 to {LONGEST_TTL_S} seconds."
    label = part.get("fcmOptions", {}).get("analyticsLabel")
    if label is not None and not _is_label(label):
        yield f"{path}.fcm_options.analytics_label", "Invalid analytics label."


def _parts(message: dict[str, Any]) -> Iterator[tuple[dict[str, Any], str]]:
    yield message, "message"
    for name in _PLATFORMS:
        if name in message:
            yield message[name], f"message.{snake_case(name)}"


def _sizes(message: dict[str, Any]) -> Iterator[tuple[str, int]]:
    """Count what reaches each platform: the texts of data and notification, in UTF-8."""
    shared = {name: message.get(name, {}) for name in ("data", "notification")}
    for platform, name in (("Android", "android"), ("Web", "webpush")):
        own = message.get(name, {})
        merged = [{**shared[part], **own.get(part, {})} for part in shared]
        yield platform, sum(map(_text_size, merged))
    payload = message.get("apns", {}).get("payload")
    if payload is not None:
        spelled = json.dumps(payload, ensure_ascii=False, separators=(",", ":"))
        yield "iOS", len(spelled.encode("utf-8", "replace"))


def _text_size(fields: dict[str, Any]) -> int:
    size = 0
    for name, value in fields.items():
        text = value if isinstance(value, str) else json.dumps(value)
        size += len(name.encode("utf-8", "replace")) + len(text.encode("utf-8", "replace"))
    return size
