from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.cli.conftest import Command, Ended

NOWHERE = "lgn_00000000000000000000000000"


@pytest.fixture
def application(command: Command, tmp_path: Path) -> str:
    return command("applications", "create", "Demo", "--data", tmp_path, "--json").json()["id"]


@pytest.fixture
def password(tmp_path: Path) -> Path:
    file = tmp_path / "password"
    file.write_text("correct horse\n")
    return file


@pytest.fixture
def heliograph(command: Command, tmp_path: Path, application: str) -> Any:
    """Run a command on the application."""

    def ended(*arguments: object) -> Ended:
        return command(*arguments, "--application", application, "--data", tmp_path)

    return ended


@pytest.fixture
def login(heliograph: Any, password: Path) -> str:
    return heliograph(
        *("logins", "create", "ann@example.com", "--user", "ann", "--form", "discord"),
        *("--password-file", password, "--json"),
    ).json()["id"]


def test_a_login_is_made_listed_changed_and_deleted(
    heliograph: Any, login: str, password: Path
) -> None:
    listed = heliograph("logins", "list", "--json").json()
    renamed = heliograph(
        *("logins", "change", login, "--login", "annie@example.com"),
        *("--password-file", password, "--json"),
    ).json()
    deleted = heliograph("logins", "delete", login, "--json").json()

    assert [(row["id"], row["form"], row["login"], row["user_id"]) for row in listed] == [
        (login, "discord", "ann@example.com", "ann")
    ]
    assert (renamed["id"], renamed["login"]) == (login, "annie@example.com")
    assert deleted == {"deleted": login}
    assert heliograph("logins", "list").out == "No logins: heliograph logins create\n"


def test_a_name_that_is_taken_is_one_sentence(heliograph: Any, login: str, password: Path) -> None:
    refused = heliograph(
        *("logins", "create", "Ann@Example.com", "--user", "bob", "--form", "discord"),
        *("--password-file", password),
    )

    assert refused.sentence == "login Ann@Example.com exists already"


def test_a_password_that_can_not_be_is_one_sentence(heliograph: Any, password: Path) -> None:
    password.write_text("short\n")

    refused = heliograph(
        *("logins", "create", "ann", "--user", "ann", "--form", "native"),
        *("--password-file", password),
    )

    assert "form must be one of 'discord', 'navixy'" in refused.sentence
    assert "password must be 8 to 72 printable characters" in refused.sentence


def test_a_login_that_is_not_there_is_one_sentence(heliograph: Any) -> None:
    assert heliograph("logins", "delete", NOWHERE).sentence == f"there is no login {NOWHERE}"


def test_dialects_are_told_what_to_keep(heliograph: Any) -> None:
    discord = heliograph("settings", "discord", "--sync", "add", "--json").json()
    navixy = heliograph(
        *("settings", "navixy", "--partner", "acme_ios=apns:com.acme"),
        *("--partner", "acme_android=fcm", "--json"),
    ).json()

    assert discord == {"sync": "add"}
    assert navixy == {
        "applications": {
            "acme_ios": {"provider": "apns", "bundle_id": "com.acme"},
            "acme_android": {"provider": "fcm"},
        }
    }


@pytest.mark.parametrize("partner", ["acme", "acme=gcm", "=apns", "acme=apns:", "a b=fcm"])
def test_a_partner_that_can_not_be_is_one_sentence(heliograph: Any, partner: str) -> None:
    refused = heliograph("settings", "navixy", "--partner", partner)

    assert refused.sentence.startswith("--partner must be ID=PROVIDER[:BUNDLE_ID]")
