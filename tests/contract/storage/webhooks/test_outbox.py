"""What the outbox is told of each change, on both engines."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.contract.storage.sending import accept, claim, commit, notify, read, read_all
from tests.contract.storage.webhooks.test_webhooks import add, only_claim, told
from tests.contract.storage.world import new_application

from heliograph.core.clock import to_ms
from heliograph.core.ids import spell
from heliograph.core.model.delivery import DeliveryState, Prune
from heliograph.core.model.notification import NotificationState
from heliograph.core.model.registration import Changes, Environment
from heliograph.core.model.webhook import (
    EventKind,
    WebhookForm,
)
from heliograph.core.notifications.states import Step
from heliograph.storage.tables.webhooks import (
    webhook_events,
)

if TYPE_CHECKING:
    from tests.contract.storage.world import World


pytestmark = pytest.mark.anyio


async def test_without_a_webhook_nothing_is_written(world: World) -> None:
    await add(await new_application(world))

    registration = await world.register(device="d", labels=("news",))
    await world.remove(registration)
    await accept(world)

    assert await told(world) == []


async def test_a_registration_tells_of_its_life(world: World) -> None:
    await add(world)

    registration = await world.register(device="d", user="alice")
    world.clock.advance(1)
    await world.store.registry.change(
        world.application.id,
        registration.id,
        Changes(environment=Environment.SANDBOX),
        now=world.now,
    )
    world.clock.advance(1)
    await world.remove(registration)

    assert await told(world) == [
        "registration.created",
        "registration.updated",
        "registration.deleted",
    ]
    dispatches = (await only_claim(world)).dispatches
    created, _, deleted = [each.event for each in dispatches]
    assert created.body["registration"] | {"created": "", "refreshed": ""} == {
        "id": spell("registration", registration.id),
        "user_id": "alice",
        "device_id": "d",
        "provider": "fcm",
        "environment": None,
        "kind": "alert",
        "state": "active",
        "created": "",
        "refreshed": "",
    }
    assert deleted.body["reason"] == "unregistered"


async def test_a_token_is_told_to_a_dialect_alone(world: World) -> None:
    await add(world)
    await world.register("secret-1", device="d")
    await add(world, form=WebhookForm.MOBILEFIRST)
    await world.register("secret-2", device="e")

    rows = await world.rows(webhook_events)

    assert sorted(row.private for row in rows) == ['{"token":"secret-2"}', "{}"]
    assert not any("secret" in row.body for row in rows)


async def test_a_refresh_tells_nothing(world: World) -> None:
    await add(world)
    await world.register(device="d")
    world.clock.advance(3600)
    await world.register(device="d")

    assert await told(world) == ["registration.created"]


async def test_a_displaced_holder_is_told_before_the_new_one(world: World) -> None:
    await add(world)
    await world.register("T", device="d")
    world.clock.advance(1)
    await world.register("T", device="e")

    told_of = [each.event.body.get("reason") for each in (await only_claim(world)).dispatches]
    assert sorted(map(str, told_of)) == ["None", "None", "displaced"]


async def test_an_ended_session_tells_of_its_registrations(world: World) -> None:
    await add(world, EventKind.REGISTRATION_DELETED)
    session = await world.sign_in("alice")
    await world.register(device="d", session=session)

    await world.store.identity.end_session(session.id, now=world.now)

    [dispatch] = (await only_claim(world)).dispatches
    assert dispatch.event.body["reason"] == "session_ended"


async def test_subscriptions_are_told(world: World) -> None:
    await add(world, EventKind.SUBSCRIPTION_CREATED, EventKind.SUBSCRIPTION_DELETED)
    store, application_id = world.store.tags, world.application.id
    registration = await world.register(device="d", labels=("first",))
    world.clock.advance(1)
    for _ in range(2):
        await store.subscribe(application_id, registration.id, "news", now=world.now)
    world.clock.advance(1)
    for _ in range(2):
        await store.unsubscribe(application_id, registration.id, "news", now=world.now)

    events = [each.event for each in (await only_claim(world)).dispatches]

    assert [(event.kind.value, event.body["tag"]) for event in events] == [
        ("subscription.created", "first"),
        ("subscription.created", "news"),
        ("subscription.deleted", "news"),
    ]
    assert {event.body["registration"]["device_id"] for event in events} == {"d"}


async def test_a_notification_tells_its_states(world: World) -> None:
    await add(world, EventKind.NOTIFICATION_STATUS)
    await world.register(device="d")
    notification_id = await accept(world)
    for step in (Step.PAUSE, Step.PAUSE, Step.RESUME):
        world.clock.advance(1)
        await world.store.notifications.step(
            world.application.id, notification_id, step, now=world.now
        )
    [claimed] = await claim(world)
    world.clock.advance(1)
    await commit(world, claimed, await read_all(world, claimed))

    bodies = [each.event.body for each in (await only_claim(world)).dispatches]

    assert [body["state"] for body in bodies] == ["running", "paused", "running", "completed"]
    assert bodies[-1]["counters"]["accepted"] == 1
    assert "counters" not in bodies[0]


async def test_an_overdue_notification_tells_that_it_expired(world: World) -> None:
    await add(world, EventKind.NOTIFICATION_STATUS)
    await world.register(device="d")
    claimed = await notify(world)
    targets = await read_all(world, claimed)
    world.clock.advance(1)

    await commit(world, claimed, targets, state=DeliveryState.EXPIRED, is_late=True)

    bodies = [each.event.body for each in (await only_claim(world)).dispatches]
    assert [body["state"] for body in bodies] == ["running", NotificationState.EXPIRED]


async def test_a_page_tells_what_became_of_its_deliveries_in_batches(world: World) -> None:
    await add(world, EventKind.DELIVERY_ACCEPTED)
    await world.register_many(230)
    claimed = await notify(world)
    targets = await read_all(world, claimed)

    await commit(world, claimed, targets)

    events = [each.event for each in (await only_claim(world)).dispatches]
    assert [len(event.body["deliveries"]) for event in events].count(100) == 2
    shown = [each for event in events for each in event.body["deliveries"]]
    assert {each["registration_id"] for each in shown} == {
        spell("registration", target.id) for target in targets
    }
    assert {each["device_id"] for each in shown} == {f"d{n}" for n in range(230)}
    assert {event.body["provider"] for event in events} == {"fcm"}


async def test_a_page_that_is_committed_again_tells_nothing_twice(world: World) -> None:
    await add(world, EventKind.DELIVERY_ACCEPTED)
    await world.register_many(300)
    claimed = await notify(world)
    targets = await read_all(world, claimed)

    await commit(world, claimed, targets)
    before = sorted(row.id for row in await world.rows(webhook_events))
    await commit(world, claimed, targets)

    assert sorted(row.id for row in await world.rows(webhook_events)) == before


async def test_what_is_deferred_has_not_ended_and_is_not_told(world: World) -> None:
    await add(world, *(kind for kind in EventKind if kind.value.startswith("delivery.")))
    await world.register(device="d")
    claimed = await notify(world)

    await commit(world, claimed, await read_all(world, claimed), state=DeliveryState.DEFERRED)

    assert await told(world) == []


async def test_a_dead_token_tells_of_the_registration_and_of_the_delivery(world: World) -> None:
    await add(world)
    registration = await world.register("dead", device="d", user="alice")
    claimed = await notify(world)
    page = await read(world, claimed)
    dead = Prune(
        registration.id, registration.token_hash, to_ms(registration.refreshed), "Unregistered"
    )

    await commit(world, claimed, page.targets, state=DeliveryState.GONE, prunes=[dead])

    by_kind = {each.event.kind: each.event for each in (await only_claim(world)).dispatches}
    deleted = by_kind[EventKind.REGISTRATION_DELETED]
    [gone] = by_kind[EventKind.DELIVERY_GONE].body["deliveries"]
    assert deleted.body["reason"] == "token_gone"
    assert deleted.body["registration"]["user_id"] == "alice"
    assert gone["device_id"] == "d"


async def test_a_page_that_comes_too_late_tells_nothing(world: World) -> None:
    await add(world, EventKind.DELIVERY_ACCEPTED)
    await world.register(device="d")
    claimed = await notify(world)
    targets = await read_all(world, claimed)
    world.clock.advance(61)
    await claim(world, worker="another")

    assert not await commit(world, claimed, targets)
    assert await told(world) == []
