"""Short ways to accept a notification, to claim its shards and to commit pages."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from heliograph.core.clock import to_ms
from heliograph.core.ids import new_id
from heliograph.core.model.audience import Everyone
from heliograph.core.model.delivery import (
    Cursor,
    DeferredRow,
    DeliveryRow,
    DeliveryState,
    Page,
    PageCommit,
    Shard,
)
from heliograph.core.model.notification import Content, Counters, Notification, Options
from heliograph.core.model.notification import NotificationState as State
from heliograph.core.turns import Room

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.contract.storage.world import World

    from heliograph.core.ids import Id
    from heliograph.core.model.audience import Audience
    from heliograph.core.model.delivery import Target

LEASE = timedelta(seconds=60)
Claimed = tuple[Shard, Notification]


async def accept(
    world: World,
    audience: Audience | None = None,
    *,
    state: State = State.RUNNING,
    options: Options | None = None,
) -> Id:
    """Accept a notification that starts now; its id."""
    notification = Notification(
        id=new_id(world.now),
        application_id=world.application.id,
        audience=audience or Everyone(),
        content=Content(title="hello"),
        options=options or Options(),
        state=state,
        created=world.now,
        started_at=world.now if state is State.RUNNING else None,
    )
    await world.store.notifications.accept(notification)
    return notification.id


async def claim(
    world: World,
    limit: int = 100,
    worker: str = "worker",
    *,
    bulk: int | None = None,
    held: Sequence[tuple[Id, Id]] = (),
) -> list[Claimed]:
    """Claim due shards for a minute. bulk: how many broadcasts, if another number."""
    room = Room(limit, limit if bulk is None else bulk, held)
    return list(
        await world.store.ledger.claim(worker, room, leased_until=world.now + LEASE, now=world.now)
    )


async def notify(world: World, audience: Audience | None = None) -> Claimed:
    """Accept a notification and claim its one shard."""
    await accept(world, audience)
    [claimed] = await claim(world)
    return claimed


async def read(
    world: World, claimed: Claimed, cursor: Cursor | None = None, limit: int = 1000
) -> Page:
    """Read one page."""
    return await world.store.ledger.read_page(*claimed, cursor, limit=limit, now=world.now)


async def read_all(world: World, claimed: Claimed, limit: int = 1000) -> list[Target]:
    """Read page after page to the end."""
    targets: list[Target] = []
    page = await read(world, claimed, limit=limit)
    targets += page.targets
    while page.cursor is not None:
        page = await read(world, claimed, page.cursor, limit)
        assert len(page.targets) <= limit
        targets += page.targets
    return targets


def outcome(
    world: World, target: Target, state: DeliveryState = DeliveryState.ACCEPTED
) -> DeliveryRow:
    """The record of one delivery."""
    return DeliveryRow(
        target.bucket,
        target.recipient,
        target.id,
        state,
        target.provider,
        target.is_registered,
        None,
        None,
        target.attempts + 1,
        to_ms(world.now),
    )


def waiting(world: World, target: Target, seconds: float = 10) -> DeferredRow:
    """A delivery to be tried again."""
    due_ms = to_ms(world.now + timedelta(seconds=seconds))
    return DeferredRow(target.bucket, target.recipient, target.id, due_ms, target.attempts + 1)


async def commit(
    world: World,
    claimed: Claimed,
    targets: Sequence[Target] = (),
    *,
    cursor: Cursor | None = None,
    state: DeliveryState = DeliveryState.ACCEPTED,
    **rest: Any,
) -> bool:
    """Commit a page in which all targets came to the same."""
    values = {
        "deliveries": [outcome(world, target, state) for target in targets],
        "counters": Counters(**{state.value: len(targets)}),
    }
    return await world.store.ledger.commit_page(
        PageCommit(claimed[0], cursor, world.now, **values | rest)
    )


async def commit_deferred(
    world: World, claimed: Claimed, targets: Sequence[Target], *, seconds: float = 10
) -> bool:
    """Commit a last page whose targets are all to be tried again."""
    rows = [waiting(world, target, seconds) for target in targets]
    return await commit(world, claimed, targets, state=DeliveryState.DEFERRED, deferred=rows)


async def sweep(world: World, limit: int = 1000) -> int:
    return await world.store.ledger.sweep(now=world.now, limit=limit)
