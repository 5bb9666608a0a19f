"""Numbers that networks reach no more, on both engines."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from tests.contract.storage.sending import commit, notify, read_all
from tests.contract.storage.webhooks.test_webhooks import add, only_claim

from heliograph.core.model.audience import Registrations
from heliograph.core.model.receipt import Receipt, ReceiptKind
from heliograph.core.model.registration import DepartureReason, ProviderName
from heliograph.core.model.webhook import EventKind
from heliograph.core.stores.store import Retained
from heliograph.storage.tables.silences import networks_heard, silences
from heliograph.storage.tables.tables import departed_registrations

if TYPE_CHECKING:
    from tests.contract.storage.world import World

    from heliograph.core.model.registration import Registration

pytestmark = pytest.mark.anyio

DAY_S = 86_400
SMS: dict[str, Any] = {"provider": ProviderName.SMS}


async def report(world: World, phone: Registration, *, was_reached: bool | None) -> None:
    """Send a message to a phone, and have its network say what became of it."""
    claimed = await notify(world, Registrations((phone.id,)))
    await commit(world, claimed, await read_all(world, claimed))
    kind = ReceiptKind.DELIVERED if was_reached else ReceiptKind.FAILED
    said = Receipt(
        world.application.id,
        claimed[1].id,
        kind,
        world.now,
        target_id=phone.id,
        was_reached=was_reached,
    )
    assert await world.store.receipts.add_receipt(said) is True
    # Twice is once.
    assert await world.store.receipts.add_receipt(said) is False


async def phones(world: World) -> tuple[Registration, Registration]:
    silent = await world.register("+491700000001", device="silent", user="ann", **SMS)
    lively = await world.register("+491700000002", device="lively", **SMS)
    return silent, lively


async def test_a_number_that_is_not_reached_for_a_week_is_forgotten(world: World) -> None:
    await add(world, EventKind.REGISTRATION_DELETED)
    silent, lively = await phones(world)
    for wait_s in (0, 3 * DAY_S, 5 * DAY_S):
        world.clock.advance(wait_s)
        assert await world.get(silent) is not None
        await report(world, lively, was_reached=True)
        await report(world, silent, was_reached=False)

    assert await world.get(silent) is None
    assert await world.get(lively) is not None
    [gone] = await world.rows(departed_registrations)
    assert gone.reason == DepartureReason.TOKEN_GONE
    assert "3 messages in a row were not delivered" in gone.snapshot
    assert await world.rows(silences) == []
    [dispatch] = (await only_claim(world)).dispatches
    assert dispatch.event.body["registration"]["user_id"] == "ann"
    await world.check()


async def test_a_network_that_reaches_nobody_empties_no_registry(world: World) -> None:
    silent, lively = await phones(world)
    await report(world, lively, was_reached=True)
    for _ in range(5):
        world.clock.advance(3 * DAY_S)
        await report(world, silent, was_reached=False)

    assert await world.get(silent) is not None


async def test_one_message_that_arrives_begins_anew(world: World) -> None:
    silent, lively = await phones(world)
    for was_reached in (False, False, True, False, False):
        world.clock.advance(5 * DAY_S)
        await report(world, lively, was_reached=True)
        await report(world, silent, was_reached=was_reached)

    assert await world.get(silent) is not None
    [row] = await world.rows(silences)
    assert row.reports == 2


async def test_an_app_that_says_its_number_again_begins_anew(world: World) -> None:
    silent, lively = await phones(world)
    for _ in range(5):
        world.clock.advance(5 * DAY_S)
        silent = await world.register("+491700000001", device="silent", user="ann", **SMS)
        world.clock.advance(1)
        await report(world, lively, was_reached=True)
        await report(world, silent, was_reached=False)

    assert await world.get(silent) is not None


async def test_a_message_that_expired_says_nothing_of_the_phone(world: World) -> None:
    silent, _ = await phones(world)

    await report(world, silent, was_reached=None)

    assert await world.rows(silences) == []
    assert await world.rows(networks_heard) == []


async def test_that_others_are_reached_is_noted_once_an_hour(world: World) -> None:
    _, lively = await phones(world)
    heard = []
    for wait_s in (0, 60, 3600):
        world.clock.advance(wait_s)
        await report(world, lively, was_reached=True)
        heard.append([row.heard_ms for row in await world.rows(networks_heard)])

    assert heard[0] == heard[1]
    assert heard[2][0] - heard[0][0] == 3_660_000


async def test_old_silences_are_forgotten(world: World) -> None:
    silent, _ = await phones(world)
    await report(world, silent, was_reached=False)
    later = world.now + timedelta(days=31)

    while await world.store.retention.forget_old(Retained(later, None, None), limit=10):
        pass

    assert await world.rows(silences) == []
