"""What the domain asks of whatever keeps notifications and looks up audiences.

Every method may raise `Unavailable`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from heliograph.core.model.delivery import DeliveryFilter

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from heliograph.core.ids import Id
    from heliograph.core.model.audience import Audience, Reach
    from heliograph.core.model.delivery import Cursor, Delivery, FirstPage, Reservation, Target
    from heliograph.core.model.notification import Counters, Notification
    from heliograph.core.model.recipient import (
        Place,
        RecipientFilter,
        RecipientRow,
        SendFilter,
        Tally,
    )
    from heliograph.core.model.registration import TokenKind
    from heliograph.core.notifications.idempotency import IdempotencyKey, Remembered
    from heliograph.core.notifications.states import Step


NO_FILTER = DeliveryFilter()
"""Wants every delivery of a notification."""


class NotificationStore(Protocol):
    """Accepted notifications and the records of their deliveries."""

    async def accept(
        self, notification: Notification, key: IdempotencyKey | None = None
    ) -> Notification | None:
        """Write a notification, its recipients, its shards and its key in one piece.

        A notification in state `running` is cut into shards here. Answers
        what stands under the key: this notification, or the one that was
        accepted with it before; None where that had another body.
        """
        ...

    async def accept_and_begin(
        self, notification: Notification, key: IdempotencyKey | None, place: Reservation
    ) -> tuple[Notification, FirstPage | None] | None:
        """Accept as above; what is small is claimed for a place, and its first page read.

        No page: it was accepted before, or is not small after all.
        """
        ...

    async def remembered(self, application_id: Id, key: str, *, now: datetime) -> Remembered | None:
        """Read what a key stands for, as long as it lives."""
        ...

    async def step(
        self, application_id: Id, notification_id: Id, step: Step, *, now: datetime
    ) -> Notification | None:
        """Take a step where it is allowed; answers the notification as it is then."""
        ...

    async def start_due(self, *, now: datetime) -> Id | None:
        """Start one scheduled notification that is due and cut it into shards.

        Of nodes that call at once, each starts another one. None: nothing is due.
        """
        ...

    async def notification(self, application_id: Id, notification_id: Id) -> Notification | None:
        """Read a notification."""
        ...

    async def notifications(
        self, application_id: Id, *, before: Id | None, limit: int
    ) -> Sequence[Notification]:
        """List notifications, newest first."""
        ...

    async def counters(self, notification_id: Id) -> Counters:
        """Sum what became of a notification."""
        ...

    async def deliveries(
        self,
        notification: Notification,
        wanted: DeliveryFilter = NO_FILTER,
        *,
        after: Cursor | None,
        limit: int,
    ) -> Sequence[Delivery]:
        """List deliveries in the order of the scan, with the next try of those that wait."""
        ...


class RecipientStore(Protocol):
    """What became of notifications that list their recipients."""

    async def sends(
        self, application_ids: Sequence[Id], wanted: SendFilter, *, before: Id | None, limit: int
    ) -> Sequence[Notification]:
        """List such notifications, newest first and older than `before`."""
        ...

    async def tallies(self, notification_ids: Sequence[Id]) -> Mapping[Id, Tally]:
        """Count the recipients of notifications by what their deliveries say."""
        ...

    async def rows(
        self,
        notification_ids: Sequence[Id],
        wanted: RecipientFilter,
        *,
        before: Place | None,
        limit: int,
    ) -> Sequence[RecipientRow]:
        """List recipients of some notifications, newest first and older than `before`.

        Of the filter, user and provider count; a provider may also be one
        that a user's device turns out not to have.
        """
        ...

    async def row(self, notification_id: Id, ordinal: int) -> RecipientRow | None:
        """Read one recipient."""
        ...


class AudienceStore(Protocol):
    """Looks up whom a notification would reach, and changes nothing."""

    async def known_users(self, account_id: Id, user_ids: Sequence[Id]) -> frozenset[Id]:
        """Say which of these users an account has."""
        ...

    async def reach(self, application_id: Id, audience: Audience, *, now: datetime) -> Reach:
        """Count the registrations that an audience reaches now."""
        ...

    async def sample(
        self,
        application_id: Id,
        audience: Audience,
        kind: TokenKind,
        *,
        per_provider: int,
        now: datetime,
    ) -> Sequence[Target]:
        """Read some of an audience's registrations, at most so many of each provider.

        Bare addresses are no registrations: of those there are none.
        """
        ...
