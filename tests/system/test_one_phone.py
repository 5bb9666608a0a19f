"""One phone that changes hands through every front door: its former owners' pushes never show."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from itertools import permutations
from typing import TYPE_CHECKING

import pytest
from tests.system.engine import Engine, ShiftedClock, config_of, running, until
from tests.system.phone import DISCORD_SYNC, MOBILEFIRST_DEVICES, OWNERS, TOKEN, Phone

from heliograph.config import Storage
from heliograph.core.model.identity import SessionForm
from heliograph.core.model.notification import Counters
from heliograph.core.model.registration import ProviderName
from heliograph.core.registrations.slots import bucket_of
from heliograph.simulators import Simulators

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from heliograph.core.model.notification import Notification

pytestmark = [pytest.mark.anyio, pytest.mark.system]

WEEK = timedelta(days=7)
BUCKETS = 256


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that keeps the fakes' certificates from one test to the next."""
    return tmp_path_factory.mktemp("simulators")


@pytest.fixture
def shifted() -> ShiftedClock:
    return ShiftedClock()


@pytest.fixture
async def simulators(certificates: Path, shifted: ShiftedClock) -> AsyncIterator[Simulators]:
    started = await Simulators.start(certificates, now=shifted.now)
    yield started
    await started.stop()


@pytest.fixture
async def phone(
    tmp_path: Path, simulators: Simulators, shifted: ShiftedClock
) -> AsyncIterator[Phone]:
    config = config_of(tmp_path, simulators, Storage())
    async with running(config, simulators, clock=shifted) as engine:
        yield await Phone.beside(engine)


async def test_a_phone_belongs_to_whoever_took_it_last_on_each_database(
    tmp_path: Path, simulators: Simulators, storage: Storage
) -> None:
    async with running(config_of(tmp_path, simulators, storage), simulators) as engine:
        phone = await Phone.beside(engine)
        former: list[str] = []

        for door, owners in OWNERS.items():
            await phone.register(door)

            for user in former:
                assert not await phone.is_reached_by(user), (door, user)
            for user in owners:
                assert await phone.is_reached_by(user), (door, user)
            rows = await engine.living()
            assert {row.external_user_id for row in rows} == set(owners)
            former += owners

        assert len(former) == 7


async def test_a_phone_passes_from_every_door_to_every_other(phone: Phone) -> None:
    everyone = {user for owners in OWNERS.values() for user in owners}

    for door in _walk():
        await phone.register(door)

        owners = OWNERS[door]
        assert not await phone.is_reached_by(*sorted(everyone.difference(owners))), door
        assert await phone.is_reached_by(*owners), door
        assert {row.external_user_id for row in await phone.engine.living()} == set(owners)


def _walk() -> Iterator[str]:
    """Go through every door after every other one, each pair once."""
    left = set(permutations(OWNERS, 2))
    trail, done = [next(iter(OWNERS))], []
    while trail:
        onward = sorted(pair for pair in left if pair[0] == trail[-1])
        if onward:
            left.remove(onward[0])
            trail.append(onward[0][1])
        else:
            done.append(trail.pop())
    assert len(done) == len(OWNERS) * (len(OWNERS) - 1) + 1
    return reversed(done)


@pytest.mark.parametrize("door", ["layer", "native"])
async def test_a_device_that_mobilefirst_knows_by_another_doors_id_passes_by_put(
    phone: Phone, door: str
) -> None:
    await phone.register(door)
    (mia,) = OWNERS["mobilefirst"]
    place, login = f"{MOBILEFIRST_DEVICES}/of-{door}", phone.mobilefirst_login
    again = {"deviceId": f"of-{door}", "platform": "G", "token": TOKEN, "userId": mia}

    await phone.call("POST", MOBILEFIRST_DEVICES, login, again, status=409)
    assert await phone.is_reached_by(*OWNERS[door])
    await phone.call("PUT", place, login, {"userId": mia})

    assert not await phone.is_reached_by(*OWNERS[door])
    assert await phone.is_reached_by(mia)


async def test_two_accounts_on_one_phone_hear_the_same_push_once(phone: Phone) -> None:
    await phone.register("discord")

    both = await phone.is_reached_by(*OWNERS["discord"])
    single = [await phone.is_reached_by(user) for user in OWNERS["discord"]]
    with_others = await phone.is_reached_by("lea", *OWNERS["discord"], "stranger")

    assert (both, single, with_others) == (True, [True, True], True)


async def test_an_account_that_is_left_out_of_the_next_synchronization_falls_silent(
    phone: Phone,
) -> None:
    await phone.register("discord")
    dan, dora = OWNERS["discord"]
    body = {"provider": "gcm", "token": TOKEN, "push_sync_tokens": []}

    await phone.call("PUT", DISCORD_SYNC, {"Authorization": phone.logins[dora]}, body)

    assert [await phone.is_reached_by(user) for user in (dan, dora)] == [False, True]


@pytest.mark.parametrize("door", ["layer", "navixy", "discord", "twilio", "mobilefirst"])
async def test_what_an_app_says_when_its_user_leaves_silences_the_phone(
    phone: Phone, door: str
) -> None:
    user = OWNERS[door][0]
    await phone.register(door)
    assert await phone.is_reached_by(user)

    await phone.forget(door)

    assert not await phone.is_reached_by(user)


FILLERS, PAGE, PER_SECOND = 80, 4, 40
"""A broadcast of twenty pages, one of them each tenth of a second."""


@pytest.fixture
async def crowded(tmp_path: Path, simulators: Simulators) -> AsyncIterator[Phone]:
    """A phone among others, in an engine that reads few of them at once."""
    config = config_of(tmp_path, simulators, Storage(), page_size=PAGE)
    async with running(config, simulators) as engine:
        await engine.phones(FILLERS, ProviderName.FCM)
        yield await Phone.beside(engine)


@pytest.mark.parametrize("becomes", ["forgotten", "somebody else's"])
@pytest.mark.parametrize("door", ["layer", "navixy", "discord"])
async def test_a_broadcast_that_is_on_its_way_does_not_reach_who_had_the_phone(
    crowded: Phone, door: str, becomes: str
) -> None:
    engine, notifications = crowded.engine, crowded.engine.core.notifications
    user = await _owner_behind_half_of_all(crowded, door)
    broadcast = await engine.broadcast(max_per_second=PER_SECOND)
    await until(partial(_has_begun, engine, broadcast))
    await notifications.pause(engine.back_end, engine.application, broadcast.id)
    assert not engine.simulators.inbox.received(TOKEN)

    if becomes == "forgotten":
        await crowded.forget(door, user)
    else:
        await crowded.register("native")
    await notifications.resume(engine.back_end, engine.application, broadcast.id)
    counters = await engine.completes(broadcast)

    assert not engine.simulators.inbox.received(TOKEN)
    assert counters == Counters(accepted=FILLERS)
    assert await crowded.is_reached_by("nora") is (becomes != "forgotten")


async def _owner_behind_half_of_all(phone: Phone, door: str) -> str:
    """Register the phone where a broadcast, which goes through buckets in order, comes late."""
    number = 0
    while True:
        user, number = f"{door}-{number}", number + 1
        await phone.register(door, user)
        (row,) = [row for row in await phone.engine.living() if row.token == TOKEN]
        if bucket_of(row.id) >= BUCKETS // 2:
            return user


async def _has_begun(engine: Engine, notification: Notification) -> bool:
    return (await engine.counters(notification)).accepted > 0


async def test_the_other_account_of_a_phone_outlives_a_logout(phone: Phone) -> None:
    await phone.register("discord")
    dan, dora = OWNERS["discord"]

    await phone.engine.core.identity.end_session(phone.logins[dan], SessionForm.DISCORD)

    assert [await phone.is_reached_by(user) for user in (dan, dora)] == [False, True]
    assert await phone.is_reached_by(dan, dora)


async def test_a_logout_does_not_silence_a_phone_that_has_moved_on(phone: Phone) -> None:
    await phone.register("layer")
    await phone.register("navixy")
    (lea,) = OWNERS["layer"]

    await phone.engine.core.identity.end_session(phone.logins[lea], SessionForm.LAYER)

    assert await phone.is_reached_by(*OWNERS["navixy"])


@pytest.mark.parametrize(
    ("form", "is_silent"),
    [
        (SessionForm.LAYER, False),
        (SessionForm.NAVIXY, True),
        (SessionForm.DISCORD, True),
    ],
    ids=str,
)
async def test_what_a_session_that_expires_means_for_its_phone(
    phone: Phone, shifted: ShiftedClock, form: SessionForm, is_silent: bool
) -> None:
    user = OWNERS[form.value][0]
    await phone.sign_in(user, form, WEEK)
    await phone.register(form.value)

    shifted.shift = WEEK - timedelta(minutes=1)
    early = await phone.is_reached_by(user)
    shifted.shift = WEEK
    late = await phone.is_reached_by(user)

    assert early
    assert late is not is_silent
    assert await phone.engine.living()


async def test_of_two_accounts_the_one_that_is_still_signed_in_is_heard(
    phone: Phone, shifted: ShiftedClock
) -> None:
    dan, dora = OWNERS["discord"]
    await phone.sign_in(dan, SessionForm.DISCORD, WEEK)
    await phone.register("discord")

    shifted.shift = WEEK

    assert [await phone.is_reached_by(user) for user in (dan, dora)] == [False, True]
    assert await phone.is_reached_by(dan, dora)
