"""A server that is killed in mid-broadcast, and the one that follows it."""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.system.engine import Engine, config_of, derived_id, running, until

from heliograph.config import Storage
from heliograph.core.model.notification import Counters
from heliograph.simulators import Simulators
from heliograph.wiring import Stack

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from heliograph.config import Config

pytestmark = [pytest.mark.anyio, pytest.mark.system]

PHONES = 20_000
PAGE_SIZE = 200
PAGES_IN_FLIGHT = 4
KILL_AFTER = 4000

CHILD = Path(__file__).with_name("child_server.py")


async def test_a_server_killed_in_mid_broadcast_loses_nobody(tmp_path: Path) -> None:
    simulators = await Simulators.start(tmp_path / "simulators")
    config = config_of(
        tmp_path,
        simulators,
        Storage(),
        page_size=PAGE_SIZE,
        pages_in_flight=PAGES_IN_FLIGHT,
        lease_s=2.0,
    )
    async with running(config, simulators, starts=False) as engine:
        tokens = await engine.phones(PHONES)
        rows = {row.token: row for row in await engine.living()}
        broadcast = await engine.broadcast()

    async with _child(config) as child:
        await until(lambda: _has_received(simulators, KILL_AFTER, child))
        child.kill()
        await child.wait()
    # What the dead server had sent is still being read from the sockets.
    before = await _settled(simulators)
    assert KILL_AFTER <= before < PHONES

    stack = await Stack.open(config)
    stack.start()
    second = Engine(stack, simulators, engine.application, engine.back_end.client)
    counters = await second.completes(broadcast)
    await stack.stop()
    await simulators.stop()

    received = Counter(engine.received())
    assert counters == Counters(accepted=PHONES)
    assert received.keys() == set(tokens)
    assert received.total() - PHONES <= PAGES_IN_FLIGHT * PAGE_SIZE
    for token, count in received.items():
        if count > 1:
            assert engine.message_ids(token) == {derived_id(broadcast, rows[token])}


@asynccontextmanager
async def _child(config: Config) -> AsyncIterator[asyncio.subprocess.Process]:
    settings = config.model_dump_json(include={"data", "delivery", "apns", "fcm"})
    child = await asyncio.create_subprocess_exec(sys.executable, str(CHILD), settings)
    try:
        yield child
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()


async def _has_received(
    simulators: Simulators, count: int, child: asyncio.subprocess.Process
) -> bool:
    assert child.returncode is None, "the server ended by itself"
    return simulators.inbox.total >= count


async def _settled(simulators: Simulators) -> int:
    before = -1
    while before != simulators.inbox.total:
        before = simulators.inbox.total
        await asyncio.sleep(0.1)
    return before
