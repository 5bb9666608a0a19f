from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from heliograph.cli.main import app
from heliograph.core.errors import Conflict, InvalidRequest, NotFound
from heliograph.providers.webpush.settings import new_key

if TYPE_CHECKING:
    from pathlib import Path

CONTACT = ("--contact", "mailto:ops@example.com")


@pytest.fixture
def run(tmp_path: Path):
    def invoke(*arguments: str) -> str:
        options = ["--data", str(tmp_path)]
        done = CliRunner().invoke(app, [*arguments, *options])
        if done.exception is not None:
            raise done.exception
        return done.stdout

    return invoke


@pytest.fixture
def application(run) -> str:
    made = json.loads(run("applications", "create", "Shop", "--json"))
    return str(made["id"])


def test_keys_are_made_listed_and_removed(run, application: str) -> None:
    place = ("--application", application)
    first = json.loads(run("webpush-keys", "create", *place, *CONTACT, "--json"))
    second = json.loads(run("webpush-keys", "create", *place, "--json"))

    rows = json.loads(run("webpush-keys", "list", *place, "--json"))
    run("webpush-keys", "remove", first["public_key"], *place)

    assert [row["public_key"] for row in rows] == [second["public_key"], first["public_key"]]
    assert [row["is_current"] for row in rows] == [True, False]
    left = json.loads(run("webpush-keys", "list", *place, "--json"))
    assert [row["public_key"] for row in left] == [second["public_key"]]


def test_a_key_from_elsewhere_is_taken_over(run, application: str, tmp_path: Path) -> None:
    key, file = new_key(), tmp_path / "private.txt"
    file.write_text(key.private)
    taken = ("--private-key-file", str(file))

    made = json.loads(
        run("webpush-keys", "create", "--application", application, *CONTACT, *taken, "--json")
    )

    assert made["public_key"] == key.public


def test_what_can_t_be_is_refused(run, application: str, tmp_path: Path) -> None:
    place = ("--application", application)
    (tmp_path / "private.txt").write_text("nonsense")

    with pytest.raises(InvalidRequest):
        run("webpush-keys", "create", *place)
    with pytest.raises(InvalidRequest):
        run("webpush-keys", "create", *place, "--contact", "mailto:root@localhost")
    with pytest.raises(InvalidRequest):
        run("webpush-keys", "create", *place, "--private-key-file", str(tmp_path / "private.txt"))
    with pytest.raises(NotFound):
        run("webpush-keys", "list", *place)
    made = json.loads(run("webpush-keys", "create", *place, *CONTACT, "--json"))
    with pytest.raises(Conflict):
        run("webpush-keys", "remove", made["public_key"], *place)
