"""Resident memory of the server while it broadcasts to 10,000, 100,000 and 1,000,000 phones."""

from __future__ import annotations

import os
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.crash_site import Delivery, Site
from bench.fakes import Fakes
from bench.machine import pin, resident_mb

if TYPE_CHECKING:
    from collections.abc import Callable

SIZES = tuple(map(int, os.environ.get("BENCH_SIZES", "10000,100000,1000000").split(",")))
SERVER_CORE, OTHER_CORE = 0, 1
LOOK_EVERY_S = 0.05


def run(say: Callable[[str], None]) -> dict[str, Any]:
    """Measure each size in a server of its own; the ratio is of the largest to the smallest."""
    results: dict[str, Any] = {}
    for size in SIZES:
        with tempfile.TemporaryDirectory() as folder:
            results[str(size)] = {"value": _peak_mb(Path(folder), size, say), "unit": "MB resident"}
    first, last = (results[str(size)]["value"] for size in (SIZES[0], SIZES[-1]))
    return {
        **results,
        "value": max(each["value"] for each in results.values()),
        "unit": "MB resident",
        "peers": {f"{SIZES[0]} phones": first},
        "ratio": {f"{SIZES[0]} phones": round(last / first, 3)},
    }


def _peak_mb(folder: Path, phones: int, say: Callable[[str], None]) -> float:
    with Fakes(folder / "fakes", "--inbox", 0, "--log", 0) as fakes:
        pin(fakes.process.pid, OTHER_CORE)
        say(f"  filling in {phones:,} registrations")
        site = Site(folder / "site", fakes, phones, Delivery(lease_s=60.0))
        server = site.serve(site.copy("one"))
        try:
            pin(server.process.pid, SERVER_CORE)
            watch = Watch(server.process.pid)
            counters = server.wait_for(server.broadcast())
            peak = watch.stop()
        finally:
            server.stop()
    if counters["accepted"] < phones * 0.99:
        raise RuntimeError(f"unexpected outcomes: {counters}")
    say(f"  {phones:,} phones: {peak:.0f} MB at most")
    return round(peak, 1)


class Watch:
    """Looks at a process's resident memory until told to stop.

    All of it counts: its own, and what it has mapped of files.
    """

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._peak_mb = 0.0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look)
        self._thread.start()

    def stop(self) -> float:
        """Answer the most that was seen, in MB."""
        self._ended.set()
        self._thread.join()
        return self._peak_mb

    def _look(self) -> None:
        while not self._ended.wait(LOOK_EVERY_S):
            self._peak_mb = max(self._peak_mb, resident_mb(self._pid))
