"""Starts that can't be: one sentence that says what to change, and status 2."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from tests.system.http_client import Api
from tests.system.processes import Finished, ServerProcess, run, until

from heliograph.simulators.certificates import ensure_certificates

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.system


def serve(folder: Path, *arguments: object, toml: str = "", **variables: str) -> Finished:
    """Try to start on a folder, with a settings file."""
    file = folder / "heliograph.toml"
    file.write_text(toml)
    return run(
        "serve", "--port", 0, "--data", folder / "data", "--config", file, *arguments, **variables
    )


def test_split_roles_need_postgresql(tmp_path: Path) -> None:
    assert serve(tmp_path, "--role", "api").sentence.startswith("--role api needs PostgreSQL")


def test_every_wrong_setting_is_named_at_once(tmp_path: Path) -> None:
    toml = '[listner]\nport = 1\n[storage]\nreader = 3\npool_size = "many"\n'

    sentence = serve(tmp_path, toml=toml, HELIOGRAPH_STORGE__READERS="3").sentence

    for part in (
        "'HELIOGRAPH_STORGE__READERS'; did you mean 'HELIOGRAPH_STORAGE__READERS'?",
        "'storage.reader'; did you mean 'readers'?",
        "'listner'; did you mean 'listener'?",
        "storage.pool_size",
    ):
        assert part in sentence


def test_a_wrong_door_ends_the_process_though_the_database_was_open(tmp_path: Path) -> None:
    refused = serve(tmp_path, toml='[[doors]]\ndialect = "layr"\n')

    assert refused.sentence == "doors: no dialect is called 'layr'; did you mean 'layer'?"


def test_a_provider_that_can_not_be_called_lets_go_of_the_address(tmp_path: Path) -> None:
    refused = serve(tmp_path, toml='[apns]\nproduction_url = "http://localhost"\n')

    assert refused.sentence == "apns.production_url must be an https:// URL"


def test_wrong_tls_files_stop_the_start(tmp_path: Path) -> None:
    ensure_certificates(tmp_path, "127.0.0.1", now=datetime.now(UTC))

    refused = serve(tmp_path, toml=f'[listener]\ntls_certificate = "{tmp_path}/ca.pem"\n')

    assert "are no certificate in PEM with its own, unencrypted key" in refused.sentence


def test_a_database_that_does_not_answer_is_named(tmp_path: Path) -> None:
    url = "postgresql://root:hunter2@127.0.0.1:1/x"

    refused = serve(tmp_path, "--database-url", url)

    assert refused.sentence == "the database does not answer; check that it runs and try again"


def test_a_port_in_use_names_the_address(tmp_path: Path) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        refused = serve(tmp_path, "--port", port)

    assert refused.sentence == f"127.0.0.1:{port}: Address already in use"


def test_a_data_directory_that_can_not_be_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    assert str(tmp_path / "file") in serve(tmp_path, "--data", tmp_path / "file" / "in").sentence


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write and read everything")
def test_an_unwritable_data_directory_and_an_unreadable_key_file_are_named(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir(mode=0o500)
    assert "readable and writable" in serve(tmp_path).sentence
    (tmp_path / "keys").touch(mode=0o000)
    variables = {"HELIOGRAPH_SECURITY__KEY_FILE": str(tmp_path / "keys")}
    assert str(tmp_path / "keys") in serve(tmp_path, **variables).sentence


def test_good_tls_files_serve_tls(tmp_path: Path) -> None:
    import ssl
    from http.client import HTTPSConnection

    ca_file, certificate = ensure_certificates(tmp_path, "127.0.0.1", now=datetime.now(UTC))
    variables = {"HELIOGRAPH_LISTENER__TLS_CERTIFICATE": str(certificate)}
    command = ["serve", "--port", 0, "--data", tmp_path / "data"]
    server = ServerProcess(tmp_path / "server", command, tls=True, **variables)
    try:
        api = Api(server.url)
        context = ssl.create_default_context(cafile=ca_file)

        def is_ready() -> bool:
            connection = HTTPSConnection(api.host, api.port, timeout=5, context=context)
            connection.request("GET", "/health/ready")
            status = connection.getresponse().status
            connection.close()
            return status == 200

        until(is_ready)
        assert server.url.startswith("https://")
        server.stop()
    finally:
        server.kill()
