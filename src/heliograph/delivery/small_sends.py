"""Places for small sends that begin where they are accepted.

A login code whose shard goes through the table first waits for two more
transactions: the claim, and the reading of its page. Where this process's
worker has a place free, the shard is written as claimed already and its page
is read in the very transaction that accepts the notification.

Source: docs/decisions/0015-lanes.md.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Protocol

from heliograph.core.model.audience import number_named
from heliograph.core.model.delivery import Reservation
from heliograph.core.right_of_way import FEW

if TYPE_CHECKING:
    from heliograph.config import Delivery as Settings
    from heliograph.core.model.audience import Audience
    from heliograph.core.model.delivery import FirstPage
    from heliograph.core.model.notification import Notification
    from heliograph.core.ports import Clock
    from heliograph.core.right_of_way import RightOfWay


class Host(Protocol):
    """Who works on small sends in this process."""

    def has_place(self) -> bool:
        """Say whether there is a place free that is not reserved."""
        ...

    def begin(self, notification: Notification, first: FirstPage, asked: float) -> None:
        """Work on a shard that is claimed. asked: when the lease was, on the monotonic clock."""
        ...


class SmallSends:
    """Keeps places for sends that are being accepted. reserved: how many."""

    def __init__(self, clock: Clock, settings: Settings, *, worker: str, way: RightOfWay) -> None:
        self._clock = clock
        self._worker = worker
        self._lease = timedelta(seconds=settings.lease_s)
        self._page_size = settings.page_size
        self._host: Host | None = None
        self._way = way
        self.reserved = 0

    def open(self, host: Host) -> None:
        """Let a worker take small sends from now on."""
        self._host = host

    def reserve(self, audience: Audience) -> Reservation | None:
        """Keep a place; None where this process has none free.

        Where it is for a few, broadcasts give way from now on.
        """
        if self._host is None or not self._host.has_place():
            return None
        self.reserved += 1
        named = number_named(audience)
        if named is not None and named <= FEW:
            self._way.ask()
        asked = self._clock.monotonic()
        return Reservation(self._worker, self._clock.now() + self._lease, self._page_size, asked)

    def begin(
        self, reservation: Reservation, notification: Notification, first: FirstPage | None
    ) -> None:
        """Have a send begin in its place; without a page give the place back."""
        self.reserved -= 1
        if first is not None and self._host is not None:
            self._host.begin(notification, first, reservation.asked)
