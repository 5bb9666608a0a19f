"""A demo that many tests share, and fakes for servers that have none."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from tests.system.http_client import LAYER_TYPE, Api
from tests.system.processes import ServerProcess
from tests.system.site import Fakes, Site

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Demo:
    """A running demo, and who may call it."""

    server: ServerProcess
    data: Path
    facts: dict[str, Any]

    @classmethod
    def start(cls, data: Path, *more: object, **variables: str) -> Demo:
        folder = data.with_name(f"{data.name}-output")
        arguments = ["demo", "--port", 0, "--data", data, *more]
        server = ServerProcess(folder, arguments, **variables)
        return cls(server, data, json.loads((data / "demo.json").read_text()))

    @property
    def api(self) -> Api:
        """The server, for callers without a credential."""
        return self.server.api

    @property
    def native(self) -> Api:
        """The demo's application, with its API key."""
        key = self.facts["native"]["api_key"]
        place = f"/v1/applications/{self.facts['application']['id']}"
        return self.api.at(place, authorization=f"Bearer {key}")

    @property
    def layer(self) -> Api:
        """Layer's API, with the demo's session."""
        token = self.facts["layer"]["session_token"]
        return self.api.at("", accept=LAYER_TYPE, authorization=f"Layer session-token='{token}'")

    def inbox(self, token: str) -> list[dict[str, Any]]:
        return self.api.get(f"/simulators/inbox?token={token}").json()

    def script(self, **fault: Any) -> None:
        answer = self.api.post("/simulators/faults", fault)
        assert answer.status == 201, answer.body


@pytest.fixture(scope="module")
def fakes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fakes]:
    """The providers' fakes, with no faults scripted and nothing asked of them yet."""
    started = Fakes(tmp_path_factory.mktemp("fakes"))
    yield started
    started.stop()


@pytest.fixture
def make_site(tmp_path: Path) -> Iterator[Callable[..., Site]]:
    """Make sites whose servers end with the test."""
    made: list[Site] = []

    def make(**options: Any) -> Site:
        made.append(Site(tmp_path, **options))
        return made[-1]

    yield make
    for site in made:
        site.end()


@pytest.fixture
def start_demo(tmp_path: Path) -> Iterator[Callable[..., Demo]]:
    """Start demos on folders of their own, or on one twice; none outlives its test."""
    started: list[Demo] = []

    def start(data: Path = tmp_path / "data", **variables: str) -> Demo:
        started.append(Demo.start(data, **variables))
        return started[-1]

    yield start
    for each in started:
        each.server.kill()


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """One demo for all tests of a file; it ends well, whatever they did to it."""
    started = Demo.start(tmp_path_factory.mktemp("demo") / "data")
    yield started
    started.server.stop()
