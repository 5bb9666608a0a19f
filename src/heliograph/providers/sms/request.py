"""Notifications as text messages: one text per notification, one request or PDU per number. Pure.

Source: docs/providers/sms.md, "Text" and "HTTP gateway".
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import quote

from heliograph.core.model.audience import AddressForm
from heliograph.core.model.registration import ProviderName
from heliograph.providers.sms.segments import Coding, Segments, limit_bytes, segment
from heliograph.providers.sms.settings import (
    MAX_SENDER_LETTERS,
    gateway_url,
    is_number,
    is_sender,
    setting_of,
)
from heliograph.providers.sms.vocabulary import Placeholder, Setting

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from heliograph.core.model.application import SmsGateway
    from heliograph.core.model.delivery import Target
    from heliograph.core.model.notification import Content, Options

_OVERRIDES: Final = ("text", "sender")
_CODINGS: Final = {Coding.GSM7: "0", Coding.UCS2: "2"}
_SETTINGS: Final = frozenset(Setting)
# Control characters move cursors and ring bells; only line ends belong in a text.
_UNWANTED: Final = re.compile(r"[\x00-\x09\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_placeholders: Final = re.compile("|".join(map(re.escape, Placeholder)))
_NO_SEGMENTS: Final = Segments(Coding.GSM7, (b"",), 0, 0)


@dataclass(frozen=True, slots=True)
class Message:
    """A rendered notification. sender: None for the account's own.

    problem: why nobody would be sent it.
    """

    text: str
    sender: str | None = None
    segments: Segments = _NO_SEGMENTS
    problem: str | None = None


class HttpRequest(NamedTuple):
    """A request to a gateway. body: a form's, of a POST."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes


def build_message(content: Content, *, max_segments: int) -> Message:
    """Render a notification, and say whether it can be sent at all."""
    said = content.overrides.get(ProviderName.SMS, {})
    problem = _problem_of(said)
    if problem is not None:
        return Message("", problem=f"overrides.sms: {problem}")
    text = _clean(said["text"]) if "text" in said else _text_of(content)
    sender = said.get("sender")
    if not text:
        return Message("", sender, problem="there is no text: no title, no body, no override")
    segments = segment(text)
    if segments.count > max_segments:
        problem = (
            f"{len(text)} characters are {segments.count} parts in {segments.coding}, "
            f"at most {max_segments} are sent"
        )
    return Message(text, sender, segments, problem)


def check_content(content: Content, options: Options, *, starts_at: datetime) -> str | None:
    """Say what is wrong with what is said for text messages, whoever it is for."""
    del options, starts_at
    return _problem_of(content.overrides.get(ProviderName.SMS, {}))


def problem_of(message: Message, target: Target) -> str | None:
    """Say why a message would not be sent to a target; None if it would be."""
    if message.problem is not None:
        return message.problem
    if target.form is not AddressForm.TOKEN:
        return f"SMS has no {target.form}"
    return (
        None if is_number(target.token) else "not a number as E.164 has it, such as +491701234567"
    )


def size_limit_bytes(max_segments: int) -> int:
    """Say how many octets a message may have over the air."""
    return limit_bytes(max_segments)


def build_gateway_request(gateway: SmsGateway, message: Message, number: str) -> HttpRequest:
    """Address a message to one number, in the words of the gateway's parameters."""
    values = _values_of(message, number)
    pairs = [
        (quote(each.name, safe=""), _filled(each.value, values, encode=each.encode))
        for each in gateway.parameters
        if each.name not in _SETTINGS
    ]
    pairs += [
        (quote(name, safe=""), quote(values[placeholder], safe=""))
        for name, placeholder in _unnamed(gateway, message)
    ]
    query = "&".join(f"{name}={value}" for name, value in pairs)
    url = gateway_url(gateway)
    if (setting_of(gateway, Setting.METHOD) or "GET").upper() == "GET":
        return HttpRequest("GET", f"{url}?{query}", {}, b"")
    headers = {"content-type": "application/x-www-form-urlencoded"}
    return HttpRequest("POST", url, headers, query.encode("ascii"))


def shown_request(gateway: SmsGateway, message: Message, number: str) -> HttpRequest:
    """Build the same with "…" for every value that the operator set, which may be a secret."""
    return build_gateway_request(_masked(gateway), message, number)


def _masked(gateway: SmsGateway) -> SmsGateway:
    shown = tuple(
        each
        if each.name in _SETTINGS or _placeholders.search(each.value)
        else replace(each, value="…")
        for each in gateway.parameters
    )
    return replace(gateway, parameters=shown)


def _problem_of(said: Mapping[str, Any]) -> str | None:
    unknown = [name for name in said if name not in _OVERRIDES]
    if unknown:
        return f"{unknown[0][:40]!r} is not one of {', '.join(_OVERRIDES)}"
    if not isinstance(said.get("text", ""), str):
        return "text must be a string"
    sender = said.get("sender")
    if sender is not None and not (isinstance(sender, str) and is_sender(sender)):
        return f"sender must be a number, or up to {MAX_SENDER_LETTERS} letters"
    return None


def _text_of(content: Content) -> str:
    """Say title and body, each on its own line. Data, sound and badge are no text."""
    lines = (_clean(text) for text in (content.title, content.body) if text is not None)
    return "\n".join(line for line in lines if line)


def _clean(text: str) -> str:
    return _UNWANTED.sub("", text).strip()


def _values_of(message: Message, number: str) -> dict[str, str]:
    return {
        Placeholder.TO: number,
        Placeholder.DIGITS: number.removeprefix("+"),
        Placeholder.TEXT: message.text,
        Placeholder.FROM: message.sender or "",
        Placeholder.CODING: _CODINGS[message.segments.coding],
    }


def _filled(value: str, values: Mapping[str, str], *, encode: bool) -> str:
    """Fill a value's placeholders; a message's own values are always percent-encoded."""
    filled = []
    end = 0
    for found in _placeholders.finditer(value):
        before = value[end : found.start()]
        filled += [quote(before, safe="") if encode else before, quote(values[found[0]], safe="")]
        end = found.end()
    rest = value[end:]
    return "".join([*filled, quote(rest, safe="") if encode else rest])


def _unnamed(gateway: SmsGateway, message: Message) -> list[tuple[str, Placeholder]]:
    """Say what no parameter asks for and yet has to travel, under the usual names."""
    values = [each.value for each in gateway.parameters if each.name not in _SETTINGS]

    def asks(*placeholders: str) -> bool:
        return any(each in value for value in values for each in placeholders)

    named = []
    if not asks(Placeholder.TO, Placeholder.DIGITS):
        named.append((setting_of(gateway, Setting.TO_NAME) or "to", Placeholder.TO))
    if not asks(Placeholder.TEXT):
        named.append((setting_of(gateway, Setting.TEXT_NAME) or "text", Placeholder.TEXT))
    if message.sender is not None and not asks(Placeholder.FROM):
        named.append((setting_of(gateway, Setting.FROM_NAME) or "from", Placeholder.FROM))
    return named
