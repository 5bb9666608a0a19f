"""Whose turn it is: which of the shards that are due a worker takes. Pure.

Nobody holds all places: the next one goes to the application that has the
fewest, among its notifications to the one that has the fewest, and then to
the shard that has waited longest.

Source: docs/decisions/0015-lanes.md.
"""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from heliograph.core.ids import Id


class Waiting(NamedTuple):
    """A shard that is due. due_ms: Unix milliseconds."""

    shard_id: Id
    application_id: Id
    notification_id: Id
    due_ms: int


@dataclass(frozen=True, slots=True)
class Room:
    """What a worker has places for.

    small, bulk: free places of each lane. held: (application, notification)
    of the bulk shards it works on. per_application: how many of these one
    application may have; None means all.
    """

    small: int
    bulk: int
    held: Sequence[tuple[Id, Id]] = ()
    per_application: int | None = None

    @property
    def has_any(self) -> bool:
        """Whether there is a free place at all."""
        return self.small > 0 or self.bulk > 0


def fair_turns(waiting: Sequence[Waiting], room: Room, places: int) -> list[Id]:
    """Choose up to `places` of the shards that wait. waiting: longest first."""
    by_application = Counter(application_id for application_id, _ in room.held)
    by_notification = Counter(notification_id for _, notification_id in room.held)
    queues: dict[Id, dict[Id, deque[Id]]] = {}
    for shard in waiting:
        of_application = queues.setdefault(shard.application_id, {})
        of_application.setdefault(shard.notification_id, deque()).append(shard.shard_id)
    # Beside the number held, the order of arrival tells equals apart.
    applications = [(by_application[each], order, each) for order, each in enumerate(queues)]
    notifications = {
        application_id: [(by_notification[each], order, each) for order, each in enumerate(inner)]
        for application_id, inner in queues.items()
    }
    for heap in (applications, *notifications.values()):
        heapify(heap)
    chosen: list[Id] = []
    while applications and len(chosen) < places:
        count, order, application_id = heappop(applications)
        if room.per_application is not None and count >= room.per_application:
            break  # and so have all the others
        inner = notifications[application_id]
        share, place, notification_id = heappop(inner)
        queue = queues[application_id][notification_id]
        chosen.append(queue.popleft())
        if queue:
            heappush(inner, (share + 1, place, notification_id))
        if inner:
            heappush(applications, (count + 1, order, application_id))
    return chosen
