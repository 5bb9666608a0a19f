"""Notifications: what was asked for, accepted once."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from heliograph.core.model.registration import TokenKind

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from heliograph.core.ids import Id
    from heliograph.core.model.audience import Audience
    from heliograph.core.model.registration import ProviderName

MAX_TTL_S = 2_419_200
"""Four weeks, the longest that every provider keeps a message. Source: docs/providers/fcm.md."""


class NotificationState(StrEnum):
    """scheduled → running ⇄ paused → completed; canceled, expired from any but completed."""

    SCHEDULED = "scheduled"
    RUNNING = "running"
    PAUSED = "paused"
    COMPLETED = "completed"
    CANCELED = "canceled"
    EXPIRED = "expired"


class Priority(StrEnum):
    """Whether a message may wake a sleeping device."""

    HIGH = "high"
    NORMAL = "normal"


class Record(StrEnum):
    """Which deliveries leave a row of their own; counters are always kept."""

    ALL = "all"
    FAILURES = "failures"
    COUNTERS = "counters"


@dataclass(frozen=True, slots=True)
class Content:
    """What the device shows, before any provider's rendering.

    overrides: what one provider's message says otherwise, in that provider's
    own words; merged over our rendering key by key. is_template: title, body
    and the texts of the overrides have places that each recipient's
    variables fill in.
    """

    title: str | None = None
    body: str | None = None
    data: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    sound: str | None = None
    badge: int | None = None
    overrides: Mapping[ProviderName, Mapping[str, Any]] = field(
        default_factory=lambda: MappingProxyType({})
    )
    is_template: bool = False


@dataclass(frozen=True, slots=True)
class Options:
    """How a notification travels.

    collapse_key: at most 64 bytes of UTF-8. category: what kind of
    notification it is, for registrations that filter by that. kind: the
    tokens it is for. send_at: None means at once. max_per_second: how many
    messages may leave in a second; None means as fast as providers take them.
    credentials: those to send by; empty means the application's own. marks:
    pairs by which a back end finds its notifications again. has_receipts:
    the data carries the notification's id, for apps that report what became
    of it. ignores_quiet_hours: it is sent at once to who wants to be left
    alone now.
    """

    ttl_s: int = MAX_TTL_S
    priority: Priority = Priority.HIGH
    collapse_key: str | None = None
    category: str | None = None
    kind: TokenKind = TokenKind.ALERT
    send_at: datetime | None = None
    max_per_second: int | None = None
    record: Record = Record.ALL
    credentials: tuple[tuple[ProviderName, Id], ...] = ()
    marks: tuple[tuple[str, str], ...] = ()
    has_receipts: bool = False
    ignores_quiet_hours: bool = False


@dataclass(frozen=True, slots=True)
class Notification:
    """One accepted request to notify an audience."""

    id: Id
    application_id: Id
    audience: Audience
    content: Content
    options: Options
    state: NotificationState
    created: datetime
    started_at: datetime | None = None
    completed_at: datetime | None = None

    @property
    def expires_at(self) -> datetime:
        """When a delivery that is still waiting is given up."""
        return (self.started_at or self.created) + timedelta(seconds=self.options.ttl_s)


@dataclass(frozen=True, slots=True)
class Counters:
    """How the deliveries of a notification stand; `deferred` are waiting now."""

    accepted: int = 0
    deferred: int = 0
    rejected: int = 0
    gone: int = 0
    expired: int = 0
    canceled: int = 0

    @property
    def targets(self) -> int:
        """Every registration or address that was reached so far."""
        return (
            self.accepted + self.deferred + self.rejected + self.gone + self.expired + self.canceled
        )
