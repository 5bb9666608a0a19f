"""Webhooks: where and what a customer's back end is told, and the events that it is told."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from heliograph.core.ids import Id

NOTHING: Mapping[str, Any] = MappingProxyType({})


class EventKind(StrEnum):
    """What happened; the `type` of a webhook's body."""

    REGISTRATION_CREATED = "registration.created"
    REGISTRATION_UPDATED = "registration.updated"
    REGISTRATION_DELETED = "registration.deleted"
    SUBSCRIPTION_CREATED = "subscription.created"
    SUBSCRIPTION_DELETED = "subscription.deleted"
    NOTIFICATION_STATUS = "notification.status"
    DELIVERY_ACCEPTED = "delivery.accepted"
    DELIVERY_REJECTED = "delivery.rejected"
    DELIVERY_GONE = "delivery.gone"
    DELIVERY_EXPIRED = "delivery.expired"
    DELIVERY_CANCELED = "delivery.canceled"
    RECEIPT_DELIVERED = "receipt.delivered"
    RECEIPT_OPENED = "receipt.opened"
    RECEIPT_DISMISSED = "receipt.dismissed"
    RECEIPT_FAILED = "receipt.failed"


ALL_KINDS = frozenset(EventKind)


class WebhookForm(StrEnum):
    """Whose bodies a webhook is sent: ours, or those of a vendor's API."""

    STANDARD = "standard"
    MOBILEFIRST = "mobilefirst"


class WebhookState(StrEnum):
    """Whether a webhook is sent to. A disabled one stays so until somebody enables it."""

    ENABLED = "enabled"
    DISABLED = "disabled"


@dataclass(frozen=True, slots=True)
class Webhook:
    """One endpoint of a customer's back end.

    name: the customer's own, unique in the application where given. settings: what a
    dialect keeps with it. disabled_reason: of one that we disabled ourselves.
    failing_since: when it failed first since it last took an event; failures: in
    a row since then.
    """

    id: Id
    application_id: Id
    url: str
    kinds: frozenset[EventKind]
    created: datetime
    updated: datetime
    name: str | None = None
    form: WebhookForm = WebhookForm.STANDARD
    state: WebhookState = WebhookState.ENABLED
    disabled_reason: str | None = None
    failing_since: datetime | None = None
    failures: int = 0
    settings: Mapping[str, Any] = field(default_factory=lambda: NOTHING)


@dataclass(frozen=True, slots=True)
class FormerSecret:
    """A secret that was replaced. until: signatures carry it as well, to then."""

    secret: str = field(repr=False)
    until: datetime


@dataclass(frozen=True, slots=True)
class WebhookSecrets:
    """What a webhook's calls are proven with. secret: `whsec_` and base64.

    basic: `user:password` of HTTP Basic, where the endpoint wants that.
    """

    secret: str = field(repr=False)
    former: FormerSecret | None = None
    basic: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened, as it is told.

    id: spelled, the `webhook-id` of every try. body: what the standard form shows.
    private: what only a dialect's form shows, such as device tokens; secret.
    """

    id: Id
    application_id: Id
    kind: EventKind
    at: datetime
    body: Mapping[str, Any]
    private: Mapping[str, Any] = field(default_factory=lambda: NOTHING, repr=False)


@dataclass(frozen=True, slots=True)
class Dispatch:
    """One event on its way to one webhook. attempts: that were made."""

    event: Event
    attempts: int
    due: datetime


@dataclass(frozen=True, slots=True)
class Claimed:
    """A webhook that is ours for a while, with events that are due, oldest first.

    sealed: its `WebhookSecrets`. epoch: of the claim; what an older one found out
    changes nothing.
    """

    webhook: Webhook
    sealed: bytes
    epoch: int
    dispatches: tuple[Dispatch, ...]


@dataclass(frozen=True, slots=True)
class Attempt:
    """One call of an endpoint. status: HTTP's; None where no answer came.

    detail: what went wrong. duration_ms: from connecting to the answer's head.
    """

    id: Id
    event_id: Id
    kind: EventKind
    at: datetime
    status: int | None
    detail: str | None
    duration_ms: int

    @property
    def is_success(self) -> bool:
        """Whether the endpoint took the event."""
        return self.status is not None and 200 <= self.status < 300  # noqa: PLR2004 - HTTP's


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of one dispatch. due: of the next try; None: there is none."""

    attempt: Attempt | None
    event_id: Id
    due: datetime | None
    attempts: int


@dataclass(frozen=True, slots=True)
class Visit:
    """What came of a claim, written in one piece.

    webhook: as it is now. not_before: when the endpoint may be called again.
    """

    webhook: Webhook
    epoch: int
    settled: tuple[Settled, ...]
    not_before: datetime


@dataclass(frozen=True, slots=True)
class Rendered:
    """The body of one call, and headers beside the specification's own."""

    body: bytes
    headers: Mapping[str, str] = field(default_factory=lambda: NOTHING)
