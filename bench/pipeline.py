"""CPU time per push of the whole pipeline: read → render → send → outcome committed.

A server in a process of its own broadcasts to 200,000 phones; the provider is
the APNs fake in another process. The figure is all the CPU time of the
server's process between the request and the last commit. Beside it stands
Go's bare sender, which reads, renders and stores nothing.
"""

from __future__ import annotations

import os
import shutil
import statistics
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench import sender
from bench.crash_site import Delivery, Site
from bench.fakes import Fakes
from bench.machine import cpu_s, pin
from bench.postgresql import postgresql_in
from heliograph.core.clock import SystemClock
from heliograph.simulators.certificates import ensure_certificates

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.crash_site import Server

PHONES = int(os.environ.get("BENCH_PHONES", "200000"))
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "3"))
WORKER_CORE, OTHER_CORE = 0, 1
DEAD_SHARE = 0.3
PEER = "go-net-http, sending only"
UNIT = "us CPU per push"

SLOW = {"status": 200, "delay_ms": 20}
"""Answers after 20 ms; the fake's flow-control windows are HTTP/2's own 65,535 bytes."""

DEAD = {"status": 410, "reason": "Unregistered", "died_s_ago": 0, "share": DEAD_SHARE}


def run(say: Callable[[str], None]) -> dict[str, Any]:
    """Measure both engines; the peer in the same run."""
    peers = _go(say)
    with tempfile.TemporaryDirectory() as folder:
        results = {"sqlite": _engine(Path(folder), "sqlite", None, peers, say)}
    with (
        tempfile.TemporaryDirectory() as folder,
        tempfile.TemporaryDirectory() as cluster,
        postgresql_in(Path(cluster)) as url,
    ):
        results["postgresql"] = _engine(Path(folder), "postgresql", url, peers, say)
    return {**results, "load_average": round(os.getloadavg()[0], 2)}


def _engine(
    folder: Path,
    name: str,
    postgres: str | None,
    peers: dict[str, float],
    say: Callable[[str], None],
) -> dict[str, Any]:
    with Fakes(folder / "fakes", "--inbox", 0, "--log", 0) as fakes:
        pin(fakes.process.pid, OTHER_CORE)
        say(f"  {name}: filling in {PHONES:,} registrations")
        site = Site(folder / "site", fakes, PHONES, Delivery(lease_s=60.0), postgres=postgres)
        place = site.copy("one")
        server = site.serve(place)
        try:
            pin(server.process.pid, WORKER_CORE)
            plain = [_broadcast(server, say, f"{name} {n + 1}/{ROUNDS}") for n in range(ROUNDS)]
            fakes.play(SLOW)
            slow = _broadcast(server, say, f"{name}, answers after 20 ms")
            fakes.play(DEAD)
            dead = _broadcast(server, say, f"{name}, 30 % dead", gone=DEAD_SHARE)
        finally:
            server.stop()
    value = statistics.median(plain)
    return {
        **_row(value, peers),
        "slow_answers": _row(slow, peers),
        "dead_tokens": _row(dead, peers),
        "rounds": [round(each, 2) for each in plain],
        "phones": PHONES,
    }


def _row(value: float, peers: dict[str, float]) -> dict[str, Any]:
    return {
        "value": round(value, 2),
        "unit": UNIT,
        "peers": peers,
        "ratio": {name: round(value / peer, 3) for name, peer in peers.items()},
    }


def _broadcast(
    server: Server, say: Callable[[str], None], name: str, *, gone: float = 0.0
) -> float:
    """Send to everyone; answer the microseconds of CPU for each push."""
    used, began = cpu_s(server.process.pid), time.monotonic()
    counters = server.wait_for(server.broadcast())
    used, took = cpu_s(server.process.pid) - used, time.monotonic() - began
    if abs(counters["gone"] / PHONES - gone) > 0.02 or counters["accepted"] < PHONES * (
        0.98 - gone
    ):
        raise RuntimeError(f"{name}: unexpected outcomes: {counters}")
    value = used / PHONES * 1e6
    say(f"  {name}: {value:.1f} us of CPU per push, {PHONES / took:,.0f} pushes/s")
    return value


def _go(say: Callable[[str], None]) -> dict[str, float]:
    """Measure Go's bare sender, where Go is installed."""
    go = shutil.which("go", path=f"{os.environ.get('PATH', '')}:/usr/local/go/bin")
    if go is None:
        say("  Go's sender is left out: Go is not installed")
        return {}
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        sender._build(go, folder)  # noqa: SLF001 - the bench of the sender built it first
        ca_file, server_file = ensure_certificates(folder, "localhost", now=SystemClock().now())
        order = {
            "ca": ca_file.read_text(),
            "authorization": "bearer " + "a" * 193,
            "topic": "com.example.newsapp",
            "expiration": "1789000000",
            "body": sender.BODY,
            "warm_up": sender.WARM_UP,
            "in_flight": sender.IN_FLIGHT,
            "count": PHONES // 4,
        }
        with sender._serving(folder / "sink", server_file) as sink:  # noqa: SLF001
            used = [
                sender._push(PEER, [str(folder / "pusher")], order | {"port": sink.port})  # noqa: SLF001
                for _ in range(ROUNDS)
            ]
    value = round(statistics.median(used) / (PHONES // 4) * 1e6, 2)
    say(f"  {PEER}: {value:.1f} us of CPU per push")
    return {PEER: value}
