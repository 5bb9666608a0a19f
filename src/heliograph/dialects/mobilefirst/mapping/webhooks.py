"""Webhooks, and which of the core's events the vendor's types are."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote, urlsplit, urlunsplit

from heliograph.core.errors import InvalidRequest, Problem, ProblemKind
from heliograph.core.model.webhook import EventKind, WebhookForm
from heliograph.core.webhooks.webhooks import WebhookChanges, WebhookDraft
from heliograph.dialects.mobilefirst.schemas import webhooks as schemas

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from heliograph.core.model.webhook import Webhook

TYPES: Mapping[str, frozenset[EventKind]] = {
    "onDeviceRegister": frozenset({EventKind.REGISTRATION_CREATED}),
    "onDeviceUpdate": frozenset({EventKind.REGISTRATION_UPDATED}),
    "onDeviceUnregister": frozenset({EventKind.REGISTRATION_DELETED}),
    "onSubscribe": frozenset({EventKind.SUBSCRIPTION_CREATED}),
    "onUnsubscribe": frozenset({EventKind.SUBSCRIPTION_DELETED}),
    "onNotificationStatusChange": frozenset(
        {
            EventKind.DELIVERY_ACCEPTED,
            EventKind.RECEIPT_DELIVERED,
            EventKind.RECEIPT_OPENED,
        }
    ),
    "onNotificationFailure": frozenset(
        {
            EventKind.DELIVERY_REJECTED,
            EventKind.DELIVERY_GONE,
            EventKind.DELIVERY_EXPIRED,
        }
    ),
}
"""The vendor's types of events, and what the core calls them."""

TYPE_OF = {kind: name for name, kinds in TYPES.items() for kind in kinds}

_ALL = "*"
_TYPES = "event_types"


class _Place(NamedTuple):
    """A URL without credentials, and what was in it of them: `user:password`, or empty."""

    url: str
    basic: str


def to_draft(body: schemas.WebhookBody) -> WebhookDraft:
    """Translate a new webhook; raises InvalidRequest."""
    names, place = _names(body.event_types), _place(body.url)
    return WebhookDraft(
        url=place.url,
        kinds=_kinds(names),
        name=body.name,
        form=WebhookForm.MOBILEFIRST,
        basic=place.basic or None,
        settings={_TYPES: ",".join(names)},
    )


def to_changes(body: schemas.WebhookChanges, name: str) -> WebhookChanges:
    """Translate a change; raises InvalidRequest, for another name as well."""
    if body.name not in (None, name):
        expected = "the name of the path, which can't be changed"
        raise InvalidRequest([Problem(("name",), ProblemKind.NOT_ALLOWED, expected)])
    names, place = _names(body.event_types), _place(body.url)
    return WebhookChanges(
        url=place.url,
        kinds=_kinds(names),
        basic=place.basic,
        settings={_TYPES: ",".join(names)},
    )


def from_webhook(webhook: Webhook) -> schemas.Webhook:
    """Show a webhook; one that another API made shows the types that its events come under."""
    names = webhook.settings.get(_TYPES)
    if names is None:
        names = ",".join(name for name, kinds in TYPES.items() if kinds & webhook.kinds)
    return schemas.Webhook(name=webhook.name or "", url=webhook.url, eventTypes=names)


def _names(given: Sequence[str]) -> tuple[str, ...]:
    if _ALL in given:
        return (_ALL,)
    unknown = [name for name in given if name not in TYPES]
    if unknown:
        expected = f"of {', '.join(TYPES)} or {_ALL}, and not {unknown[0]!r}"
        raise InvalidRequest([Problem(("eventTypes",), ProblemKind.NOT_ALLOWED, expected)])
    return tuple(dict.fromkeys(given))


def _kinds(names: Sequence[str]) -> frozenset[EventKind]:
    wanted = TYPES if _ALL in names else names
    return frozenset().union(*(TYPES[name] for name in wanted))


def _place(url: str) -> _Place:
    """Take credentials out of a URL: `https://key@host/…` is documented, and means Basic."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return _Place(url, "")
    if "@" not in parts.netloc:
        return _Place(url, "")
    user_info, _, host = parts.netloc.rpartition("@")
    user, _, password = user_info.partition(":")
    basic = f"{unquote(user)}:{unquote(password)}"
    return _Place(urlunsplit(parts._replace(netloc=host)), basic)
