"""What the page of a broadcast leaves behind, on both engines."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from tests.contract.storage.sending import (
    claim,
    commit,
    commit_deferred,
    notify,
    outcome,
    read,
    sweep,
    waiting,
)
from tests.contract.storage.world import new_application

from heliograph.core.clock import to_ms
from heliograph.core.model.audience import Address, Addresses, Everyone, Registrations, Users
from heliograph.core.model.delivery import DeliveryState, PageCommit, Prune
from heliograph.core.model.notification import Counters, NotificationState
from heliograph.core.model.registration import Changes, Environment, ProviderName
from heliograph.storage.shards.page_commit import STEP_ROWS, steps_of
from heliograph.storage.tables.tables import deferred, departed_registrations, shards

if TYPE_CHECKING:
    from tests.contract.storage.sending import Claimed
    from tests.contract.storage.world import World

    from heliograph.core.ids import Id
    from heliograph.core.model.delivery import Page
    from heliograph.core.model.registration import Registration

pytestmark = pytest.mark.anyio


def prune_of(registration: Registration, reason: str = "Unregistered") -> Prune:
    return Prune(registration.id, registration.token_hash, to_ms(registration.refreshed), reason)


async def state_of(world: World, notification_id: Id) -> NotificationState:
    shown = await world.store.notifications.notification(world.application.id, notification_id)
    assert shown is not None
    return shown.state


async def counters(world: World, claimed: Claimed) -> Counters:
    return await world.store.notifications.counters(claimed[1].id)


async def retry(world: World) -> tuple[Claimed, Page]:
    """Let the deferred become due; the retry shard and its page."""
    world.clock.advance(11)
    assert await sweep(world) == 1
    [claimed] = await claim(world)
    return claimed, await read(world, claimed)


async def test_a_page_is_recorded_and_completes_the_notification(world: World) -> None:
    await world.register_many(5)
    claimed = await notify(world)
    page = await read(world, claimed)
    world.clock.advance(1)

    assert await commit(world, claimed, page.targets)

    assert await counters(world, claimed) == Counters(accepted=5)
    rows = await world.store.notifications.deliveries(claimed[1], after=None, limit=100)
    assert [row.target_id for row in rows] == [target.id for target in page.targets]
    assert {row.state for row in rows} == {DeliveryState.ACCEPTED}
    assert await state_of(world, claimed[1].id) is NotificationState.COMPLETED


async def test_deliveries_are_listed_page_by_page(world: World) -> None:
    await world.register_many(9)
    claimed = await notify(world)
    page = await read(world, claimed)
    await commit(world, claimed, page.targets)

    seen, after = [], None
    while rows := await world.store.notifications.deliveries(claimed[1], after=after, limit=4):
        seen += [row.target_id for row in rows]
        after = (rows[-1].bucket, rows[-1].recipient, rows[-1].target_id)

    assert seen == [target.id for target in page.targets]


async def test_a_gone_token_is_pruned_with_the_providers_words(world: World) -> None:
    registration = await world.register("T", device="phone")
    kept = await world.register("U", device="other")
    await world.store.tags.subscribe(world.application.id, registration.id, "news", now=world.now)
    claimed = await notify(world)

    await commit(world, claimed, prunes=[prune_of(registration)])

    assert set(await world.living()) == {kept.id}
    [departed] = await world.rows(departed_registrations)
    assert departed.reason == "token_gone"
    assert json.loads(departed.snapshot)["notes"] == "Unregistered"
    await world.check()


async def test_a_token_registered_again_survives_a_prune(world: World) -> None:
    read_before = await world.register("T", device="phone")
    claimed = await notify(world)
    world.clock.advance(61)
    refreshed = await world.register("T", device="phone")

    await commit(world, claimed, prunes=[prune_of(read_before)])

    assert await world.get(refreshed) == refreshed
    assert await world.rows(departed_registrations) == []


async def test_a_rotated_token_survives_a_prune(world: World) -> None:
    read_before = await world.register("T", device="phone")
    claimed = await notify(world)
    rotated = await world.register("U", device="phone")
    assert (rotated.id, rotated.refreshed) == (read_before.id, read_before.refreshed)

    await commit(world, claimed, prunes=[prune_of(read_before)])

    assert await world.get(rotated) == rotated
    await world.check()


async def test_a_prune_reaches_no_other_application(world: World) -> None:
    foreign = await (await new_application(world)).register("T", device="phone")
    claimed = await notify(world)

    await commit(world, claimed, prunes=[prune_of(foreign)])

    assert set(await world.living()) == {foreign.id}


async def test_a_page_asked_for_again_after_a_lost_answer_counts_once(world: World) -> None:
    await world.register_many(6)
    claimed = await notify(world)
    first = await read(world, claimed, limit=4)
    second = await read(world, claimed, first.cursor)

    for page in (first, first, second, second):
        assert await commit(world, claimed, page.targets, cursor=page.cursor)

    assert await counters(world, claimed) == Counters(accepted=6)
    assert await state_of(world, claimed[1].id) is NotificationState.COMPLETED


async def test_a_deferred_page_asked_for_again_does_not_wait_twice(world: World) -> None:
    await world.register_many(2)
    claimed = await notify(world)
    page = await read(world, claimed)
    await commit_deferred(world, claimed, page.targets)
    world.clock.advance(11)
    assert await sweep(world) == 1

    assert await commit_deferred(world, claimed, page.targets)

    assert await counters(world, claimed) == Counters(deferred=2)
    assert await sweep(world) == 0
    assert all(row.shard_id is not None for row in await world.rows(deferred))


async def test_a_crash_between_two_steps_loses_and_doubles_nothing(world: World) -> None:
    count = STEP_ROWS + 20
    made = await world.register_many(count)
    claimed = await notify(world)
    page = await read(world, claimed)
    await world.store.ledger.release([claimed[0]], now=world.now)
    whole = PageCommit(
        claimed[0],
        None,
        world.now,
        [outcome(world, target) for target in page.targets],
        prunes=[prune_of(made[0])],
        counters=Counters(accepted=count),
    )
    first, last = steps_of(whole, STEP_ROWS)
    assert await world.store._database.write(first)
    assert len(await world.living()) == count
    assert await state_of(world, claimed[1].id) is NotificationState.RUNNING

    [again] = await claim(world, worker="the next one")
    assert again[0].cursor is None
    assert not await world.store._database.write(last)
    assert await world.store.ledger.commit_page(replace(whole, shard=again[0]))

    assert await counters(world, again) == Counters(accepted=count)
    rows = await world.store.notifications.deliveries(again[1], after=None, limit=1000)
    assert len(rows) == count
    assert len(await world.living()) == count - 1
    assert await state_of(world, again[1].id) is NotificationState.COMPLETED
    await world.check()


async def test_a_learned_environment_is_remembered_once(world: World) -> None:
    unknown = await world.register("A", device="one")
    known = await world.register("B", device="two", environment=Environment.PRODUCTION)
    claimed = await notify(world)

    await commit(
        world,
        claimed,
        environments=[(row.id, row.token_hash, Environment.SANDBOX) for row in (known, unknown)],
    )

    living = await world.living()
    assert living[unknown.id].environment == "sandbox"
    assert living[known.id].environment == "production"


async def test_a_deferred_delivery_keeps_its_notification_running(world: World) -> None:
    await world.register_many(3)
    claimed = await notify(world)
    page = await read(world, claimed)

    await commit_deferred(world, claimed, page.targets)

    assert await counters(world, claimed) == Counters(deferred=3)
    assert await state_of(world, claimed[1].id) is NotificationState.RUNNING
    assert await sweep(world) == 0


async def test_a_due_delivery_is_tried_again_and_counts_once(world: World) -> None:
    await world.register_many(3)
    claimed = await notify(world)
    page = await read(world, claimed)
    await commit_deferred(world, claimed, page.targets)

    again, due = await retry(world)
    assert [target.id for target in due.targets] == [target.id for target in page.targets]
    assert {target.attempts for target in due.targets} == {1}
    await commit(world, again, due.targets, counters=Counters(accepted=3, deferred=-3))

    assert await counters(world, claimed) == Counters(accepted=3)
    assert await world.rows(deferred) == []
    assert await state_of(world, claimed[1].id) is NotificationState.COMPLETED
    [row, *_] = await world.store.notifications.deliveries(claimed[1], after=None, limit=9)
    assert (row.state, row.attempts) == (DeliveryState.ACCEPTED, 2)


async def test_a_delivery_can_be_deferred_again_and_again(world: World) -> None:
    await world.register_many(2)
    claimed = await notify(world)
    page = await read(world, claimed)
    await commit_deferred(world, claimed, page.targets)

    for attempts in (1, 2, 3):
        again, due = await retry(world)
        assert {target.attempts for target in due.targets} == {attempts}
        rows = [outcome(world, target, DeliveryState.DEFERRED) for target in due.targets]
        await commit(
            world,
            again,
            deliveries=rows,
            deferred=[waiting(world, target) for target in due.targets],
            counters=Counters(),
        )
        assert await counters(world, claimed) == Counters(deferred=2)
        assert await state_of(world, claimed[1].id) is NotificationState.RUNNING


async def test_a_retry_sees_the_registration_as_it_is_by_then(world: World) -> None:
    rotated = await world.register("old", device="one")
    gone = await world.register("gone", device="two")
    claimed = await notify(world)
    page = await read(world, claimed)
    await commit_deferred(world, claimed, page.targets)
    await world.register("new", device="one")
    await world.remove(gone)

    again, due = await retry(world)

    assert [(target.id, target.token) for target in due.targets] == [(rotated.id, "new")]
    assert [each.place.target_id for each in due.dropped] == [gone.id]
    rows = [outcome(world, due.targets[0])]
    rows.append(
        rows[0]._replace(
            bucket=due.dropped[0].place.bucket,
            target_id=gone.id,
            state=DeliveryState.CANCELED,
            provider=None,
        )
    )
    await commit(
        world, again, deliveries=rows, counters=Counters(accepted=1, canceled=1, deferred=-2)
    )
    assert await counters(world, claimed) == Counters(accepted=1, canceled=1)
    assert await world.rows(deferred) == []
    assert await state_of(world, claimed[1].id) is NotificationState.COMPLETED


async def test_a_registration_that_became_silent_is_dropped_from_its_retry(world: World) -> None:
    registration = await world.register("T", device="one")
    claimed = await notify(world)
    page = await read(world, claimed)
    await commit_deferred(world, claimed, page.targets)
    await world.register("T", device="one", silent_after=world.now)

    _, due = await retry(world)

    assert due.targets == []
    assert [each.place.target_id for each in due.dropped] == [registration.id]


@pytest.mark.parametrize("limit", [1, 2, 100])
async def test_listed_targets_are_retried_in_pages(world: World, limit: int) -> None:
    made = await world.register_many(3)
    listed = [
        Registrations(tuple(row.id for row in made)),
        Addresses(tuple(Address(ProviderName.FCM, f"bare{n}") for n in range(3))),
    ]
    for audience in listed:
        claimed = await notify(world, audience)
        page = await read(world, claimed)
        await commit_deferred(world, claimed, page.targets)
        world.clock.advance(11)
        assert await sweep(world) == 1
        [again] = await claim(world)

        seen, cursor = [], None
        while True:
            due = await read(world, again, cursor, limit)
            seen += due.targets
            moved = Counters(accepted=len(due.targets), deferred=-len(due.targets))
            await commit(world, again, due.targets, cursor=due.cursor, counters=moved)
            if (cursor := due.cursor) is None:
                break

        assert {(t.recipient, t.token) for t in seen} == {
            (t.recipient, t.token) for t in page.targets
        }
        assert await counters(world, claimed) == Counters(accepted=3)
        assert await state_of(world, claimed[1].id) is NotificationState.COMPLETED


async def test_a_sweep_makes_one_shard_per_notification_and_keeps_to_its_limit(
    world: World,
) -> None:
    await world.register_many(4)
    for _ in range(2):
        claimed = await notify(world)
        page = await read(world, claimed)
        await commit_deferred(world, claimed, page.targets)
    world.clock.advance(11)

    first = await sweep(world, limit=5)
    second = await sweep(world, limit=5)

    assert await sweep(world, limit=5) == 0
    assert 2 <= first + second <= 3
    assert all(row.shard_id is not None for row in await world.rows(deferred))
    retries = [row for row in await world.rows(shards) if row.source == "retry"]
    assert {row.notification_id for row in retries} == {
        row.notification_id for row in await world.rows(deferred)
    }


async def test_counters_sum_over_all_shards_of_one_notification_only(world: World) -> None:
    await world.register("T", device="one", user="ann")
    first = await notify(world, Users(("ann",)))
    second = await notify(world, Everyone())
    for claimed in (first, second):
        page = await read(world, claimed)
        await commit(world, claimed, page.targets, state=DeliveryState.REJECTED)

    assert await counters(world, first) == Counters(rejected=1)
    assert await counters(world, second) == Counters(rejected=1)


async def test_a_silenced_change_between_pages_takes_effect(world: World) -> None:
    made = await world.register_many(4)
    claimed = await notify(world)
    page = await read(world, claimed, limit=2)
    later = [row for row in made if row.id not in {target.id for target in page.targets}]
    await world.remove(later[0])
    await world.store.registry.change(
        world.application.id, later[1].id, Changes(token="rotated"), now=world.now
    )

    rest = await read(world, claimed, page.cursor)

    assert [(target.id, target.token) for target in rest.targets] == [(later[1].id, "rotated")]
