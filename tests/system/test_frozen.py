"""A worker that is frozen past its lease while another does its work, and wakes up."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

import pytest
from bench.crash import compare, dying, wait_until
from bench.crash_site import Delivery, Site
from bench.fakes import Fakes

from heliograph.core.ids import parse

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bench.crash_site import Place

pytestmark = pytest.mark.system

PHONES = 60_000
DELIVERY = Delivery(page_size=250, lease_s=2.0, storage_timeout_s=5.0)

STALL_MS = 6000

AWAKE = ("epoch_lost", "lease_lost", "store_unavailable", "shard_interrupted")
"""What a worker says that wakes up to find its shards or its connections gone.

Said of a page in flight. Who wakes up between two pages finds the notification
completed, gives the shard back and has nothing to say.
"""

RECORDS = (
    "SELECT target_id, state, reason, attempts, at_ms FROM deliveries ORDER BY target_id",
    "SELECT id, reason, departed_ms FROM departed_registrations ORDER BY id",
    "SELECT id, token, refreshed_ms FROM registrations ORDER BY id",
    "SELECT id, epoch, is_done, accepted, gone, deferred FROM shards ORDER BY id",
)


def test_a_worker_frozen_past_its_lease_changes_nothing(
    tmp_path: Path, postgres_server: str
) -> None:
    with Fakes(tmp_path / "fakes", "--inbox", 0) as fakes:
        site = Site(tmp_path / "frozen", fakes, PHONES, DELIVERY, postgres=postgres_server)
        fakes.play(*dying(0.3, 1), {"delay_ms": 20})
        place = site.copy("run")
        servers = [
            site.serve(place, "--role", role, name=f"{role}{number}")
            for number, role in enumerate(("api", "worker", "worker"))
        ]
        api, sleeper, other = servers
        try:
            notification = api.broadcast()
            wait_until(lambda: fakes.pushes() > PHONES // 10)
            # Frozen with its pages at the provider, not between two of them.
            fakes.play(*dying(0.3, 1), {"delay_ms": STALL_MS})
            wait_until(_stands_still(fakes))
            held = _holds(site, place, sleeper.name)
            sleeper.freeze()
            fakes.play(*dying(0.3, 1))

            counters = api.wait_for(notification)
            before = [site.rows(place, statement) for statement in RECORDS]
            sleeper.thaw()
            wait_until(lambda: any(map(sleeper.said, AWAKE)))
            # It ends what it still holds before it stops; nothing comes after.
            sleeper.stop()
            other.stop()
            api.stop()
        finally:
            for server in servers:
                server.kill()

        found = compare(
            site, place, parse("notification", notification), counters, list(fakes.log())
        )
        after = [site.rows(place, statement) for statement in RECORDS]

    assert held > 0
    assert after == before
    assert found.lost == 0
    assert found.doubled <= DELIVERY.bound
    assert found.wrong == []


def _stands_still(fakes: Fakes, looks: int = 10) -> Callable[[], bool]:
    """Ask whether nobody has pushed anything for some looks."""
    seen: deque[int] = deque(maxlen=looks)

    def asked() -> bool:
        seen.append(fakes.pushes())
        return len(seen) == looks and seen[0] == seen[-1]

    return asked


def _holds(site: Site, place: Place, worker: str) -> int:
    """Say how many shards a worker is at."""
    return site.rows(
        place, f"SELECT count(*) FROM shards WHERE NOT is_done AND owner = '{worker}'"
    )[0][0]
