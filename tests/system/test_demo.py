"""`heliograph demo`, as a newcomer meets it."""

from __future__ import annotations

import json
import re
import signal
import stat
import time
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.system.printed_page import curl_lines, needs_curl, paste
from tests.system.processes import until
from tests.system.pushing import delivery_of, register, send

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.system.conftest import Demo

    StartDemo = Callable[..., Demo]

pytestmark = pytest.mark.system

PHONE, OTHER_PHONE = "a1" * 32, "demo-fcm-token-1"


def test_every_printed_line_does_what_the_page_says(start_demo: StartDemo, tmp_path: Path) -> None:
    needs_curl()
    demo = start_demo()
    # What comes behind these has tests of its own.
    lines = curl_lines(demo.server.out)[:18]
    register, register_layer, discord, log_in, navixy, sign_in, *others = lines
    twilio, token, mobilefirst, *rest = others
    send, see, see_layer, see_all, show, deliveries, fault, find, forget = rest

    registered = json.loads(paste(register))
    assert (registered["user_id"], registered["device_id"]) == ("alice", "phone-1")
    assert paste(register_layer).startswith("HTTP/1.1 202 Accepted\n")
    assert paste(discord).startswith("HTTP/1.1 204 No Content\n")
    assert json.loads(paste(navixy)) == {"success": True}
    login_token = json.loads(paste(log_in))["token"]
    by_login = paste(discord.replace(demo.facts["discord"]["token"], login_token))
    assert by_login.startswith("HTTP/1.1 204 No Content\n")
    session_hash = json.loads(paste(sign_in))["hash"]
    by_hash = paste(navixy.replace(demo.facts["navixy"]["hash"], session_hash))
    assert json.loads(by_hash) == {"success": True}
    assert paste(twilio).startswith("HTTP/1.1 202 Accepted\n")
    bearer = json.loads(paste(token))["access_token"]
    assert json.loads(paste(mobilefirst.replace("Bearer TOKEN", f"Bearer {bearer}")))["userId"] == (
        "erin"
    )
    sent = json.loads(paste(send))
    assert sent["audience"] == "everyone"
    arrived = until(lambda: json.loads(paste(see)))
    arrived_layer = until(lambda: json.loads(paste(see_layer)))
    until(lambda: len(json.loads(paste(see_all))) == 6)
    shown = json.loads(paste(show.replace("/ID", f"/{sent['id']}")))
    rows = json.loads(paste(deliveries.replace("/ID", f"/{sent['id']}")))["items"]

    assert [each["payload"]["aps"]["alert"]["title"] for each in arrived] == ["Hello"]
    assert [each["payload"]["message"]["token"] for each in arrived_layer] == [OTHER_PHONE]
    assert (shown["counters"]["targets"], shown["counters"]["accepted"]) == (6, 6)
    assert {row["state"] for row in rows} == {"accepted"}
    assert registered["id"] in {row["registration_id"] for row in rows}

    assert json.loads(paste(fault))["status"] == 410
    again = json.loads(paste(send))
    gone = until(lambda: delivery_of(demo.native, again["id"], registered["id"]))
    assert (gone["state"], gone["reason"]) == ("gone", "Unregistered")
    assert json.loads(paste(find)) == {"items": [], "next": None}

    assert paste(forget).startswith("HTTP/1.1 202 Accepted\n")
    assert len(demo.native.get("/registrations").json()["items"]) == 4
    demo.server.stop(signal.SIGINT)


def test_demo_json_is_the_owners_and_says_exactly_this(demo: Demo) -> None:
    file = demo.data / "demo.json"

    facts = demo.facts

    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert {name: set(facts[name]) for name in facts if name != "base_url"} == {
        "application": {"id", "name"},
        "native": {"api_key", "session_token"},
        "webpush": {"public_key", "push_service"},
        "sms": {"number", "smpp", "gateway"},
        "wns": {"channel"},
        "webhook": {"url"},
        "layer": {"session_token", "app_id", "provider_id", "key_id", "private_key"},
        "discord": {"token", "login", "password"},
        "navixy": {"hash", "login", "password"},
        "twilio": {"account_id", "auth_token", "app_name"},
        "mobilefirst": {"application_id", "client_id", "client_secret"},
        "simulators": {"inbox", "faults"},
    }
    assert facts["base_url"] == demo.server.url
    assert re.fullmatch("app_[0-9a-hjkmnp-tv-z]{26}", facts["application"]["id"])
    assert facts["simulators"] == {
        "inbox": f"{demo.server.url}/simulators/inbox",
        "faults": f"{demo.server.url}/simulators/faults",
    }


def test_other_users_of_the_machine_can_read_none_of_its_files(demo: Demo) -> None:
    secret = [path for path in demo.data.rglob("*") if path.is_file()]

    assert demo.data / "heliograph.sqlite3" in secret
    assert [path for path in secret if path.stat().st_mode & 0o077] == []


def test_it_listens_on_loopback_only(demo: Demo) -> None:
    # The kernel's own list; 0A for "listens", addresses with the bytes reversed.
    own = {str(fd.readlink()) for fd in _descriptors(demo.server.process.pid)}
    sockets = [
        line.split()
        for table in ("tcp", "tcp6")
        for line in _lines(f"/proc/{demo.server.process.pid}/net/{table}")[1:]
    ]

    addresses = [
        fields[1].partition(":")[0]
        for fields in sockets
        if fields[3] == "0A" and f"socket:[{fields[9]}]" in own
    ]

    # The server, two APNs, FCM, Web Push, WNS, an SMS gateway and a centre at the least.
    assert len(addresses) >= 8
    assert set(addresses) == {"0100007F"}


def test_the_inbox_has_the_documented_shape(demo: Demo) -> None:
    token = "0b" * 32
    register(demo.native, token, "inbox")
    send(demo.native, "inbox")

    (entry,) = until(lambda: demo.inbox(token))

    assert set(entry) == {"provider", "token", "headers", "payload", "received_at"}
    assert (entry["provider"], entry["token"]) == ("apns", token)
    assert entry["headers"]["apns-topic"] == "com.example.demo"
    assert "authorization" not in entry["headers"]
    assert entry["payload"]["aps"]["alert"] == {"title": "News", "body": "First light"}
    assert datetime.fromisoformat(entry["received_at"]).tzinfo is not None


@pytest.mark.parametrize(
    ("provider", "token", "fault"),
    [
        ("apns", "0c" * 32, {"status": 429, "reason": "TooManyRequests"}),
        ("fcm", "throttled-fcm-token", {"status": 429, "reason": "QUOTA_EXCEEDED"}),
        ("fcm", "failing-fcm-token", {"status": 503, "reason": "UNAVAILABLE"}),
    ],
)
def test_what_a_provider_puts_off_is_deferred_and_then_accepted(
    demo: Demo, provider: str, token: str, fault: dict[str, Any]
) -> None:
    registered = register(demo.native, token, token, provider=provider)
    demo.script(token=token, retry_after=2, **fault)
    sent = send(demo.native, token)

    first = until(lambda: delivery_of(demo.native, sent, registered))
    then = until(lambda: delivery_of(demo.native, sent, registered, state="accepted"))

    assert (first["state"], first["reason"], first["attempts"]) == ("deferred", fault["reason"], 1)
    assert then["attempts"] == 2
    assert len(demo.inbox(token)) == 1


def test_a_failing_apns_is_left_alone_for_a_while(demo: Demo) -> None:
    token = "0d" * 32
    registered = register(demo.native, token, "failing")
    demo.script(token=token, status=503, reason="ServiceUnavailable")

    sent = send(demo.native, "failing")

    delivery = until(lambda: delivery_of(demo.native, sent, registered))
    assert (delivery["state"], delivery["reason"]) == ("deferred", "ServiceUnavailable")


def test_a_fault_that_can_not_be_is_refused_with_every_problem(demo: Demo) -> None:
    answer = demo.api.post("/simulators/faults", {"status": 9, "action": "dance", "colour": 1})

    problems = {problem["path"]: problem for problem in answer.json()["problems"]}
    assert answer.status == 400
    assert set(problems) == {"token", "status", "action", "colour"}
    assert problems["token"]["kind"] == "missing"
    assert problems["colour"]["kind"] == "unknown_field"
    assert problems["status"]["expected"] == "at least 200"


def test_each_dialects_session_belongs_to_its_own_user(demo: Demo) -> None:
    token = "session-of-layer"
    answer = demo.layer.post(
        "/push_tokens", {"token": token, "type": "gcm", "device_id": "session-of-layer"}
    )

    assert answer.status == 202
    discord = {"authorization": demo.facts["discord"]["token"]}
    device = {"provider": "gcm", "token": "session-of-discord"}
    assert demo.api.call("POST", "/users/@me/devices", device, **discord).status == 204
    binding = {
        "hash": demo.facts["navixy"]["hash"],
        "application": "navixy_android_viewer",
        "token": "session-of-navixy",
    }
    assert demo.api.post("/user/session/push_token/bind", binding).status == 200

    items = demo.native.get("/registrations").json()["items"]
    owners = {item["token"]: item["user_id"] for item in items}
    for dialect in ("layer", "discord", "navixy"):
        assert owners[f"session-of-{dialect}"] == f"{dialect}-user"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_even_while_a_client_holds_on(
    start_demo: StartDemo, tmp_path: Path, number: int
) -> None:
    demo = start_demo()
    idle, reading = demo.api.connection(), demo.api.connection()
    idle.connect()
    reading.putrequest("POST", "/push_tokens")
    reading.putheader("content-length", "10")
    reading.endheaders()

    began = time.monotonic()
    demo.server.stop(number)

    assert time.monotonic() - began < 10
    idle.close()
    reading.close()


def _descriptors(pid: int) -> list[Path]:
    return list(Path(f"/proc/{pid}/fd").iterdir())


def _lines(file: str) -> list[str]:
    return Path(file).read_text().splitlines()
