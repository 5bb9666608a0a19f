"""The engine against the fakes: whole journeys over real sockets, on both databases."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from tests.system.engine import (
    Engine,
    ShiftedClock,
    config_of,
    derived_id,
    running,
    until,
)

from heliograph.config import Storage
from heliograph.core.model.application import ApnsCredential
from heliograph.core.model.delivery import DeliveryState
from heliograph.core.model.notification import Counters
from heliograph.core.model.registration import Environment, ProviderName
from heliograph.simulators import Simulators
from heliograph.simulators.faults import Action, Fault
from heliograph.wiring import Stack

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

pytestmark = [pytest.mark.anyio, pytest.mark.system]

WEEK = timedelta(days=7)
APNS, FCM = ProviderName.APNS, ProviderName.FCM


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
async def engine(
    tmp_path: Path, simulators: Simulators, shifted: ShiftedClock
) -> AsyncIterator[Engine]:
    config = config_of(tmp_path, simulators, Storage(), request_timeout_s=1.0)
    async with running(config, simulators, clock=shifted) as engine:
        yield engine


async def test_a_broadcast_reaches_every_phone_exactly_once(
    tmp_path: Path, simulators: Simulators, storage: Storage
) -> None:
    async with running(config_of(tmp_path, simulators, storage), simulators) as engine:
        tokens = [*await engine.phones(1000), *await engine.phones(1000, FCM)]
        broadcast = await engine.broadcast()
        counters = await engine.completes(broadcast)

        assert counters == Counters(accepted=2000)
        assert engine.received() == dict.fromkeys(tokens, 1)
        rows = {row.token: row for row in await engine.living()}
        for token in tokens[:1000]:
            assert engine.message_ids(token) == {derived_id(broadcast, rows[token])}


async def test_a_token_that_died_after_it_was_registered_is_forgotten(
    tmp_path: Path, simulators: Simulators, storage: Storage
) -> None:
    async with running(config_of(tmp_path, simulators, storage), simulators) as engine:
        dead, alive = await engine.phones(2, age=WEEK)
        lately = datetime.now(UTC) - timedelta(hours=1)
        simulators.faults.add(_unregistered(dead, lately))

        counters = await engine.completes(await engine.broadcast())

        assert counters == Counters(accepted=1, gone=1)
        assert [row.token for row in await engine.living()] == [alive]


async def test_a_token_that_died_before_it_was_registered_again_survives(engine: Engine) -> None:
    (token,) = await engine.phones(1)
    engine.simulators.faults.add(_unregistered(token, datetime.now(UTC) - WEEK))

    counters = await engine.completes(await engine.broadcast())

    assert counters == Counters(gone=1)
    assert [row.token for row in await engine.living()] == [token]


def _unregistered(token: str, since: datetime) -> Fault:
    return Fault(token, 410, "Unregistered", timestamp=int(since.timestamp() * 1000))


async def test_a_phone_of_the_sandbox_is_found_there_and_remembered(engine: Engine) -> None:
    (token,) = await engine.phones(1)
    engine.simulators.faults.add(Fault(token, 400, "BadDeviceToken"))

    counters = await engine.completes(await engine.broadcast())

    assert counters == Counters(accepted=1)
    (row,) = await engine.living()
    assert row.environment is Environment.SANDBOX


@pytest.mark.parametrize(
    ("provider", "fault"),
    [
        (APNS, Fault("", 429, "TooManyRequests", retry_after=1)),
        (APNS, Fault("", 503, "ServiceUnavailable", retry_after=1)),
        (FCM, Fault("", 429, "QUOTA_EXCEEDED", retry_after=1)),
        (FCM, Fault("", 503, "UNAVAILABLE", retry_after=1)),
    ],
    ids=lambda value: value.reason if isinstance(value, Fault) else value,
)
async def test_a_push_that_is_turned_away_is_tried_again(
    engine: Engine, shifted: ShiftedClock, provider: ProviderName, fault: Fault
) -> None:
    (token,) = await engine.phones(1, provider)
    engine.simulators.faults.add(
        Fault(token, fault.status, fault.reason, retry_after=fault.retry_after)
    )

    broadcast = await engine.broadcast()
    assert await engine.reaches(broadcast, 1) == Counters(deferred=1)
    assert engine.received() == {}
    shifted.shift = timedelta(minutes=20)
    counters = await engine.completes(broadcast)

    assert counters == Counters(accepted=1)
    assert engine.received() == {token: 1}


@pytest.mark.parametrize("takes_push", [False, True], ids=["untaken", "taken"])
@pytest.mark.parametrize("action", [Action.GOAWAY, Action.RST, Action.HANG, Action.CLOSE])
async def test_a_connection_that_fails_loses_nobody(
    engine: Engine, shifted: ShiftedClock, action: Action, takes_push: bool
) -> None:
    tokens = await engine.phones(100)
    for token in tokens[::25]:
        status = 200 if takes_push else None
        engine.simulators.faults.add(Fault(token, status, action=action))

    broadcast = await engine.broadcast()
    await engine.reaches(broadcast, 100)
    shifted.shift = timedelta(minutes=1)
    counters = await engine.completes(broadcast)

    received = engine.received()
    assert counters == Counters(accepted=100)
    assert received.keys() == set(tokens)
    rows = {row.token: row for row in await engine.living()}
    for token in tokens:
        assert engine.message_ids(token) == {derived_id(broadcast, rows[token])}
    if not takes_push and action in {Action.GOAWAY, Action.RST, Action.HANG}:
        assert set(received.values()) == {1}


async def test_a_provider_that_hangs_holds_up_neither_the_stop_nor_the_next_start(
    tmp_path: Path, simulators: Simulators
) -> None:
    # Patient by default: a request may take longer than the whole stop.
    config = config_of(tmp_path, simulators, Storage(), pages_in_flight=1, lease_s=60.0)
    simulators.faults.add(Fault("*", 200, action=Action.HANG, times=1000))
    stack = await Stack.open(config)
    first = await Engine.beside(stack, simulators)
    tokens = await first.phones(5)
    stack.start()
    broadcast = await first.broadcast()
    await until(lambda: _has_received(simulators, 1))

    async with asyncio.timeout(10):
        await stack.stop()
    simulators.faults.clear()
    stack = await Stack.open(config)
    stack.start()
    engine = Engine(stack, simulators, first.application, first.back_end.client)
    counters = await engine.completes(broadcast)
    await stack.stop()

    assert counters == Counters(accepted=5)
    assert engine.received().keys() == set(tokens)
    assert {len(engine.message_ids(token)) for token in tokens} == {1}


async def _has_received(simulators: Simulators, count: int) -> bool:
    return simulators.inbox.total >= count


async def test_a_wrong_key_forgets_nobody_and_loses_nothing(
    engine: Engine, shifted: ShiftedClock
) -> None:
    tokens = await engine.phones(100, age=WEEK)
    given = engine.simulators.apns_credential
    wrong = ApnsCredential(given.key_id, given.team_id, _new_key())
    await engine.core.applications.set_credential(engine.application, Environment.PRODUCTION, wrong)

    broadcast = await engine.broadcast()
    assert await engine.reaches(broadcast, 100) == Counters(deferred=100)

    records = await engine.deliveries(broadcast)
    assert {each.reason for each in records} == {"InvalidProviderToken"}
    assert {each.state for each in records} == {DeliveryState.DEFERRED}
    assert len(await engine.living()) == 100
    assert engine.received() == {}

    await engine.set_credentials()
    shifted.shift = timedelta(minutes=2)
    assert await engine.completes(broadcast) == Counters(accepted=100)
    assert engine.received() == dict.fromkeys(tokens, 1)


def _new_key() -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
