"""What is wrong with a notification that somebody asks for: every problem, not the first.

Source: docs/dialects/native.md, "Notifications".
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, assert_never

from heliograph.core.errors import InvalidRequest, Problem, ProblemKind
from heliograph.core.model.audience import (
    Address,
    Addresses,
    AddressForm,
    Devices,
    Everyone,
    Recipients,
    Registrations,
    Tags,
    Users,
)
from heliograph.core.model.notification import MAX_TTL_S
from heliograph.core.model.registration import ProviderName
from heliograph.core.registrations.registrations import check_token
from heliograph.core.registrations.tokens import has_control_characters

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from heliograph.core.ids import Id
    from heliograph.core.model.audience import Audience, Recipient
    from heliograph.core.model.notification import Content, Options

MAX_LISTED = 10_000
"""Users, tags, registrations or addresses that one request may name."""

MAX_COLLAPSE_KEY_BYTES = 64
"""APNs' limit for its collapse id. Source: docs/providers/apns.md, "Request"."""

MAX_CATEGORY_CHARS = 256
MAX_PER_SECOND = 1_000_000

LATE = timedelta(seconds=60)
"""How far in the past a time to send at may lie: clocks differ, and requests take a while."""

MAX_AHEAD = timedelta(days=366)

_FORMS_OF = {
    AddressForm.TOPIC: ProviderName.FCM,
    AddressForm.CONDITION: ProviderName.FCM,
    AddressForm.CHANNEL: ProviderName.APNS,
}
_PRINTABLE = "free of control characters and lone surrogates"


def problems_of(
    audience: Audience, content: Content, options: Options, *, now: datetime
) -> list[Problem]:
    """Name all that is wrong with a notification."""
    return [
        *audience_problems(audience),
        *_content_problems(content),
        *_options_problems(options, now),
    ]


def audience_problems(audience: Audience) -> list[Problem]:
    """Name all that is wrong with an audience."""
    found: Iterable[tuple[Problem, ...]]
    match audience:
        case Everyone():
            return []
        case Users(names):
            field, count, found = "users", len(names), map(_name_problems, names)
        case Tags(names):
            field, count, found = "tags", len(names), map(_name_problems, names)
        case Devices(names):
            field, count, found = "devices", len(names), map(_name_problems, names)
        case Registrations(ids):
            field, count, found = "registrations", len(ids), map(_no_problems, ids)
        case Addresses(addresses):
            field, count, found = "addresses", len(addresses), map(_address_problems, addresses)
        case Recipients(items, count):
            field, found = "recipients", map(_recipient_problems, items)
        case _:
            assert_never(audience)
    if count == 0:
        return [Problem(("audience", field), ProblemKind.TOO_SHORT, "at least one")]
    if count > MAX_LISTED:
        return [Problem(("audience", field), ProblemKind.TOO_MANY, f"at most {MAX_LISTED}")]
    return [
        Problem(("audience", field, place, *problem.path), problem.kind, problem.expected)
        for place, problems in enumerate(found)
        for problem in problems
    ]


def _address_problems(address: Address) -> tuple[Problem, ...]:
    owner = _FORMS_OF.get(address.form)
    if owner is not None and address.provider is not owner:
        expected = f"token, for {address.provider} has no {address.form}s ({owner} does)"
        return (Problem(("form",), ProblemKind.NOT_ALLOWED, expected),)
    try:
        check_token(address.token)
    except InvalidRequest as error:
        return error.problems
    return ()


def _recipient_problems(recipient: Recipient) -> tuple[Problem, ...]:
    if (recipient.user_id is None) is (recipient.address is None):
        return (Problem((), ProblemKind.NOT_ALLOWED, "either a user or an address"),)
    return () if recipient.address is None else _address_problems(recipient.address)


def _name_problems(name: str) -> tuple[Problem, ...]:
    """Refuse what no user and no tag can be called: not every database could even look for it."""
    if not has_control_characters(name):
        return ()
    return (Problem((), ProblemKind.MALFORMED, _PRINTABLE),)


def _no_problems(_: Id) -> tuple[Problem, ...]:
    return ()


def _content_problems(content: Content) -> list[Problem]:
    is_empty = not content.data and content.badge is None and not any(content.overrides.values())
    if is_empty and content.title is None and content.body is None and content.sound is None:
        expected = "a title, body, data, sound, badge or overrides"
        return [Problem(("content",), ProblemKind.MISSING, expected)]
    return []


def _options_problems(options: Options, now: datetime) -> list[Problem]:
    found: list[tuple[str, ProblemKind, str]] = []
    if not 0 <= options.ttl_s <= MAX_TTL_S:
        found.append(("ttl_s", ProblemKind.NOT_ALLOWED, f"0 to {MAX_TTL_S} seconds"))
    key, category, pace = options.collapse_key, options.category, options.max_per_second
    if key is not None:
        is_long = not 0 < len(key.encode(errors="replace")) <= MAX_COLLAPSE_KEY_BYTES
        bound = f"1 to {MAX_COLLAPSE_KEY_BYTES} bytes"
        found += _word_problems("collapse_key", key, bound if is_long else None)
    if category is not None:
        is_long = not 0 < len(category) <= MAX_CATEGORY_CHARS
        bound = f"1 to {MAX_CATEGORY_CHARS} characters"
        found += _word_problems("category", category, bound if is_long else None)
    if pace is not None and not 1 <= pace <= MAX_PER_SECOND:
        found.append(("max_per_second", ProblemKind.NOT_ALLOWED, f"1 to {MAX_PER_SECOND}"))
    if options.send_at is not None:
        found += _time_problems(options.send_at, now)
    return [Problem(("options", field), kind, expected) for field, kind, expected in found]


def _word_problems(
    field: str, word: str, broken_bound: str | None
) -> list[tuple[str, ProblemKind, str]]:
    if has_control_characters(word):
        return [(field, ProblemKind.MALFORMED, _PRINTABLE)]
    return [(field, ProblemKind.TOO_LONG, broken_bound)] if broken_bound else []


def _time_problems(send_at: datetime, now: datetime) -> list[tuple[str, ProblemKind, str]]:
    if send_at.utcoffset() is None:
        return [("send_at", ProblemKind.MALFORMED, "a time with its offset from UTC")]
    if send_at < now - LATE:
        expected = f"in the future, or at most {LATE.seconds} seconds ago"
        return [("send_at", ProblemKind.TOO_SMALL, expected)]
    if send_at > now + MAX_AHEAD:
        return [("send_at", ProblemKind.TOO_LARGE, f"at most {MAX_AHEAD.days} days ahead")]
    return []
