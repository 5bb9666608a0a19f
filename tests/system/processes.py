"""The real command in processes of its own, watched from outside."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from tests.system.http_client import Api

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

T = TypeVar("T")

COMMAND = str(Path(sys.executable).with_name("heliograph"))

START_S = 60
STOP_S = 10
"""What the product promises for its end."""

_URL = re.compile(r"^Heliograph (?:demo at|serves) (\S+)$", re.MULTILINE)


def until(check: Callable[[], T | None], *, within_s: float = 30) -> T:
    """Ask again until the answer is true, and return it; fails at the deadline."""
    deadline = time.monotonic() + within_s
    while not (answer := check()):
        assert time.monotonic() < deadline, f"waited {within_s} s in vain"
        time.sleep(0.02)
    return answer


def environment(**more: str) -> dict[str, str]:
    """Answer our environment without settings of the server, and wide terminals."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HELIOGRAPH")}
    return {**kept, "COLUMNS": "200", "PYTHONWARNINGS": "error", **more}


@dataclass(frozen=True, slots=True)
class Finished:
    """What a command that has ended left behind."""

    status: int
    out: str
    err: str

    def json(self) -> Any:
        assert self.status == 0, self.err
        return json.loads(self.out)

    @property
    def sentence(self) -> str:
        """The one sentence of a command that was refused."""
        assert self.status == 2, (self.status, self.out, self.err)
        assert "Traceback" not in self.err, self.err
        lines = self.err.splitlines()
        assert len(lines) == 1, self.err
        assert lines[0].startswith("heliograph: ")
        assert not self.out
        return lines[0].removeprefix("heliograph: ")


def run(*arguments: object, **variables: str) -> Finished:
    """Run a command to its end."""
    done = subprocess.run(
        [COMMAND, *map(_text, arguments)],
        capture_output=True,
        env=environment(**variables),
        timeout=START_S,
        check=False,
    )
    return Finished(done.returncode, done.stdout.decode(), done.stderr.decode(errors="replace"))


class ServerProcess:
    """`heliograph serve` or `demo`, started, ready, and ended by its own process id."""

    def __init__(
        self, folder: Path, arguments: Sequence[object], *, tls: bool = False, **variables: str
    ) -> None:
        self._outputs = [folder / name for name in ("out.txt", "err.txt")]
        folder.mkdir(parents=True, exist_ok=True)
        out, err = (path.open("ab") for path in self._outputs)
        self._said_before = self.out
        with out, err:
            self.process = subprocess.Popen(
                [COMMAND, *map(_text, arguments)],
                stdout=out,
                stderr=err,
                env=environment(**variables),
            )
        try:
            self.url = until(self._announced_url, within_s=START_S)
            self.api = Api(self.url)
            if not tls:
                until(lambda: self.api.get("/health/ready").status == 200, within_s=START_S)
        except BaseException:
            self.kill()
            raise

    @property
    def out(self) -> str:
        return self._outputs[0].read_text()

    @property
    def err(self) -> str:
        return self._outputs[1].read_text(errors="replace")

    def stop(self, number: int = signal.SIGTERM) -> None:
        """Ask it to end; it does so in time, with status 0 and without a stack trace."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        assert self.process.wait(STOP_S) == 0, self.err
        assert "Traceback" not in self.err, self.err
        assert "request_failed" not in self.err, self.err

    def kill(self) -> None:
        """End it as a power cut would."""
        self.process.kill()
        self.process.wait()

    def _announced_url(self) -> str | None:
        assert self.process.poll() is None, self.err
        found = _URL.search(self.out, len(self._said_before))
        return found[1] if found else None


def _text(argument: object) -> str:
    return argument if isinstance(argument, str) else str(argument)
