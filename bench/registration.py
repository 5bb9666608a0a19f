"""Durable registrations per second: over HTTP, and the same statements without it.

64 connections, one server process, a million registrations present; half of
the requests are new devices, 40 % known ones with a new refresh time, 10 %
known ones with a rotated token.
"""

from __future__ import annotations

import asyncio
import json
import os
import pickle
import random
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.filling import device_of, fill_postgresql, fill_sqlite, token_of, user_of
from bench.load import Plan
from bench.machine import cpu_s, pin
from bench.postgresql import postgresql_in
from heliograph.config import Config, Storage
from heliograph.core.ids import spell
from heliograph.core.model.registration import Draft, ProviderName, Slot, UserKey
from heliograph.storage.database.sqlite import FILE_NAME
from heliograph.wiring import Stack

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PRESENT = int(os.environ.get("BENCH_REGISTRATIONS", "1000000"))
FEWEST = 50_000
CONNECTIONS = 64
ROUNDS = 3
SECONDS = 6.0
WARM_UP_S = 2.0
MOST_PER_ROUND = min(160_000, PRESENT)
SERVER_CORE, LOADER_CORE = 0, 1


def run(say: Callable[[str], None]) -> dict[str, Any]:
    """Measure both engines; raises ValueError for too few rows to load from."""
    if PRESENT < FEWEST:
        raise ValueError(f"BENCH_REGISTRATIONS must be at least {FEWEST}")
    results = {"sqlite": _engine(None, say)}
    with tempfile.TemporaryDirectory() as folder, postgresql_in(Path(folder)) as url:
        results["postgresql"] = _engine(url, say)
    return results


def _engine(database_url: str | None, say: Callable[[str], None]) -> dict[str, float]:
    name = "postgresql" if database_url else "sqlite"
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder)
        site = asyncio.run(_prepare(data, database_url))
        say(f"  {name}: filling in {PRESENT:,} registrations")
        if database_url:
            asyncio.run(
                fill_postgresql(database_url, site.account_id, site.application_id, PRESENT)
            )
        else:
            fill_sqlite(data / FILE_NAME, site.account_id, site.application_id, PRESENT)
        mix = Mix()
        over_http, bare = [], []
        for number in range(ROUNDS):
            over_http.append(_over_http(site, mix))
            bare.append(asyncio.run(_bare(site, mix)))
            say(
                f"  {name} {number + 1}/{ROUNDS}: {over_http[-1]['per_s']:,.0f}/s, p99 "
                f"{over_http[-1]['p99_ms']:.1f} ms, {over_http[-1]['cpu_us']:.0f} us CPU; "
                f"without HTTP {bare[-1]:,.0f}/s"
            )
    result = {
        key: round(statistics.median(each[key] for each in over_http), 1)
        for key in ("per_s", "p99_ms", "cpu_us")
    }
    return result | {"bare_per_s": round(statistics.median(bare), 1)}


class Mix:
    """The order in which devices come: new ones, known ones, known ones with a new token."""

    def __init__(self) -> None:
        self._random = random.Random(1)
        self._next_new = PRESENT
        self._rotations = 0

    def devices(self, count: int) -> Iterator[tuple[int, str]]:
        """Answer devices with their tokens; no known one comes twice in a short time."""
        known = iter(self._random.sample(range(PRESENT), min(PRESENT, count)))
        for _ in range(count):
            draw = self._random.random()
            if draw < 0.5:
                self._next_new += 1
                yield self._next_new, token_of(self._next_new)
            elif draw < 0.9:
                number = next(known)
                yield number, token_of(number)
            else:
                number = next(known)
                self._rotations += 1
                yield number, token_of(number, self._rotations)


class Site:
    """A prepared database, and what a loader needs to know of it."""

    def __init__(self, config: Config, stack: Stack, account: Any, application: Any, key: str):
        self.config = config
        self.core = stack.core
        self.account_id = account.id
        self.application_id = application.id
        self.path = f"/v1/applications/{spell('application', application.id)}/registrations"
        self.key = key


async def _prepare(data: Path, database_url: str | None) -> Site:
    config = Config(data=data, storage=Storage(database_url=database_url))
    stack = await Stack.open(config)
    account = await stack.core.applications.account()
    application = await stack.core.applications.create(account.id, "bench")
    _, key = await stack.core.applications.create_client(account.id, "bench")
    await stack.stop()
    return Site(config, stack, account, application, key)


def _over_http(site: Site, mix: Mix) -> dict[str, float]:
    """Serve in a process of its own, load it from another."""
    command = [sys.executable, "-m", "heliograph", "serve", "--port", "0", "--data"]
    command.append(str(site.config.data))
    if site.config.storage.database_url:
        command += ["--database-url", site.config.storage.database_url.get_secret_value()]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        assert server.stdout is not None
        url = server.stdout.readline().split()[-1]
        pin(server.pid, SERVER_CORE)
        host, _, port = url.removeprefix("http://").partition(":")
        wait_until_ready(url)
        plan = Plan(host, int(port), _requests(site, mix, host), CONNECTIONS, WARM_UP_S, SECONDS)
        loader = subprocess.Popen(
            [sys.executable, "-m", "bench.load"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        pin(loader.pid, LOADER_CORE)
        before = cpu_s(server.pid)
        out, _ = loader.communicate(pickle.dumps(plan), timeout=120)
        used = cpu_s(server.pid) - before
        seen = json.loads(out)
        if set(seen["statuses"]) - {"200", "201"}:
            raise RuntimeError(f"the server refused: {seen['statuses']}")
        return {**seen, "cpu_us": used / seen["count"] * 1e6}
    finally:
        server.terminate()
        server.wait(20)


def _requests(site: Site, mix: Mix, host: str) -> list[bytes]:
    made = []
    for number, token in mix.devices(MOST_PER_ROUND):
        body = json.dumps(
            {
                "user_id": user_of(number),
                "device_id": device_of(number),
                "provider": "apns",
                "token": token,
            }
        ).encode()
        made.append(
            f"POST {site.path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {site.key}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode()
            + body
        )
    return made


async def _bare(site: Site, mix: Mix) -> float:
    """Register with the same statements, from as many tasks, in this process."""
    pin(0, SERVER_CORE)
    stack = await Stack.open(site.config)
    clock = stack.core.clock
    devices = list(mix.devices(MOST_PER_ROUND))
    queue = iter(devices)
    count = 0
    counting_from = time.perf_counter() + WARM_UP_S
    until = counting_from + SECONDS

    async def work() -> None:
        nonlocal count
        for number, token in queue:
            if time.perf_counter() > until:
                return
            draft = Draft(
                application_id=site.application_id,
                slot=Slot(device_id=device_of(number)),
                provider=ProviderName.APNS,
                token=token,
                arrived_at=clock.now(),
                origin="native",
                owner=UserKey(site.account_id, user_of(number)),
                device_id=device_of(number),
            )
            await stack.store.registry.register(draft)
            count += time.perf_counter() > counting_from

    try:
        await asyncio.gather(*(work() for _ in range(CONNECTIONS)))
    finally:
        await stack.stop()
        os.sched_setaffinity(0, range(os.cpu_count() or 1))
    return count / (time.perf_counter() - counting_from)


def wait_until_ready(url: str) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"{url}/health/ready") as reply:
                if reply.status == 200:
                    return
        except OSError:
            time.sleep(0.05)
    raise RuntimeError("the server did not get ready")
