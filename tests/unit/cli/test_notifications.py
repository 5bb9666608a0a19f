from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.cli.conftest import Command, Ended

NOWHERE = "ntf_00000000000000000000000000"


@pytest.fixture
def application(command: Command, tmp_path: Path) -> str:
    return command("applications", "create", "Demo", "--data", tmp_path, "--json").json()["id"]


@pytest.fixture
def notifications(command: Command, tmp_path: Path, application: str) -> Any:
    """Run `heliograph notifications …` on the application."""

    def ended(verb: str, *arguments: object) -> Ended:
        place = ("--application", application, "--data", tmp_path)
        return command("notifications", verb, *arguments, *place)

    return ended


def test_a_notification_is_sent_shown_and_listed(notifications: Any) -> None:
    sent = notifications("send", "--user", "ann", "--body", "hi", "--json").json()

    shown = notifications("show", sent["id"], "--json").json()
    listed = notifications("list", "--json").json()

    assert (sent["state"], sent["audience"]) == ("running", "users")
    assert (shown["id"], shown["targets"], shown["accepted"]) == (sent["id"], 0, 0)
    assert [each["id"] for each in listed] == [sent["id"]]


def test_what_was_sent_says_what_to_do_next(notifications: Any, application: str) -> None:
    sent = notifications("send", "--everyone", "--title", "hi", "--data-json", '{"table": 4}')

    assert "Next: heliograph notifications show ntf_" in sent.out
    assert f"--application {application}" in sent.out


def test_a_request_of_the_native_api_can_be_sent(notifications: Any, tmp_path: Path) -> None:
    file = tmp_path / "request.json"
    file.write_text(
        json.dumps(
            {
                "audience": {"tags": ["news"]},
                "content": {"body": "hi"},
                "options": {"priority": "normal"},
            }
        )
    )

    assert notifications("send", "--file", file, "--json").json()["audience"] == "tags"


def test_a_repeated_send_is_one(notifications: Any) -> None:
    given = ("send", "--user", "ann", "--body", "hi", "--idempotency-key", "k", "--json")

    first, again = notifications(*given).json(), notifications(*given).json()
    other = notifications(
        "send", "--user", "ann", "--body", "ho", "--idempotency-key", "k", "--json"
    )

    assert first["id"] == again["id"]
    assert other.sentence == "idempotency key k was used for another request; choose a new one"


def test_a_notification_is_held_goes_on_and_is_canceled(notifications: Any) -> None:
    sent = notifications("send", "--user", "ann", "--body", "hi", "--json").json()

    states = [
        notifications(verb, sent["id"], "--json").json()["state"]
        for verb in ("pause", "resume", "cancel", "cancel")
    ]
    refused = notifications("resume", sent["id"])

    assert states == ["paused", "running", "canceled", "canceled"]
    assert refused.sentence == (
        f"notification {sent['id']} is canceled: that is no longer, or not yet, possible"
    )


def test_deliveries_before_there_are_any(notifications: Any) -> None:
    sent = notifications("send", "--user", "ann", "--body", "hi", "--json").json()

    listed = notifications("deliveries", sent["id"], "--user", "ann", "--state", "rejected")

    assert listed.out.strip() == "No deliveries: none was tried yet, or none is recorded."
    assert notifications("deliveries", sent["id"], "--json").json() == []


def test_without_notifications_the_list_says_how_to_send_one(notifications: Any) -> None:
    assert "heliograph notifications send" in notifications("list").out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--body", "hi"), "audience must be an object with exactly one of"),
        (("--user", "ann", "--everyone", "--body", "hi"), "exactly one of"),
        (("--user", "ann"), "content must be a title, body, data, sound, badge or overrides"),
        (("--user", "ann", "--body", "hi", "--send-at", "noon"), "options.send_at must be a time"),
        (("--user", "ann", "--body", "hi", "--ttl-s", "-1"), "options.ttl_s must be at least 0"),
        (("--registration", "reg_x", "--body", "hi"), "audience.registrations.0 must be"),
        (("--user", "ann", "--data-json", "{"), "--data-json must be a JSON object"),
        (("--user", "ann", "--data-json", "[1]"), "content.data must be an object"),
        (("--user", "ann", "--body", "x", "--idempotency-key", ""), "Idempotency-Key must be"),
        (("--file", "/dev/null", "--body", "x"), "--file must be alone"),
        (("--file", "/dev/null"), "must be"),
    ],
)
def test_what_cant_be_sent_is_said_in_a_sentence(
    notifications: Any, arguments: tuple[str, ...], said: str
) -> None:
    assert said in notifications("send", *arguments).sentence


@pytest.mark.parametrize("verb", ["show", "deliveries", "cancel", "pause", "resume"])
@pytest.mark.parametrize("name", [NOWHERE, "ntf_x", "reg_1"])
def test_what_is_not_there_is_said_in_a_sentence(notifications: Any, verb: str, name: str) -> None:
    assert notifications(verb, name).sentence == f"there is no notification {name}"


def test_a_file_that_is_not_there_is_said(notifications: Any, tmp_path: Path) -> None:
    assert "No such file" in notifications("send", "--file", tmp_path / "nothing").sentence
