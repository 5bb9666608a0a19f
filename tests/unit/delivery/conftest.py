from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest
from structlog.testing import capture_logs
from tests.unit.delivery.stage import Stage, open_stage

from heliograph.storage.database.sqlite import FILE_NAME

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from tests.conftest import FakeClock


@pytest.fixture
async def stage(tmp_path: Path, migrated_sqlite: Path, clock: FakeClock) -> AsyncIterator[Stage]:
    shutil.copy(migrated_sqlite / FILE_NAME, tmp_path)
    async with open_stage(tmp_path, clock) as opened:
        yield opened


@pytest.fixture
def logs() -> Iterator[list[dict[str, object]]]:
    with capture_logs() as lines:
        yield lines
