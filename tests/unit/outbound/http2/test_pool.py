import asyncio
import gc
import weakref

import pytest

from heliograph.outbound.http2.pool import SenderPool
from heliograph.outbound.http2.sender import Origin

pytestmark = pytest.mark.anyio

OLD, NEW = b"\x01" * 16, b"\x02" * 16
PLACE, OTHER_PLACE = ("app", "production"), ("app", "sandbox")
HERE, THERE = Origin("here.test"), Origin("there.test")


class FakeSender:
    def __init__(self, origin):
        self.origin = origin
        self.is_closed = False

    async def aclose(self):
        self.is_closed = True


class Senders:
    """Makes senders and remembers them."""

    def __init__(self):
        self.made = []

    def __call__(self, origin):
        self.made.append(FakeSender(origin))
        return self.made[-1]


@pytest.fixture
def senders():
    return Senders()


@pytest.fixture
async def pool(senders):
    made = SenderPool(senders, size=3)
    yield made
    await made.close()
    assert all(sender.is_closed for sender in senders.made)


def lend(pool, key=OLD, place=PLACE, origin=HERE):
    with pool.lease(key, place, origin) as line:
        return line.sender


async def settle():
    """Let background tasks run."""
    for _ in range(5):
        await asyncio.sleep(0)


async def test_a_key_keeps_one_sender_per_origin(pool):
    first = lend(pool)

    assert lend(pool) is first
    assert lend(pool, origin=THERE) is not first
    assert [first.origin, lend(pool, origin=THERE).origin] == [HERE, THERE]


async def test_a_newer_key_retires_the_former_of_its_place(pool):
    former = lend(pool)

    current = lend(pool, NEW)
    late = lend(pool)
    await settle()

    assert former.is_closed
    assert late is not former
    assert not current.is_closed
    assert lend(pool, NEW) is current


async def test_a_newer_key_retires_the_former_at_every_origin(pool):
    formers = [lend(pool, origin=origin) for origin in (HERE, THERE)]

    lend(pool, NEW)
    await settle()

    assert [former.is_closed for former in formers] == [True, True]


async def test_another_places_key_retires_nothing(pool):
    first = lend(pool)

    lend(pool, NEW, OTHER_PLACE, THERE)
    lend(pool, NEW, OTHER_PLACE, HERE)
    await settle()

    assert not first.is_closed
    assert lend(pool) is first


async def test_a_sender_in_use_outlives_its_retirement(pool):
    with pool.lease(OLD, PLACE, HERE) as busy:
        lend(pool, NEW)
        await settle()
        was_closed = busy.sender.is_closed
    await settle()

    assert not was_closed
    assert busy.sender.is_closed


async def test_a_retired_sender_is_closed_when_nobody_uses_it(pool):
    with pool.lease(OLD, PLACE, HERE) as busy:
        pool.retire(OLD)
        await settle()
        was_closed = busy.sender.is_closed
        replacement = lend(pool)
    await settle()

    assert not was_closed
    assert busy.sender.is_closed
    assert replacement is not busy.sender
    assert not replacement.is_closed


async def test_retiring_a_key_leaves_the_others_alone(pool):
    other = lend(pool, NEW, OTHER_PLACE)
    lend(pool)

    pool.retire(OLD)
    await settle()

    assert lend(pool, NEW, OTHER_PLACE) is other
    assert not other.is_closed


async def test_a_sender_that_two_are_using_waits_for_both(pool):
    with pool.lease(OLD, PLACE, HERE) as line:
        with pool.lease(OLD, PLACE, HERE):
            pool.retire(OLD)
        await settle()
        was_closed = line.sender.is_closed
    await settle()

    assert not was_closed
    assert line.sender.is_closed


async def test_a_use_that_fails_gives_its_line_back(pool):
    lent = []

    def fail():
        with pool.lease(OLD, PLACE, HERE) as line:
            lent.append(line)
            pool.retire(OLD)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    await settle()

    assert lent[0].sender.is_closed


async def test_the_least_recently_used_sender_makes_room(pool):
    places = [f"app {number}" for number in range(4)]
    first, second, _ = (lend(pool, place=place, key=place.encode()) for place in places[:3])
    lend(pool, places[0].encode(), places[0])

    lend(pool, places[3].encode(), places[3])
    await settle()

    assert second.is_closed
    assert lend(pool, places[0].encode(), places[0]) is first


async def test_closing_does_not_wait_for_those_in_use(pool):
    with pool.lease(OLD, PLACE, HERE) as retired:
        pool.retire(OLD)
        with pool.lease(OLD, PLACE, HERE) as current:
            await pool.close()

            assert retired.sender.is_closed
            assert current.sender.is_closed
    assert pool.is_closed


async def test_what_is_noted_about_a_line_can_go_with_it(pool):
    noted = weakref.WeakSet()
    with pool.lease(OLD, PLACE, HERE) as line:
        noted.add(line)
    del line

    pool.retire(OLD)
    await settle()
    gc.collect()

    assert not noted
