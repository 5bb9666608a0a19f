"""From the request over HTTP to the moment the provider has the push.

One login code after the other is sent to a single phone while a broadcast to
a million runs in the same server. The APNs fake, in another process, notes
when each code arrives; all times are of one monotonic clock.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import secrets
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.crash_site import Delivery, Site
from bench.fakes import Fakes, plain_environment
from bench.machine import percentile, pin
from bench.watched_fakes import MARK

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.crash_site import Server

PHONES = int(os.environ.get("BENCH_PHONES", "1000000"))
CODES = int(os.environ.get("BENCH_CODES", "1000"))
EVERY_S = 0.02
SERVER_CORE, OTHER_CORE = 0, 1
PATIENCE_S = 20


class WatchedFakes(Fakes):
    """`bench.watched_fakes`, started and ready."""

    def __init__(self, folder: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "bench.watched_fakes", str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=plain_environment(),
        )
        assert self.process.stdout is not None
        self.places: dict[str, str] = json.loads(self.process.stdout.readline())

    def arrived(self) -> dict[str, float]:
        """Answer which codes have arrived since the last call, and when."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return dict(json.loads(self.process.stdout.readline()))

    def stop(self) -> None:
        """End the process."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.close()
        self.process.wait(PATIENCE_S)
        self.process.stdout.close()


def run(say: Callable[[str], None]) -> dict[str, Any]:
    """Measure without and with a broadcast; the idle server is what the other is held against."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        (folder / "fakes").mkdir()
        with WatchedFakes(folder / "fakes") as fakes:
            pin(fakes.process.pid, OTHER_CORE)
            say(f"  filling in {PHONES:,} registrations")
            site = Site(folder / "site", fakes, PHONES, Delivery(lease_s=60.0))
            server = site.serve(site.copy("one"))
            try:
                pin(server.process.pid, SERVER_CORE)
                pin(0, OTHER_CORE)
                _go_first()
                idle = _measure(server, fakes, CODES // 4)
                say(f"  idle: p50 {idle['p50_ms']} ms, p99 {idle['p99_ms']} ms")
                broadcast = server.broadcast()
                busy = _measure(server, fakes, CODES)
                if server.is_running(broadcast):
                    say("  the broadcast outlasted the codes, as it should")
                else:
                    say("  the broadcast ended before the codes did: take more phones")
                say(f"  broadcast: p50 {busy['p50_ms']} ms, p99 {busy['p99_ms']} ms")
                server.wait_for(broadcast)
            finally:
                server.stop()
                os.sched_setaffinity(0, range(os.cpu_count() or 1))
    return {
        "value": busy["p99_ms"],
        "unit": "ms, p99",
        "peers": {"idle server": idle["p99_ms"]},
        "ratio": {"idle server": round(busy["p99_ms"] / idle["p99_ms"], 2)},
        **busy,
        "idle": idle,
        "phones": PHONES,
        "load_average": round(os.getloadavg()[0], 2),
    }


def _go_first() -> None:
    """Let who holds the watch not wait for the fakes, with which it shares a core."""
    with contextlib.suppress(PermissionError):
        os.nice(-10)


def _measure(server: Server, fakes: WatchedFakes, count: int) -> dict[str, float]:
    """Send codes at a steady pace over one connection; answer how long they took."""
    connection = http.client.HTTPConnection(server.host, server.port, timeout=PATIENCE_S)
    sent: dict[str, float] = {}
    accepted: list[float] = []
    fakes.arrived()
    next_s = time.monotonic()
    for _ in range(count):
        token = MARK + secrets.token_hex(26)
        body = json.dumps(
            {
                "audience": {"addresses": [{"provider": "apns", "token": token}]},
                "content": {"body": "your code is 123456"},
                "options": {"ttl_s": 60},
            }
        )
        next_s = max(next_s + EVERY_S, time.monotonic())
        time.sleep(max(0.0, next_s - time.monotonic()))
        sent[token] = time.monotonic()
        connection.request("POST", server.path, body, server.headers)
        answer = connection.getresponse()
        answer.read()
        accepted.append(time.monotonic() - sent[token])
        if answer.status != 202:
            raise RuntimeError(f"the server answered {answer.status}")
    connection.close()
    arrived: dict[str, float] = {}
    deadline = time.monotonic() + PATIENCE_S
    while len(arrived) < count:
        arrived |= fakes.arrived()
        if time.monotonic() > deadline:
            raise RuntimeError(f"{count - len(arrived)} codes did not arrive")
        time.sleep(0.05)
    took = [arrived[token] - at for token, at in sent.items()]
    return {
        "p50_ms": round(percentile(took, 0.5) * 1000, 2),
        "p99_ms": round(percentile(took, 0.99) * 1000, 2),
        "worst_ms": round(max(took) * 1000, 2),
        "answered_p50_ms": round(percentile(accepted, 0.5) * 1000, 2),
        "answered_p99_ms": round(percentile(accepted, 0.99) * 1000, 2),
    }
