"""`heliograph simulators` as a process, and scripts on the way into it and the demo."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from bench.fakes import Fakes
from tests.system.processes import run

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.system.conftest import Demo

pytestmark = pytest.mark.system


def test_the_fakes_say_where_they_are_and_end_when_asked(tmp_path: Path) -> None:
    with Fakes(tmp_path / "fakes") as fakes:
        fakes.play({"nth": 1, "status": 500})
        pushes = fakes.pushes()

    assert pushes == 0
    assert fakes.process.returncode == 0
    assert "BEGIN PRIVATE KEY" in fakes.apns_credential.key_pem
    account = json.loads((tmp_path / "fakes" / "service-account.json").read_text())
    assert account["token_uri"] == fakes.places["fcm"] + "/token"
    modes = {path.stat().st_mode & 0o077 for path in (tmp_path / "fakes").iterdir()}
    assert modes == {0}


def test_the_schema_is_printed(tmp_path: Path) -> None:
    assert run("simulators", "--schema").json()["additionalProperties"] is False


@pytest.mark.parametrize("command", ["simulators", "demo"])
def test_a_wrong_script_stops_the_start_and_is_named(tmp_path: Path, command: str) -> None:
    script = tmp_path / "script.json"
    script.write_text('{"rules": [{"nht": 1, "status": 500}]}')

    finished = run(command, "--data", tmp_path / "data", "--faults", script)

    assert finished.sentence == "rules.0.nht must be absent"


def test_a_script_that_is_no_json_is_named(tmp_path: Path) -> None:
    script = tmp_path / "script.json"
    script.write_text("{")

    finished = run("simulators", "--data", tmp_path / "data", "--faults", script)

    assert finished.sentence == f"{script} is not JSON"


def test_the_demo_takes_scripts(tmp_path: Path, start_demo: Callable[..., Demo]) -> None:
    demo = start_demo()

    played = demo.api.call("PUT", "/simulators/script", {"rules": [{"nth": 1, "status": 500}]})
    refused = demo.api.call("PUT", "/simulators/script", {"rules": [{"nht": 1}]})
    counts = demo.api.get("/simulators/counts")

    assert (played.status, played.json()) == (200, {"rules": 1})
    assert refused.status == 400
    kinds = {"apns", "apns_sandbox", "fcm", "wns", "sms", "smpp"}
    assert counts.json()["connections"].keys() >= kinds
