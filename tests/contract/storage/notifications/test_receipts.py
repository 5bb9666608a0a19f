"""Receipts and the deliveries that they are about, on both engines."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from tests.contract.storage.sending import claim, commit, notify, outcome, read_all
from tests.contract.storage.webhooks.test_webhooks import add, only_claim
from tests.contract.storage.world import new_application

from heliograph.core.ids import new_id
from heliograph.core.model.audience import Address, Addresses, Registrations
from heliograph.core.model.receipt import Receipt, ReceiptCounters, ReceiptKind
from heliograph.core.model.registration import ProviderName
from heliograph.core.model.webhook import EventKind
from heliograph.core.stores.store import Retained
from heliograph.core.stores.webhooks import MessagePlace
from heliograph.storage.tables.webhooks import provider_messages, receipt_counters, receipts

if TYPE_CHECKING:
    from tests.contract.storage.sending import Claimed
    from tests.contract.storage.world import World

    from heliograph.core.model.registration import Registration

pytestmark = pytest.mark.anyio


def receipt_of(world: World, claimed: Claimed, **rest: Any) -> Receipt:
    values: dict[str, Any] = {"kind": ReceiptKind.OPENED, "at": world.now} | rest
    return Receipt(world.application.id, claimed[1].id, **values)


async def sent(world: World, **rest: Any) -> tuple[Claimed, Registration]:
    """A notification that reached one phone, and its page committed."""
    registration = await world.register(device="d", **rest)
    claimed = await notify(world)
    await commit(world, claimed, await read_all(world, claimed))
    return claimed, registration


async def test_a_receipt_is_written_once(world: World) -> None:
    claimed, registration = await sent(world)
    said = receipt_of(world, claimed, target_id=registration.id, detail="by hand")

    assert await world.store.receipts.add_receipt(said) is True
    assert await world.store.receipts.add_receipt(said) is False

    place = (0, registration.id)
    shown = await world.store.receipts.of_deliveries(claimed[1].id, [place])
    assert shown == {place: {ReceiptKind.OPENED: world.now}}
    assert await world.store.receipts.counters(claimed[1].id) == ReceiptCounters(opened=1)


async def test_a_thousand_phones_at_once_are_counted_each(world: World) -> None:
    phones = await world.register_many(300)
    claimed = await notify(world)
    await commit(world, claimed, await read_all(world, claimed))
    said = [
        receipt_of(world, claimed, target_id=phone.id, kind=kind)
        for phone in phones
        for kind in (ReceiptKind.DELIVERED, ReceiptKind.OPENED)
    ]

    written = await asyncio.gather(*map(world.store.receipts.add_receipt, [*said, *said[:50]]))

    assert written.count(True) == 600
    counted = await world.store.receipts.counters(claimed[1].id)
    assert counted == ReceiptCounters(delivered=300, opened=300)


async def test_what_never_went_there_has_no_receipt(world: World) -> None:
    claimed, registration = await sent(world)
    late = await world.register("late", device="late")
    other = await new_application(world)
    said = receipt_of(world, claimed, target_id=registration.id)

    for wrong in (
        replace(said, target_id=late.id),
        replace(said, target_id=new_id(world.now)),
        replace(said, target_id=None, recipient=1),
        replace(said, notification_id=new_id(world.now)),
        replace(said, application_id=other.application.id),
    ):
        assert await world.store.receipts.add_receipt(wrong) is None
    assert await world.rows(receipts) == []


async def test_a_phone_may_be_faster_than_its_page(world: World) -> None:
    registration = await world.register(device="d")
    claimed = await notify(world)
    targets = await read_all(world, claimed)
    said = receipt_of(world, claimed, target_id=registration.id)

    assert await world.store.receipts.add_receipt(said) is True
    assert (
        await world.store.receipts.add_receipt(replace(said, target_id=new_id(world.now))) is None
    )
    await commit(world, claimed, targets)

    assert await world.store.receipts.add_receipt(said) is False


async def test_listed_registrations_and_addresses_are_found(world: World) -> None:
    one, two = await world.register_many(2)
    claimed = await notify(world, Registrations((one.id, two.id)))
    await commit(world, claimed, await read_all(world, claimed))
    said = receipt_of(world, claimed, target_id=two.id)

    assert await world.store.receipts.add_receipt(said) is True
    assert (
        await world.store.receipts.add_receipt(replace(said, target_id=None, recipient=2)) is False
    )
    assert await world.store.receipts.add_receipt(replace(said, recipient=1)) is None

    bare = await notify(world, Addresses((Address(ProviderName.SMS, "+491701234567"),)))
    [target] = await read_all(world, bare)
    await commit(world, bare, [target])
    assert await world.store.receipts.add_receipt(receipt_of(world, bare, recipient=1)) is True
    shown = await world.store.receipts.of_deliveries(bare[1].id, [(1, target.id)])
    assert list(shown) == [(1, target.id)]


async def test_a_networks_own_id_leads_to_the_delivery(world: World) -> None:
    claimed = await notify(world, Addresses((Address(ProviderName.SMS, "+491701234567"),)))
    [target] = await read_all(world, claimed)
    row = outcome(world, target)._replace(provider_message_id="msg-1")

    await commit(world, claimed, deliveries=[row])

    find = world.store.receipts.place_of
    assert await find(world.application.id, ProviderName.SMS, "msg-1") == MessagePlace(
        claimed[1].id, target.id, 1
    )
    assert await find(world.application.id, ProviderName.SMS, "msg-2") is None
    assert await find(world.application.id, ProviderName.FCM, "msg-1") is None


async def test_other_providers_ids_are_not_kept_twice(world: World) -> None:
    await world.register(device="d")
    claimed = await notify(world)
    [target] = await read_all(world, claimed)
    row = outcome(world, target)._replace(provider_message_id="projects/p/messages/1")

    await commit(world, claimed, deliveries=[row])

    assert await world.rows(provider_messages) == []


async def test_a_receipt_is_told(world: World) -> None:
    await add(world, EventKind.RECEIPT_OPENED)
    claimed, registration = await sent(world, user="alice")
    said = receipt_of(world, claimed, target_id=registration.id)

    await world.store.receipts.add_receipt(said)
    await world.store.receipts.add_receipt(said)
    await world.store.receipts.add_receipt(replace(said, kind=ReceiptKind.DISMISSED))

    [dispatch] = (await only_claim(world)).dispatches
    assert dispatch.event.kind is EventKind.RECEIPT_OPENED
    assert dispatch.event.body["user_id"] == "alice"
    assert dispatch.event.body["device_id"] == "d"


async def test_receipts_are_forgotten_with_their_notification(world: World) -> None:
    claimed, registration = await sent(world)
    await world.store.receipts.add_receipt(receipt_of(world, claimed, target_id=registration.id))
    world.clock.advance(100)
    assert await claim(world) == []

    while await world.store.retention.forget_old(Retained(None, world.now, None), limit=10):
        pass

    assert await world.rows(receipts) == []
    assert await world.rows(receipt_counters) == []
