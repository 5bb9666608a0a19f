"""Callers and records for the use cases, and stores that hold a few of them in lists."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from heliograph.core.ids import Id, new_id
from heliograph.core.model.application import Application
from heliograph.core.model.identity import (
    ALL_SCOPES,
    ApiClient,
    ClientPrincipal,
    Scope,
    Session,
    SessionForm,
    SessionPrincipal,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from heliograph.core.model.notification import Notification
    from heliograph.core.notifications.idempotency import IdempotencyKey

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ACCOUNT = new_id(NOW)
APPLICATION = Application(new_id(NOW), ACCOUNT, "demo", NOW)
OTHER_APPLICATION = Application(new_id(NOW), ACCOUNT, "other", NOW)
FOREIGN_APPLICATION = Application(new_id(NOW), new_id(NOW), "foreign", NOW)


def client(
    *, scopes: frozenset[Scope] = ALL_SCOPES, application_id: Id | None = None
) -> ClientPrincipal:
    """A back end of the account."""
    return ClientPrincipal(ApiClient(new_id(NOW), ACCOUNT, "back end", scopes, NOW, application_id))


def session(external_id: str | None = "ann", **fields: Any) -> SessionPrincipal:
    """A user's device."""
    given: dict[str, Any] = {
        "id": new_id(NOW),
        "account_id": ACCOUNT,
        "application_id": APPLICATION.id,
        "user_id": new_id(NOW),
        "member_id": new_id(NOW),
        "form": SessionForm.NATIVE,
        "created": NOW,
        "expires_at": NOW + timedelta(days=1),
        "external_user_id": external_id,
    }
    return SessionPrincipal(Session(**given | fields))


@dataclass
class RecordingStore:
    """Notes every call and answers what the test put into `answers`."""

    answers: dict[str, Any] = field(default_factory=dict)
    calls: list[tuple[Any, ...]] = field(default_factory=list)

    def __getattr__(self, name: str) -> Any:
        async def call(*given: Any, **named: Any) -> Any:
            self.calls.append((name, given, named))
            return self.answers.get(name)

        return call

    def asked(self, name: str) -> list[tuple[Any, ...]]:
        """The arguments of every call of this name."""
        return [given for called, given, _ in self.calls if called == name]


@dataclass
class ListedNotifications(RecordingStore):
    """Keeps what was accepted."""

    accepted: list[Notification] = field(default_factory=list)
    keys: list[IdempotencyKey | None] = field(default_factory=list)

    async def accept(
        self, notification: Notification, key: IdempotencyKey | None = None
    ) -> Notification | None:
        self.keys.append(key)
        self.accepted.append(notification)
        return notification

    async def notifications(
        self, application_id: Id, *, before: Id | None, limit: int
    ) -> Sequence[Notification]:
        newest = sorted(self.accepted, key=lambda each: each.id, reverse=True)
        return [each for each in newest if before is None or each.id < before][:limit]
