"""Webhooks.

Source: docs/dialects/native.md, "Webhooks".
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import Field

from heliograph.core.model.webhook import EventKind, WebhookForm, WebhookState
from heliograph.core.webhooks.webhooks import MAX_NAME_CHARS
from heliograph.dialects.native.schemas.times import Moment
from heliograph.web.schemas import Choice, Items, Schema

MAX_REPLAYED_IDS = 1000

Url = Annotated[str, Field(min_length=1, max_length=2048)]
Name = Annotated[str, Field(min_length=1, max_length=MAX_NAME_CHARS)]
Kinds = Annotated[Items[Choice[EventKind]], Field(min_length=1, max_length=len(EventKind))]
EventId = Annotated[str, Field(pattern="^evt_[0-9a-z]{26}$")]


class WebhookBody(Schema):
    """POST …/webhooks. secret: your own, where you bring one along."""

    url: Url
    events: Kinds
    name: Name | None = None
    secret: Annotated[str, Field(min_length=1, max_length=128)] | None = None


class WebhookChange(Schema):
    """PATCH …/webhooks/{id}: what is given is changed."""

    url: Url | None = None
    events: Kinds | None = None
    name: Name | None = None


class RotationBody(Schema):
    """POST …/rotate-secret. overlap_s: how long the former secret signs as well."""

    overlap_s: Annotated[int, Field(ge=0, le=604_800)] = 86_400


class ReplayBody(Schema):
    """POST …/replay: events by their ids, or of a time."""

    event_ids: Annotated[Items[EventId], Field(min_length=1, max_length=MAX_REPLAYED_IDS)] = ()
    since: Moment | None = None
    until: Moment | None = None


class Webhook(Schema):
    """A webhook as it is shown. failing_since: when the calls that fail began to."""

    id: str
    url: str
    events: tuple[EventKind, ...]
    name: str | None
    form: WebhookForm
    state: WebhookState
    disabled_reason: str | None
    failing_since: datetime | None
    created: datetime
    updated: datetime


class NewWebhook(Webhook):
    """A webhook just made. secret: shown this once."""

    secret: str


class NewSecret(Schema):
    """A webhook's new secret, shown this once."""

    secret: str


class WebhookList(Schema):
    """All webhooks of an application."""

    items: tuple[Webhook, ...]
    next: None = None


class Attempt(Schema):
    """One call of an endpoint. status: null where no answer came."""

    id: str
    event_id: str
    event: EventKind
    at: datetime
    status: int | None
    detail: str | None
    duration_ms: int


class AttemptList(Schema):
    """A part of the calls, newest first. next: the cursor of the next part."""

    items: tuple[Attempt, ...]
    next: str | None


class ReplayReport(Schema):
    """How many events are sent again."""

    events: int
