"""Recipients of a notification that lists them, and what became of each."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from heliograph.core.ids import Id
    from heliograph.core.model.notification import Content, Notification, NotificationState
    from heliograph.core.model.registration import ProviderName


class RecipientState(StrEnum):
    """Where a notification stands for one recipient, however many devices that is.

    UNADDRESSABLE: there was nothing to send to, or nothing to send by.
    """

    SCHEDULED = "scheduled"
    QUEUED = "queued"
    SENT = "sent"
    FAILED = "failed"
    CANCELED = "canceled"
    UNADDRESSABLE = "unaddressable"


class Traces(NamedTuple):
    """What the deliveries of one recipient say together. is_seen: there are any."""

    is_seen: bool = False
    is_accepted: bool = False
    is_waiting: bool = False
    is_failed: bool = False
    is_tried: bool = False


class Place(NamedTuple):
    """Where a recipient stands among all of an account's: newest first."""

    notification_id: Id
    ordinal: int


NO_TRACES = Traces()
"""Of who has no deliveries yet, or never will."""


@dataclass(frozen=True, slots=True)
class Tally:
    """How many recipients of a notification left the same traces; who left none is not in it."""

    traces: Mapping[Traces, int] = field(default_factory=lambda: MappingProxyType({}))
    last_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class RecipientRow:
    """A recipient as stored, with what its deliveries say.

    providers: those that were tried. last_at: of its last record.
    """

    place: Place
    user_id: Id | None
    provider: ProviderName | None
    token: str | None
    variables: Mapping[str, str]
    traces: Traces = NO_TRACES
    providers: frozenset[ProviderName] = frozenset()
    last_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class RecipientReport:
    """What one recipient was sent. content: as rendered for them; None in lists."""

    notification: Notification
    row: RecipientRow
    state: RecipientState
    updated: datetime
    content: Content | None = None


@dataclass(frozen=True, slots=True)
class SendReport:
    """A notification that lists its recipients, and how many of them are in which state."""

    notification: Notification
    counts: Mapping[RecipientState, int]
    updated: datetime


@dataclass(frozen=True, slots=True)
class SendFilter:
    """Which notifications are wanted; what is None rules nothing out. until: exclusive.

    marks: it must have all of them.
    """

    since: datetime | None = None
    until: datetime | None = None
    states: frozenset[NotificationState] | None = None
    notification_id: Id | None = None
    marks: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True, slots=True)
class RecipientFilter:
    """Which of their recipients are wanted; what is None rules nothing out."""

    send: SendFilter
    user_id: Id | None = None
    provider: ProviderName | None = None
    states: frozenset[RecipientState] | None = None
