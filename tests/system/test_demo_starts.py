"""Starts of the demo: the next one, a damaged one, two at once."""

from __future__ import annotations

import json
import signal
import socket
import stat
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from tests.system.conftest import Demo
from tests.system.processes import ServerProcess, run, until
from tests.system.pushing import delivery_of, register, send

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    StartDemo = Callable[..., Demo]

pytestmark = pytest.mark.system

PHONE, OTHER_PHONE = "a1" * 32, "demo-fcm-token-1"


def test_the_next_start_keeps_everything(start_demo: StartDemo, tmp_path: Path) -> None:
    first = start_demo()
    registered = register(first.native, PHONE, "keeper")
    sent = send(first.native, "keeper")
    until(lambda: delivery_of(first.native, sent, registered))
    first.server.stop()

    second = start_demo()

    for name in set(first.facts) - {"base_url", "simulators"}:
        assert second.facts[name] == first.facts[name]
    (item,) = second.native.get("/registrations").json()["items"]
    assert item["id"] == registered
    (notification,) = second.native.get("/notifications").json()["items"]
    assert (notification["id"], notification["state"]) == (sent, "completed")
    again = send(second.native, "keeper")
    assert until(lambda: delivery_of(second.native, again, registered))["state"] == "accepted"
    assert second.layer.call("DELETE", "/push_tokens/none").status == 202
    second.server.stop(signal.SIGINT)


def test_what_a_channel_and_a_webhook_were_told_reaches_them_after_the_next_start(
    start_demo: StartDemo,
) -> None:
    first = start_demo()
    phone = {"user_id": "gus", "provider": "wns", "token": first.facts["wns"]["channel"]}
    assert first.native.post("/registrations", phone).status == 201
    hook = {"url": first.facts["webhook"]["url"], "events": ["delivery.accepted"]}
    assert first.native.post("/webhooks", hook).status == 201
    first.server.stop()

    second = start_demo()

    send(second.native, "gus")
    until(lambda: second.inbox("demo-windows-1"))
    until(lambda: second.inbox("/hooks/demo"))
    second.server.stop()


def test_a_fake_whose_port_is_taken_moves(start_demo: StartDemo) -> None:
    first = start_demo()
    first.server.stop()
    taken = urlsplit(first.facts["webhook"]["url"]).port

    with socket.create_server(("127.0.0.1", taken)):
        second = start_demo()

    assert urlsplit(second.facts["webhook"]["url"]).port != taken
    assert second.server.api.get("/health/ready").status == 200
    second.server.stop()


@pytest.mark.parametrize(
    "damage",
    [
        b"{",
        b"[" * 100_000,
        b'{"application": null, "native": {"api_key": {}}, "layer": {"session_token": "\\ud800"}}',
    ],
    ids=["cut", "nested", "wrong"],
)
def test_a_damaged_demo_json_is_written_anew(
    start_demo: StartDemo, tmp_path: Path, damage: bytes
) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "demo.json").write_bytes(damage)
    (data / "demo.json").chmod(0o644)

    demo = start_demo(data)

    assert stat.S_IMODE((data / "demo.json").stat().st_mode) == 0o600
    assert demo.native.get("/registrations").status == 200
    assert demo.layer.call("DELETE", "/push_tokens/none").status == 202
    demo.server.stop()


def test_a_lost_application_takes_its_key_and_session_along(
    start_demo: StartDemo, tmp_path: Path
) -> None:
    first = start_demo()
    first.server.stop()
    file = tmp_path / "data" / "demo.json"
    file.write_text(json.dumps({**first.facts, "application": {"id": "app_lost"}}))

    second = start_demo()

    second.layer.post("/push_tokens", {"token": "t", "type": "gcm", "device_id": "d"})
    (item,) = second.native.get("/registrations").json()["items"]
    assert item["user_id"] == "layer-user"
    second.server.stop()


def test_a_port_in_use_is_one_sentence(demo: Demo, tmp_path: Path) -> None:
    port = demo.api.port

    refused = run("demo", "--port", port, "--data", tmp_path / "other")

    assert refused.sentence == f"127.0.0.1:{port}: Address already in use"


def test_a_second_demo_on_the_same_folder_is_one_sentence(demo: Demo) -> None:
    refused = run("demo", "--port", 0, "--data", demo.data)

    assert "another Heliograph server is using" in refused.sentence
    assert demo.native.get("/registrations").status == 200


def test_of_two_first_starts_at_once_one_runs_and_one_says_why_not(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with ThreadPoolExecutor() as pool:
        starts = [
            pool.submit(ServerProcess, tmp_path / name, ["demo", "--port", 0, "--data", data])
            for name in ("one", "two")
        ]
    (winner,) = [each.result() for each in starts if each.exception() is None]
    (loser,) = [name for name in ("one", "two") if not (tmp_path / name / "out.txt").read_text()]

    demo = Demo(winner, data, json.loads((data / "demo.json").read_text()))
    try:
        registered = register(demo.native, PHONE, "both")
        sent = send(demo.native, "both")
        delivery = until(lambda: delivery_of(demo.native, sent, registered))

        assert delivery["state"] == "accepted"
        complaint = (tmp_path / loser / "err.txt").read_text()
        assert complaint.startswith("heliograph: another Heliograph server is using")
        assert len(complaint.splitlines()) == 1
        winner.stop()
    finally:
        winner.kill()


def test_the_demo_stays_on_its_own_sqlite_whatever_the_environment_says(
    start_demo: StartDemo, tmp_path: Path
) -> None:
    demo = start_demo(
        HELIOGRAPH_STORAGE__DATABASE_URL="postgresql://127.0.0.1:1/production",
        HELIOGRAPH_ROLE="api",
        HELIOGRAPH_LISTENER__PUBLIC_URL="https://push.example.com",
        HELIOGRAPH_SECURITY__KEY_FILE=str(tmp_path / "production-keys"),
        HELIOGRAPH_DOORS='[{"dialect": "layer", "is_open": false}]',
    )

    assert demo.facts["base_url"].startswith("http://127.0.0.1:")
    assert not (tmp_path / "production-keys").exists()
    assert demo.layer.call("DELETE", "/push_tokens/none").status == 202
    demo.server.stop()
