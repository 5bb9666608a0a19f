from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from heliograph.storage.database.sqlite import FILE_NAME

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.cli.conftest import Command

KINDS = ("applications", "clients", "users", "sessions")

HELP = [
    (),
    ("demo",),
    ("serve",),
    *((kind, *rest) for kind in KINDS for rest in ((), ("create",), ("list",))),
    ("credentials",),
    ("credentials", "set-apns"),
    ("credentials", "set-apns-certificate"),
    ("credentials", "set-fcm"),
    ("notifications",),
    *(
        ("notifications", each)
        for each in ("send", "show", "list", "deliveries", "cancel", "pause", "resume")
    ),
]


@pytest.fixture
def application(command: Command, tmp_path: Path) -> str:
    made = command("applications", "create", "Demo", "--data", tmp_path, "--json").json()
    return made["id"]


@pytest.mark.parametrize("arguments", HELP, ids=" ".join)
def test_every_command_explains_itself(command: Command, arguments: tuple[str, ...]) -> None:
    explained = command(*arguments, "--help")

    assert (explained.status, explained.err) == (0, "")
    assert " ".join(["heliograph", *arguments]) in explained.out


@pytest.mark.parametrize("name", ["", "  ", "two\nlines", "bell\x07", "\udcff", "x" * 257])
@pytest.mark.parametrize("kind", ["applications", "clients"])
def test_a_name_that_nobody_can_read_is_refused(
    command: Command, tmp_path: Path, kind: str, name: str
) -> None:
    refused = command(kind, "create", name, "--data", tmp_path)

    assert refused.sentence == "name must be 1 to 256 printable characters"
    assert command(kind, "list", "--data", tmp_path, "--json").json() == []


@pytest.mark.parametrize("bundle_id", ["", "\udcff", "a\nb"])
def test_a_bundle_id_that_can_not_be_is_refused(
    command: Command, tmp_path: Path, bundle_id: str
) -> None:
    refused = command(
        "applications", "create", "Demo", "--bundle-id", bundle_id, "--data", tmp_path
    )

    assert "bundle_id" in refused.sentence


@pytest.mark.parametrize("user_id", ["", "a\nb", "\udcff", "x" * 257])
@pytest.mark.parametrize("kind", ["users", "sessions"])
def test_a_user_id_that_can_not_be_is_refused(
    command: Command, application: str, tmp_path: Path, kind: str, user_id: str
) -> None:
    where = ("--application", application, "--data", tmp_path)

    refused = command(kind, "create", "--user-id", user_id, *where)

    assert refused.sentence == "user_id must be 1 to 256 printable characters"


ELSEWHERE = [
    *((kind, "list") for kind in ("applications", "clients", "users")),
    ("sessions", "list", "--application", "app_x"),
    ("clients", "create", "back end", "--application", "app_x"),
    ("users", "create", "--application", "app_x"),
    ("webpush-keys", "list", "--application", "app_x"),
    ("notifications", "list", "--application", "app_x"),
]


@pytest.mark.parametrize("arguments", ELSEWHERE, ids=" ".join)
def test_where_no_server_was_nothing_is_made(
    command: Command, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    wrong = tmp_path / "wrong"

    refused = command(*arguments, "--data", wrong)

    assert refused.sentence == (
        f"there is no database in {wrong}: name the server's directory with --data, "
        "or make a new one with `heliograph serve` or `heliograph applications create`"
    )
    assert not wrong.exists()


@pytest.mark.parametrize("kind", ["applications", "clients"])
def test_what_sets_a_server_up_may_make_its_database(
    command: Command, tmp_path: Path, kind: str
) -> None:
    made = command(kind, "create", "First", "--data", tmp_path / "new", "--json").json()

    [listed] = command(kind, "list", "--data", tmp_path / "new", "--json").json()
    assert listed["id"] == made["id"]


def test_brackets_in_a_name_are_shown_and_not_obeyed(command: Command, tmp_path: Path) -> None:
    name = "x[red]y[/blue]"
    command("applications", "create", name, "--data", tmp_path, "--json")

    listed = command("applications", "list", "--data", tmp_path)

    assert (listed.status, listed.err) == (0, "")
    assert name in listed.out


def test_a_user_without_an_id_of_its_own_is_shown_as_nothing(
    command: Command, application: str, tmp_path: Path
) -> None:
    where = ("--data", tmp_path)
    made = command("users", "create", "--application", application, *where, "--json").json()

    assert made["user_id"] is None
    assert "None" not in command("users", "list", *where).out


@pytest.mark.parametrize(
    "arguments",
    [
        ("clients", "create", "back end"),
        ("users", "create"),
        ("sessions", "create", "--user-id", "ann"),
        ("sessions", "list"),
    ],
    ids=" ".join,
)
@pytest.mark.parametrize("unknown", ["app_nope", "", "\udcff", "usr_01m80v58hheysafna8pyp3qfqr"])
def test_an_unknown_application_is_named(
    command: Command, tmp_path: Path, arguments: tuple[str, ...], unknown: str
) -> None:
    refused = command(*arguments, "--application", unknown, "--data", tmp_path)

    assert refused.sentence.startswith("there is no application")


@pytest.mark.parametrize(
    "arguments",
    [
        ("fly",),
        ("sessions", "create", "--user-id", "ann"),
        ("sessions", "create", "--application", "a", "--user-id", "u", "--ttl-s", "0"),
        ("clients", "create", "back end", "--scope", "everything"),
        ("users", "list", "--limit", "0"),
        ("applications", "create", "Demo", "--environment", "moon"),
        ("credentials", "set-apns", "--application", "a", "--key-file", "/nowhere"),
        ("serve", "--port", "65536"),
        ("serve", "--config", "/nowhere"),
    ],
    ids=" ".join,
)
def test_a_command_that_can_not_be_understood_says_how_it_is_meant(
    command: Command, arguments: tuple[str, ...]
) -> None:
    refused = command(*arguments)

    assert (refused.status, refused.out) == (2, "")
    assert "Usage:" in refused.err


def test_lists_of_nothing_say_what_to_do(command: Command, tmp_path: Path) -> None:
    for kind in ("applications", "clients", "users"):
        assert command(kind, "list", "--data", tmp_path, "--json").json() == []
        assert command(kind, "list", "--data", tmp_path).out.startswith("No ")


def test_a_new_application_names_the_next_step(command: Command, tmp_path: Path) -> None:
    made = command("applications", "create", "Demo", "--data", tmp_path)

    assert "Next: heliograph clients create" in made.out


def test_a_new_key_is_said_to_be_shown_once(command: Command, tmp_path: Path) -> None:
    made = command("clients", "create", "back end", "--data", tmp_path)

    assert "hgk_" in made.out
    assert "Keep the key" in made.out


def test_an_application_may_be_given_the_name_that_it_has(command: Command, tmp_path: Path) -> None:
    where = ("--data", tmp_path, "--json")
    made = command("applications", "create", "Demo", "--twilio-app", "demo_app", *where).json()
    other = command("applications", "create", "Other", *where).json()

    again, foreign = (
        command(
            "applications", "name", "--application", each["id"], "--twilio-app", "demo_app", *where
        )
        for each in (made, other)
    )

    assert again.json()["twilio_app"] == "demo_app"
    assert foreign.sentence == "name demo_app exists already"


def test_a_database_of_a_newer_version_is_named_as_that(command: Command, tmp_path: Path) -> None:
    command("applications", "create", "Demo", "--data", tmp_path)
    with closing(sqlite3.connect(tmp_path / FILE_NAME)) as database, database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")

    sentence = command("applications", "list", "--data", tmp_path).sentence

    assert sentence.startswith("the database is of a newer Heliograph (revision 9999;")


def test_a_name_that_was_mistyped_can_be_set_right(command: Command, tmp_path: Path) -> None:
    where = ("--data", tmp_path, "--json")
    options = ("--twilio-app", "dmeo", "--mobilefirst-id", "com.example.dmeo")
    application = command("applications", "create", "Demo", *options, *where).json()["id"]
    name = ("applications", "name", "--application", application)

    command(*name, "--twilio-app", "demo", "--mobilefirst-id", "com.example.demo", *where)

    assert command(*name, *where).json() == {
        "id": application,
        "twilio_app": "demo",
        "mobilefirst_id": "com.example.demo",
    }
    freed = command("applications", "create", "Other", "--twilio-app", "dmeo", *where)
    assert freed.json()["name"] == "Other"


def test_a_client_is_told_its_user_name_at_twilios_door(command: Command, tmp_path: Path) -> None:
    one, two = (
        command("clients", "create", name, "--data", tmp_path, "--json").json()
        for name in ("one", "two")
    )

    assert re.fullmatch("AC[0-9a-f]{32}", one["twilio_account_id"])
    assert one["twilio_account_id"] == two["twilio_account_id"]
