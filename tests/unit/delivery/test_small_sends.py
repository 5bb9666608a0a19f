"""Small sends that begin where they are accepted, without a claim."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from tests.unit.delivery.scripted import APPLICATION
from tests.unit.delivery.stage import SETTINGS, Stage, until

from heliograph.core.errors import KeyReused, Unavailable
from heliograph.core.model.audience import Address, Addresses, Everyone
from heliograph.core.model.identity import ALL_SCOPES, ApiClient, ClientPrincipal
from heliograph.core.model.notification import Content, Counters, Notification, Options
from heliograph.core.model.registration import ProviderName
from heliograph.core.notifications.idempotency import IdempotencyKey, body_hash
from heliograph.core.notifications.notifications import Notifications
from heliograph.core.right_of_way import FEW, RightOfWay
from heliograph.delivery.small_sends import SmallSends

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

pytestmark = pytest.mark.anyio

CODE = Content(body="your code")
BACK_END = ClientPrincipal(
    ApiClient(b"c" * 16, APPLICATION.account_id, "back end", ALL_SCOPES, APPLICATION.created)
)


class Office:
    """Where notifications are accepted, in the process of a worker."""

    def __init__(self, stage: Stage, **settings: Any) -> None:
        self.stage = stage
        self.way = RightOfWay(stage.clock.monotonic)
        self.small_sends = SmallSends(
            stage.clock, SETTINGS.model_copy(update=settings), worker="one", way=self.way
        )
        self.rung = 0
        self.notifications = Notifications(
            stage.store.notifications, stage.clock, self._ring, small_sends=self.small_sends
        )
        self.worker, self.queue = stage.worker(places=self.small_sends, **settings)

    def _ring(self) -> None:
        self.rung += 1
        self.queue.wake()

    @asynccontextmanager
    async def working(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.worker.run())
        try:
            yield
        finally:
            self.worker.stop()
            await asyncio.wait_for(task, 20)

    async def send(
        self, audience: Any = None, key: IdempotencyKey | None = None, **options: Any
    ) -> Notification:
        to = audience or Addresses((Address(ProviderName.FCM, "phone"),))
        return await self.notifications.accept(
            BACK_END, APPLICATION, to, CODE, Options(**options), key
        )


@pytest.fixture
def office(stage: Stage) -> Office:
    return Office(stage)


async def test_it_is_sent_without_a_claim_or_a_read(stage: Stage, office: Office) -> None:
    async with office.working():
        await until(lambda: "claim" in stage.ledger.calls)
        stage.ledger.calls.clear()
        sent = await office.send()
        assert await stage.completes(sent) == Counters(accepted=1)

    assert stage.provider.tokens == [["phone"]]
    assert "read_page" not in stage.ledger.calls
    assert office.rung == 0
    assert office.small_sends.reserved == 0


async def test_everyone_is_a_small_send_where_few_are(stage: Stage, office: Office) -> None:
    tokens = await stage.phones(3)

    async with office.working():
        assert await stage.completes(await office.send(Everyone())) == Counters(accepted=3)

    assert stage.received_once(tokens)
    assert office.rung == 0


async def test_more_than_a_page_of_a_small_send_is_read_on(stage: Stage, office: Office) -> None:
    many = [f"phone {number}" for number in range(50)]

    async with office.working():
        sent = await office.send(Addresses(tuple(Address(ProviderName.FCM, one) for one in many)))
        assert await stage.completes(sent) == Counters(accepted=50)

    assert stage.received_once(many)
    assert [len(batch) for batch in stage.provider.tokens] == [20, 20, 10]


async def test_a_broadcast_goes_through_the_table(stage: Stage, office: Office) -> None:
    tokens = await stage.phones(1001)

    async with office.working():
        sent = await office.send(Everyone())
        assert office.rung == 1
        assert await stage.completes(sent) == Counters(accepted=1001)

    assert stage.received_once(tokens)
    assert office.small_sends.reserved == 0


async def test_what_has_a_pace_goes_through_the_table(stage: Stage, office: Office) -> None:
    async with office.working():
        sent = await office.send(max_per_second=5)
        assert office.rung == 1
        assert await stage.completes(sent) == Counters(accepted=1)


async def test_where_no_place_is_free_it_waits_in_the_table(stage: Stage) -> None:
    office = Office(stage, small_sends=1)
    gate = asyncio.Event()

    async def wait_for_gate(_: object) -> None:
        await gate.wait()

    stage.provider.before_send = wait_for_gate

    async with office.working():
        first = await office.send()
        second = await office.send()
        assert office.rung == 1
        gate.set()
        assert await stage.completes(first) == Counters(accepted=1)
        assert await stage.completes(second) == Counters(accepted=1)


async def test_a_repeated_request_is_not_sent_again(stage: Stage, office: Office) -> None:
    key = IdempotencyKey("code 1", body_hash({"a": 1}))
    other = IdempotencyKey("code 1", body_hash({"a": 2}))

    async with office.working():
        first, second = await asyncio.gather(office.send(key=key), office.send(key=key))
        assert first.id == second.id
        await stage.completes(first)
        with pytest.raises(KeyReused):
            await office.send(key=other)

    assert stage.provider.tokens == [["phone"]]
    assert office.small_sends.reserved == 0


async def test_what_could_not_be_written_gives_its_place_back(stage: Stage, office: Office) -> None:
    async with office.working():
        await stage.store.close()
        with pytest.raises(Unavailable):
            await office.send()

        assert office.small_sends.reserved == 0


async def test_a_worker_that_stops_takes_none(stage: Stage, office: Office) -> None:
    office.worker.stop()

    await office.send()

    assert office.rung == 1


@pytest.mark.parametrize(
    ("count", "gives_way"), [(1, True), (FEW, True), (FEW + 1, False), (None, False)]
)
async def test_broadcasts_give_way_to_what_is_for_a_few(
    office: Office, count: int | None, *, gives_way: bool
) -> None:
    listed = Addresses(tuple(Address(ProviderName.FCM, f"{n}") for n in range(count or 0)))
    office.way.take_turn()

    office.small_sends.reserve(Everyone() if count is None else listed)

    assert (office.way.take_turn() > 0.0) is gives_way


async def test_without_a_worker_in_the_process_it_goes_through_the_table(stage: Stage) -> None:
    rung = []
    alone = SmallSends(
        stage.clock, SETTINGS, worker="nobody", way=RightOfWay(stage.clock.monotonic)
    )
    notifications = Notifications(
        stage.store.notifications, stage.clock, lambda: rung.append(1), small_sends=alone
    )

    await notifications.accept(BACK_END, APPLICATION, Everyone(), CODE, Options())

    assert rung == [1]


async def test_one_that_took_longer_to_write_than_its_lease_is_another_workers(
    stage: Stage, office: Office
) -> None:
    place = office.small_sends.reserve(Everyone())
    assert place is not None
    begun = await stage.store.notifications.accept_and_begin(
        stage.a_notification(Addresses((Address(ProviderName.FCM, "phone"),))), None, place
    )
    assert begun is not None
    sent, first = begun
    stage.clock.advance(SETTINGS.lease_s + 1)

    office.small_sends.begin(place, sent, first)
    await until(lambda: office.worker.has_place() and not office.small_sends.reserved)
    assert stage.provider.tokens == []

    async with stage.working("two"):
        assert await stage.completes(sent) == Counters(accepted=1)
