"""Commands beside a running server, on the same folder."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from tests.system.processes import run
from tests.system.site import Site

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.system.http_client import Api
    from tests.system.processes import ServerProcess
    from tests.system.site import Fakes

pytestmark = pytest.mark.system

_ID = "[0-9a-hjkmnp-tv-z]{26}"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    # The fakes' service account names a token endpoint on this machine.
    own = '[outbound]\nallowed_networks = ["127.0.0.0/8"]\n'
    made = Site(tmp_path_factory.mktemp("site"), toml=own)
    yield made
    made.end()


@pytest.fixture(scope="module")
def server(site: Site) -> Iterator[ServerProcess]:
    started = site.serve()
    yield started
    started.stop()


def test_what_commands_make_works_at_once_at_the_running_server(
    site: Site, server: ServerProcess
) -> None:
    made = _create(site, "applications", "Weather", "--bundle-id", "com.example.weather")
    application = ("--application", made["id"])
    client = _create(site, "clients", "back end", *application)
    reader = _create(site, "clients", "reader", *application, "--scope", "registrations.read")
    user = _create(site, "users", *application, "--user-id", "zoe")
    session = _create(site, "sessions", *application, "--user-id", "zoe", "--form", "native")

    assert re.fullmatch(f"app_{_ID}", made["id"])
    assert set(made) == {"id", "name"}
    assert set(client) == {"id", "name", "api_key", "twilio_account_id"}
    assert set(user) == {"id", "user_id"}
    assert set(session) == {"id", "token", "expires_at"}
    place = server.api.at(f"/v1/applications/{made['id']}/registrations")
    body = {"provider": "fcm", "token": "weather", "user_id": "zoe"}
    for credential in (client["api_key"], session["token"]):
        assert _as(place, credential).post("", body).status in (200, 201)
    assert _as(place, reader["api_key"]).get().status == 200
    assert _as(place, reader["api_key"]).post("", body).status == 403


@pytest.mark.parametrize(
    ("kind", "keys"),
    [
        ("applications", ["id", "name", "bundle_id", "environment", "created"]),
        ("clients", ["id", "name", "application", "scopes", "created"]),
        ("users", ["id", "user_id", "created"]),
        ("sessions", ["id", "user_id", "form", "expires_at"]),
    ],
)
def test_lists_are_stable_json_for_machines(
    site: Site, server: ServerProcess, kind: str, keys: list[str]
) -> None:
    where = ["--application", site.application] if kind == "sessions" else []

    listed = run(kind, "list", *where, *site.options, "--json")

    assert listed.json()
    assert all(list(row) == keys for row in listed.json())
    assert "hgk_" not in listed.out
    assert server.api.get("/health/ready").status == 200


def test_lists_are_tables_for_people(site: Site, server: ServerProcess) -> None:
    listed = run("applications", "list", *site.options)

    assert (listed.status, listed.err) == (0, "")
    assert site.application in listed.out
    assert server.api.get("/health/ready").status == 200


def test_credentials_are_set_from_the_providers_own_files(
    site: Site, server: ServerProcess, fakes: Fakes, tmp_path: Path
) -> None:
    apple, account_file = fakes.simulators.apns_credential, tmp_path / "account.json"
    key_file = tmp_path / "key.p8"
    key_file.write_text(apple.p8)
    account_file.write_text(json.dumps(fakes.simulators.fcm_service_account))
    where = ("--application", site.application, *site.options)
    names = ("--key-id", apple.key_id, "--team-id", apple.team_id)

    apns = run("credentials", "set-apns", *where, *names, "--key-file", key_file, "--json")
    fcm = run("credentials", "set-fcm", *where, "--service-account", account_file, "--json")

    keys = ["id", "application", "provider", "environment"]
    assert list(apns.json()) == list(fcm.json()) == keys
    assert (apns.json()["provider"], fcm.json()["provider"]) == ("apns", "fcm")
    for done in (apns, fcm):
        assert "PRIVATE" not in done.out + done.err
    assert server.api.get("/health/ready").status == 200


def test_a_wrong_credential_is_refused_with_every_problem_and_without_the_secret(
    site: Site, fakes: Fakes, tmp_path: Path
) -> None:
    file = tmp_path / "key.p8"
    secret = fakes.simulators.fcm_service_account["private_key"]
    file.write_text(secret)
    names = ("--key-id", "SHORT", "--team-id", "")

    refused = run(
        *("credentials", "set-apns", "--application", site.application, *site.options),
        *("--key-file", file, *names),
    )

    for name in ("key_id", "team_id", "key_pem"):
        assert name in refused.sentence
    assert secret.splitlines()[1] not in refused.err


@pytest.mark.parametrize(
    "arguments",
    [
        ("sessions", "create", "--user-id", "ann"),
        ("sessions", "create", "--application", "a", "--user-id", "u", "--ttl-s", "9" * 30),
    ],
)
def test_a_command_that_can_not_be_understood_says_how_it_is_meant(
    arguments: tuple[str, ...],
) -> None:
    refused = run(*arguments)

    assert (refused.status, refused.out) == (2, "")
    assert "Usage: heliograph" in refused.err
    assert "Traceback" not in refused.err


def _create(site: Site, kind: str, *arguments: str) -> Any:
    return run(kind, "create", *arguments, *site.options, "--json").json()


def _as(place: Api, credential: str) -> Api:
    return place.at("", authorization=f"Bearer {credential}")
