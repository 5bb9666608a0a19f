"""A server that is killed in mid-broadcast, and the one that follows it.

`python -m bench crash` does the same more often, with more phones.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from bench.crash import crash
from bench.crash_site import Delivery, Site
from bench.fakes import Fakes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.system

PHONES = 30_000
DELIVERY = Delivery(page_size=250)


@pytest.fixture(scope="module")
def make_site(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[Callable[[str], Site]]:
    """Make a filled registry on an engine, with fakes that all of them share."""
    folder = tmp_path_factory.mktemp("kill")

    def make(engine: str) -> Site:
        postgres = request.getfixturevalue("postgres_server") if engine == "postgresql" else None
        return Site(folder / engine, fakes, PHONES, DELIVERY, postgres=postgres)

    with Fakes(folder / "fakes", "--inbox", 0) as fakes:
        yield make


@pytest.mark.parametrize(
    ("engine", "seed", "dead_share"),
    [("sqlite", 1, 0.0), ("sqlite-dying", 2, 0.3), ("postgresql", 3, 0.3)],
)
def test_a_server_killed_in_mid_broadcast_loses_nobody(
    make_site: Callable[[str], Site], engine: str, seed: int, dead_share: float
) -> None:
    site = make_site(engine)

    found = crash(site, seed=seed, dead_share=dead_share)

    assert 0 < found.sent_before < PHONES
    assert found.lost == 0
    assert found.doubled <= DELIVERY.bound
    assert found.wrong == []
