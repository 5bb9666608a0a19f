from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from joserfc import jws
from joserfc.jwk import RSAKey
from tests.conformance.signing import private_pem, public_pem

from heliograph.cli.issuers import identity_token
from heliograph.core.errors import InvalidRequest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.cli.conftest import Command

PROVIDER = "layer:///providers/1"


@pytest.fixture
def application(command: Command, tmp_path: Path) -> str:
    made = command("applications", "create", "Demo", "--data", tmp_path, "--json").json()
    return made["id"]


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    file = tmp_path / "public.pem"
    file.write_text(public_pem("cli"))
    return file


def test_an_issuer_is_added_listed_and_removed(
    command: Command, application: str, tmp_path: Path, key_file: Path
) -> None:
    where = ("--application", application, "--data", tmp_path, "--json")

    added = command(
        "issuers", "add", PROVIDER, "--form", "layer",
        "--key-id", "k", "--public-key-file", key_file, *where,
    ).json()  # fmt: skip
    listed = command("issuers", "list", *where).json()
    removed = command("issuers", "remove", added["id"], *where).json()

    assert (added["issuer"], added["form"], added["keys"]) == (PROVIDER, "layer", "k (RS256)")
    assert listed == [added]
    assert removed == {"id": added["id"], "removed": True}
    assert command("issuers", "list", *where).json() == []


def test_settings_of_layer_are_said_once(
    command: Command, application: str, tmp_path: Path
) -> None:
    where = ("--application", application, "--data", tmp_path, "--json")
    app_id = "layer:///apps/production/24F43C32-4d95-11e4-b3a2-0fd00000020d"

    said = command("settings", "layer", "--app-id", app_id, "--session-ttl-s", 60, *where).json()
    again = command("settings", "layer", *where).json()

    assert said["app_id"] == "24f43c32-4d95-11e4-b3a2-0fd00000020d"
    assert said["session_ttl_s"] == 60
    assert again["app_id"] == said["app_id"]


def test_an_application_is_suspended_and_let_go_on(
    command: Command, application: str, tmp_path: Path
) -> None:
    where = ("--application", application, "--data", tmp_path, "--json")

    suspended = command("applications", "suspend", *where).json()
    resumed = command("applications", "resume", *where).json()

    assert (suspended["suspended"], resumed["suspended"]) == (True, False)


def test_an_identity_token_says_what_layers_own_did() -> None:
    layer = {"provider_id": PROVIDER, "key_id": "k", "private_key": private_pem("cli")}

    text = identity_token(json.dumps({"layer": layer}), "ann", "a-nonce", 1000)

    read = jws.deserialize_compact(text, RSAKey.import_key(public_pem("cli")), algorithms=["RS256"])
    assert read.protected["kid"] == "k"
    assert json.loads(read.payload) == {
        "iss": PROVIDER,
        "prn": "ann",
        "iat": 1000,
        "exp": 1300,
        "nce": "a-nonce",
    }


@pytest.mark.parametrize(
    "demo",
    [
        "",
        "[]",
        "{}",
        '{"layer": {}}',
        '{"layer": {"provider_id": "p", "key_id": "k", "private_key": ""}}',
    ],
)
def test_a_file_that_is_no_demos_is_refused(demo: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        identity_token(demo, "ann", "a-nonce", 1000)

    assert [problem.field for problem in refused.value.problems] == ["--demo-file"]
