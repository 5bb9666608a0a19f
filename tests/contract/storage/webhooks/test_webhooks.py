"""Webhooks, their outbox and what they are owed, on both engines."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import delete
from tests.contract.storage.world import new_application

from heliograph.core.errors import Conflict, InvalidRequest
from heliograph.core.ids import new_id
from heliograph.core.model.webhook import (
    ALL_KINDS,
    Attempt,
    EventKind,
    Settled,
    Visit,
    Webhook,
    WebhookForm,
    WebhookState,
)
from heliograph.core.stores.store import Retained
from heliograph.core.stores.webhooks import ReplayRange
from heliograph.storage.tables.webhooks import (
    webhook_attempts,
    webhook_dispatches,
    webhook_events,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.contract.storage.world import World

    from heliograph.core.ids import Id
    from heliograph.core.model.webhook import Claimed

pytestmark = pytest.mark.anyio

LEASE = timedelta(seconds=60)


def webhook_of(world: World, *kinds: EventKind, **rest: Any) -> Webhook:
    return Webhook(
        id=new_id(world.now),
        application_id=world.application.id,
        url="https://hooks.example/a",
        kinds=frozenset(kinds) or ALL_KINDS,
        created=world.now,
        updated=world.now,
        **rest,
    )


async def add(world: World, *kinds: EventKind, **rest: Any) -> Webhook:
    webhook = webhook_of(world, *kinds, **rest)
    await world.store.webhooks.add_webhook(webhook, b"sealed", limit=20)
    return webhook


async def told(world: World) -> list[str]:
    """The kinds of all events, by age."""
    rows = await world.rows(webhook_events)
    return [row.kind for row in sorted(rows, key=lambda row: (row.at_ms, row.id))]


async def claimed_of(world: World, events: int = 100) -> Sequence[Claimed]:
    found = await world.store.webhooks.claim(
        now=world.now, leased_until=world.now + LEASE, webhooks=10, events=events
    )
    return list(found)


async def only_claim(world: World, events: int = 100) -> Claimed:
    [claimed] = await claimed_of(world, events)
    return claimed


def attempt_of(world: World, event_id: Id, status: int | None = 200) -> Attempt:
    kind = EventKind.REGISTRATION_CREATED
    return Attempt(new_id(world.now), event_id, kind, world.now, status, None, 12)


def all_done(world: World, claimed: Claimed) -> Visit:
    settled = tuple(
        Settled(attempt_of(world, each.event.id), each.event.id, None, 1)
        for each in claimed.dispatches
    )
    return Visit(claimed.webhook, claimed.epoch, settled, world.now)


# --- Webhooks ---------------------------------------------------------------


async def test_a_webhook_is_read_as_it_was_written(world: World) -> None:
    webhook = await add(
        world,
        EventKind.DELIVERY_GONE,
        EventKind.RECEIPT_OPENED,
        name="mine",
        form=WebhookForm.MOBILEFIRST,
        settings={"eventTypes": "onDeviceRegister"},
    )

    assert await world.store.webhooks.webhook(world.application.id, webhook.id) == (
        webhook,
        b"sealed",
    )
    assert await world.store.webhooks.webhooks(world.application.id) == [webhook]


async def test_another_application_finds_nothing(world: World) -> None:
    webhook = await add(world)
    other = await new_application(world)

    assert await world.store.webhooks.webhook(other.application.id, webhook.id) is None
    assert await world.store.webhooks.webhooks(other.application.id) == []
    assert not await world.store.webhooks.remove_webhook(other.application.id, webhook.id)


async def test_a_name_is_taken_once_in_an_application(world: World) -> None:
    first = await add(world, name="mine")
    second = await add(world, name="yours")
    await add(world)
    await add(world)

    with pytest.raises(Conflict):
        await add(world, name="mine")
    with pytest.raises(Conflict):
        await world.store.webhooks.change_webhook(
            replace(second, name="mine"), None, is_fresh=False
        )
    assert await world.store.webhooks.change_webhook(first, None, is_fresh=False)
    await add(await new_application(world), name="mine")


async def test_an_application_has_so_many_at_most(world: World) -> None:
    await add(world)

    with pytest.raises(InvalidRequest):
        await world.store.webhooks.add_webhook(webhook_of(world), b"", limit=1)


async def test_a_webhook_is_changed_with_its_secrets_or_without(world: World) -> None:
    webhook = await add(world)
    changed = replace(webhook, url="https://hooks.example/b", name="new")

    assert await world.store.webhooks.change_webhook(changed, None, is_fresh=False)
    kept = await world.store.webhooks.webhook(world.application.id, webhook.id)
    assert await world.store.webhooks.change_webhook(changed, b"anew", is_fresh=True)
    sealed = await world.store.webhooks.webhook(world.application.id, webhook.id)

    assert kept == (changed, b"sealed")
    assert sealed == (changed, b"anew")


async def test_what_is_gone_is_not_changed(world: World) -> None:
    webhook = await add(world)
    assert await world.store.webhooks.remove_webhook(world.application.id, webhook.id)

    assert not await world.store.webhooks.change_webhook(webhook, None, is_fresh=True)
    assert not await world.store.webhooks.remove_webhook(world.application.id, webhook.id)


# --- Who is called next -----------------------------------------------------


async def test_a_disabled_webhook_is_owed_nothing_but_its_events_are_kept(world: World) -> None:
    await add(world, state=WebhookState.DISABLED)
    await world.register(device="d")

    assert len(await told(world)) == 1
    assert await world.rows(webhook_dispatches) == []


async def test_events_are_claimed_oldest_first_by_one_node(world: World) -> None:
    await add(world)
    for n in range(5):
        await world.register(f"t{n}", device=f"d{n}")
        world.clock.advance(1)

    claimed = await only_claim(world, events=3)

    devices = [each.event.body["registration"]["device_id"] for each in claimed.dispatches]
    assert devices == ["d0", "d1", "d2"]
    assert claimed.sealed == b"sealed"
    assert await claimed_of(world) == []


async def test_what_is_settled_is_not_owed_any_more(world: World) -> None:
    webhook = await add(world)
    await world.register(device="d")
    claimed = await only_claim(world)

    assert await world.store.webhooks.settle(all_done(world, claimed))

    assert await world.rows(webhook_dispatches) == []
    assert await claimed_of(world) == []
    [attempt] = await world.store.webhooks.attempts(webhook.id, before=None, limit=10)
    assert attempt.event_id == claimed.dispatches[0].event.id
    assert attempt.is_success


async def test_what_failed_is_due_again_and_the_endpoint_rests(world: World) -> None:
    await add(world)
    await world.register(device="d")
    claimed = await only_claim(world)
    event_id = claimed.dispatches[0].event.id
    failing = replace(claimed.webhook, failures=1, failing_since=world.now)
    later = world.now + timedelta(seconds=5)
    failed = Settled(attempt_of(world, event_id, 500), event_id, later, 1)

    await world.store.webhooks.settle(
        Visit(failing, claimed.epoch, (failed,), world.now + timedelta(seconds=2))
    )

    world.clock.advance(3)
    await world.register("other", device="e")
    another = await only_claim(world)
    assert [each.attempts for each in another.dispatches] == [0]
    assert another.webhook.failures == 1
    assert another.webhook.failing_since is not None
    world.clock.advance(61)
    again = await only_claim(world)
    assert [each.attempts for each in again.dispatches] == [1, 0]
    assert again.dispatches[0].event.id == event_id


async def test_a_claim_that_ran_out_settles_nothing(world: World) -> None:
    await add(world)
    await world.register(device="d")
    stale = await only_claim(world)
    world.clock.advance(61)
    fresh = await only_claim(world)

    assert not await world.store.webhooks.settle(all_done(world, stale))
    assert await world.store.webhooks.settle(all_done(world, fresh))


async def test_settling_does_not_enable_what_was_disabled_meanwhile(world: World) -> None:
    webhook = await add(world)
    await world.register(device="d")
    claimed = await only_claim(world)
    disabled = replace(webhook, state=WebhookState.DISABLED, disabled_reason="by hand")
    await world.store.webhooks.change_webhook(disabled, None, is_fresh=False)

    assert await world.store.webhooks.settle(all_done(world, claimed))

    found = await world.store.webhooks.webhook(world.application.id, webhook.id)
    assert found is not None
    assert found[0].state is WebhookState.DISABLED


async def test_a_fresh_webhook_gets_at_once_what_it_is_owed(world: World) -> None:
    webhook = await add(world)
    await world.register(device="d")
    claimed = await only_claim(world)
    event_id = claimed.dispatches[0].event.id
    failed = Settled(attempt_of(world, event_id, None), event_id, world.now + LEASE * 60, 5)
    gone = replace(webhook, state=WebhookState.DISABLED, disabled_reason="410")
    await world.store.webhooks.settle(Visit(gone, claimed.epoch, (failed,), world.now + LEASE * 60))
    assert await claimed_of(world) == []

    await world.store.webhooks.change_webhook(
        replace(webhook, updated=world.now), None, is_fresh=True
    )

    assert [each.attempts for each in (await only_claim(world)).dispatches] == [0]


async def test_a_removed_webhook_leaves_nothing_that_is_owed(world: World) -> None:
    webhook = await add(world)
    await world.register(device="d")
    claimed = await only_claim(world)
    await world.store.webhooks.settle(all_done(world, claimed))
    await world.register("other", device="e")

    assert await world.store.webhooks.remove_webhook(world.application.id, webhook.id)

    assert await world.rows(webhook_dispatches) == []
    assert await world.rows(webhook_attempts) == []


# --- Replay and retention ---------------------------------------------------


async def test_events_are_replayed_by_id_and_by_time_under_their_own_ids(world: World) -> None:
    webhook = await add(world, EventKind.REGISTRATION_CREATED)
    other = await add(await new_application(world))
    start = world.now
    for n in range(3):
        registration = await world.register(f"t{n}", device=f"d{n}")
        world.clock.advance(60)
    await world.remove(registration)
    claimed = await only_claim(world)
    await world.store.webhooks.settle(all_done(world, claimed))
    first, second, _ = [each.event.id for each in claimed.dispatches]
    replay = world.store.webhooks.replay
    span = ReplayRange(start, start + timedelta(seconds=61))

    assert await replay(webhook, span, now=world.now, limit=100) == 2
    assert await replay(webhook, [first], now=world.now, limit=100) == 1
    assert await replay(webhook, span, now=world.now, limit=1) == 1
    assert await replay(other, span, now=world.now, limit=100) == 0
    assert await replay(other, [first], now=world.now, limit=100) == 0
    again = await only_claim(world)
    assert [each.event.id for each in again.dispatches] == [first, second]


async def test_what_is_owed_of_an_event_that_is_gone_is_forgotten(world: World) -> None:
    await add(world)
    await world.register(device="d")
    await world.store._database.write(lambda c: c.execute(delete(webhook_events)))

    assert [claimed.dispatches for claimed in await claimed_of(world)] == [()]

    assert await world.rows(webhook_dispatches) == []


async def test_attempts_are_listed_newest_first_part_by_part(world: World) -> None:
    webhook = await add(world)
    for n in range(3):
        await world.register(f"t{n}", device=f"d{n}")
        world.clock.advance(1)
        await world.store.webhooks.settle(all_done(world, await only_claim(world)))

    first = await world.store.webhooks.attempts(webhook.id, before=None, limit=2)
    rest = await world.store.webhooks.attempts(webhook.id, before=first[-1].id, limit=2)

    times = [each.at for each in (*first, *rest)]
    assert times == sorted(times, reverse=True)
    assert len(times) == 3


async def test_old_events_are_forgotten_with_what_is_owed_of_them(world: World) -> None:
    await add(world)
    for n in range(5):
        await world.register(f"t{n}", device=f"d{n}")
    claimed = await only_claim(world, events=2)
    await world.store.webhooks.settle(all_done(world, claimed))
    world.clock.advance(100)
    await world.register("young", device="young")
    before = Retained(None, None, None, world.now - timedelta(seconds=50))

    steps = []
    while count := await world.store.retention.forget_old(before, limit=3):
        steps.append(count)

    assert steps == [3, 2, 2]
    assert len(await world.rows(webhook_events)) == 1
    assert len(await world.rows(webhook_dispatches)) == 1
    assert await world.rows(webhook_attempts) == []
