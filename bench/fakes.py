"""The fakes of the providers in a process of their own, and what can be asked of them."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Self
from urllib.parse import urlsplit

from heliograph.core.model.application import ApnsCredential

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

_STOP_S = 10
_PATIENCE_S = 30


class Logged(NamedTuple):
    """One line of the fakes' log: a push that was judged. status: 0 for no answer."""

    status: int
    message_id: str
    token: str


class Fakes:
    """`heliograph simulators`, started and ready; use it as a context manager."""

    def __init__(self, folder: Path, *options: object) -> None:
        command = [sys.executable, "-m", "heliograph", "simulators", "--data", folder, *options]
        self.process = subprocess.Popen(
            [str(word) for word in command],
            stdout=subprocess.PIPE,
            text=True,
            env=plain_environment(),
        )
        assert self.process.stdout is not None
        self.places: dict[str, str] = json.loads(self.process.stdout.readline())
        host, _, port = urlsplit(self.places["control"]).netloc.rpartition(":")
        self._control = http.client.HTTPConnection(host, int(port), timeout=_PATIENCE_S)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def apns_credential(self) -> ApnsCredential:
        """The key that the APNs fake accepts."""
        key_pem = Path(self.places["apns_key_file"]).read_text()
        return ApnsCredential(self.places["apns_key_id"], self.places["apns_team_id"], key_pem)

    def settings(self) -> str:
        """Say where the fakes are, as TOML for a server."""
        ca_file = json.dumps(self.places["ca_file"])
        return (
            f'[apns]\nproduction_url = "{self.places["apns"]}"\n'
            f'sandbox_url = "{self.places["apns_sandbox"]}"\nca_file = {ca_file}\n'
            f'[fcm]\nurl = "{self.places["fcm"]}"\nca_file = {ca_file}\n'
        )

    def play(self, *rules: dict[str, Any]) -> None:
        """Follow these rules in place of former ones."""
        self._call("PUT", "/simulators/script", {"rules": rules})

    def pushes(self) -> int:
        """Say how many pushes APNs has judged since the log was cleared."""
        counts = json.loads(self._call("GET", "/simulators/counts"))
        return sum(counts["pushes"].get("apns", {}).values())

    def arrived(self) -> int:
        """Say how many pushes any provider has taken since the log was cleared."""
        counts = json.loads(self._call("GET", "/simulators/counts"))
        return sum(each.get("200", 0) for each in counts["pushes"].values())

    def log(self) -> Iterator[Logged]:
        """Read all that was noted, oldest first, once nobody sends any more."""
        deadline = time.monotonic() + _PATIENCE_S
        while json.loads(self._call("GET", "/simulators/counts"))["connections"]["apns"]:
            assert time.monotonic() < deadline, "somebody is still connected to the fakes"
            time.sleep(0.02)
        for line in self._call("GET", "/simulators/log").decode().splitlines():
            _, status, message_id, token = line.split(" ")
            yield Logged(int(status), message_id, token)

    def forget(self) -> None:
        """Clear the log and its counts."""
        self._call("DELETE", "/simulators/log")

    def stop(self) -> None:
        """End the process."""
        self._control.close()
        self.process.terminate()
        self.process.wait(_STOP_S)
        assert self.process.stdout is not None
        self.process.stdout.close()

    def _call(self, method: str, path: str, body: object = None) -> bytes:
        self._control.request(method, path, None if body is None else json.dumps(body))
        answer = self._control.getresponse()
        content = answer.read()
        if answer.status >= 300:
            raise RuntimeError(f"the fakes refused {method} {path}: {content.decode()}")
        return content


def plain_environment() -> dict[str, str]:
    """Answer our environment without settings of the server."""
    return {name: value for name, value in os.environ.items() if not name.startswith("HELIOGRAPH")}
