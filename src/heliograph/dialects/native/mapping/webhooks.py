"""Webhooks <-> the core's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from heliograph.core.ids import Id, parse, spell
from heliograph.core.webhooks.webhooks import WebhookChanges, WebhookDraft
from heliograph.dialects.native.mapping.cursors import write_cursor
from heliograph.dialects.native.schemas import webhooks as schemas

if TYPE_CHECKING:
    from collections.abc import Sequence

    from heliograph.core.model.webhook import Attempt, Webhook


def to_draft(body: schemas.WebhookBody) -> WebhookDraft:
    """Translate a webhook that is asked for."""
    return WebhookDraft(body.url, frozenset(body.events), body.name, secret=body.secret)


def to_changes(body: schemas.WebhookChange) -> WebhookChanges:
    """Translate what is to be changed."""
    kinds = None if body.events is None else frozenset(body.events)
    return WebhookChanges(body.url, kinds, body.name)


def to_event_ids(body: schemas.ReplayBody) -> tuple[Id, ...]:
    """Read which events are wanted again; raises NotFound."""
    return tuple(parse("event", each) for each in body.event_ids)


def from_webhook(webhook: Webhook) -> schemas.Webhook:
    """Show a webhook."""
    return schemas.Webhook(**_fields_of(webhook))


def from_new(webhook: Webhook, secret: str) -> schemas.NewWebhook:
    """Show a webhook that was just made."""
    return schemas.NewWebhook(**_fields_of(webhook), secret=secret)


def from_webhooks(webhooks: Sequence[Webhook]) -> schemas.WebhookList:
    """Show an application's webhooks."""
    return schemas.WebhookList(items=tuple(map(from_webhook, webhooks)))


def from_attempts(attempts: Sequence[Attempt], next_before: Id | None) -> schemas.AttemptList:
    """Show a part of the calls."""
    return schemas.AttemptList(
        items=tuple(_from_attempt(each) for each in attempts),
        next=None if next_before is None else write_cursor(next_before),
    )


def _from_attempt(attempt: Attempt) -> schemas.Attempt:
    return schemas.Attempt(
        id=spell("attempt", attempt.id),
        event_id=spell("event", attempt.event_id),
        event=attempt.kind,
        at=attempt.at,
        status=attempt.status,
        detail=attempt.detail,
        duration_ms=attempt.duration_ms,
    )


def _fields_of(webhook: Webhook) -> dict[str, Any]:
    return {
        "id": spell("webhook", webhook.id),
        "url": webhook.url,
        "events": tuple(sorted(webhook.kinds)),
        "name": webhook.name,
        "form": webhook.form,
        "state": webhook.state,
        "disabled_reason": webhook.disabled_reason,
        "failing_since": webhook.failing_since,
        "created": webhook.created,
        "updated": webhook.updated,
    }
