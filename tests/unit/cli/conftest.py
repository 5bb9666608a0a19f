"""The command line in this process: what it prints, and how it ends."""

from __future__ import annotations

import json
import logging
import os
import shutil
import sys
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
import structlog

from heliograph.cli.main import run
from heliograph.storage.database.sqlite import FILE_NAME

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Command = Callable[..., "Ended"]


@dataclass(frozen=True, slots=True)
class Ended:
    """What a command left behind."""

    status: int
    out: str
    err: str

    def json(self) -> Any:
        assert self.status == 0, self.err
        return json.loads(self.out)

    @property
    def sentence(self) -> str:
        """The one sentence of a command that was refused."""
        assert (self.status, self.out) == (2, ""), self
        assert len(self.err.splitlines()) == 1, self.err
        assert self.err.startswith("heliograph: ")
        return self.err.strip().removeprefix("heliograph: ")


@pytest.fixture
def command(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    migrated_sqlite: Path,
) -> Iterator[Command]:
    """Run `heliograph …`; no thread of it is left, and logs are as they were.

    In `tmp_path` a database with empty tables waits: making one takes longer than a command.
    """
    shutil.copy(migrated_sqlite / FILE_NAME, tmp_path)
    for name in [name for name in os.environ if name.startswith("HELIOGRAPH_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("COLUMNS", "200")
    threads = set(threading.enumerate())
    events, handlers = structlog.get_config(), logging.root.handlers[:]

    def ended(*arguments: object, **variables: str) -> Ended:
        monkeypatch.setattr(sys, "argv", ["heliograph", *map(str, arguments)])
        with monkeypatch.context() as environment:
            for name, value in variables.items():
                environment.setenv(name, value)
            with pytest.raises(SystemExit) as end:
                run()
        return Ended(int(end.value.code or 0), *capsys.readouterr())

    yield ended
    structlog.configure(**events)
    logging.root.handlers[:] = handlers
    assert set(threading.enumerate()) <= threads
