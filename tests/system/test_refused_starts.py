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


@pytest.mark.parametrize("role", ["api", "worker"])
def test_split_roles_need_postgresql(tmp_path: Path, role: str) -> None:
    assert serve(tmp_path, "--role", role).sentence == (
        f"--role {role} needs PostgreSQL (--database-url): "
        "SQLite serves one process, which runs every role"
    )


@pytest.mark.parametrize(
    ("toml", "sentence"),
    [
        ("[storage]\nreader = 3\n", "there is no setting 'storage.reader'"),
        ("[storage]\nreader = 3\n", "did you mean 'readers'?"),
        ("[listner]\nport = 1\n", "there is no setting 'listner'; did you mean 'listener'?"),
        ('[[doors]]\ndialect = "layer"\nprefx = ""\n', "did you mean 'prefix'?"),
        ('[[doors]]\ndialect = "layr"\n', "no dialect is called 'layr'; did you mean 'layer'?"),
        ('[logs]\nlevel = "loud"\n', "logs.level"),
        ('[listener]\ntrusted_proxies = ["nonsense"]\n', "nonsense"),
        ('[apns]\nproduction_url = "http://localhost"\n', "apns.production_url must be an https"),
        ('[fcm]\nurl = "localhost"\n', "fcm.url must be an https"),
        ('[apns]\nca_file = "/nowhere/ca.pem"\n', "apns.ca_file: /nowhere/ca.pem: No such file"),
        ("[[doors]\n", "the settings file is not TOML"),
    ],
)
def test_a_wrong_settings_file_stops_the_start(tmp_path: Path, toml: str, sentence: str) -> None:
    assert sentence in serve(tmp_path, toml=toml).sentence


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


@pytest.mark.parametrize(
    ("url", "secret"),
    [
        ("mysql://root:hunter2@127.0.0.1/x", "hunter2"),
        ("nonsense", None),
        ("postgresql://root:hunter2@127.0.0.1:port/x", "hunter2"),
        ("postgresql://root:hun/ter2@127.0.0.1/x", "ter2"),
    ],
)
def test_a_database_url_that_can_not_be_is_refused_without_its_password(
    tmp_path: Path, url: str, secret: str | None
) -> None:
    for refused in (
        serve(tmp_path, "--database-url", url),
        serve(tmp_path, HELIOGRAPH_STORAGE__DATABASE_URL=url),
    ):
        assert refused.sentence == (
            "storage.database_url: must be postgresql://user:password@host:port/database"
        )
        assert secret is None or secret not in refused.err


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


def test_a_host_that_is_not_there_is_named(tmp_path: Path) -> None:
    refused = serve(tmp_path, "--host", "192.0.2.1")

    assert refused.sentence == "192.0.2.1:0: Cannot assign requested address"


@pytest.mark.parametrize(
    ("certificate", "key", "sentence"),
    [
        ("missing.pem", "server.pem", "listener.tls_certificate: {folder}/missing.pem: No such"),
        ("server.pem", "missing.pem", "listener.tls_key: {folder}/missing.pem: No such"),
        ("junk.pem", None, "are no certificate in PEM with its own, unencrypted key"),
        ("server.pem", "junk.pem", "are no certificate in PEM with its own, unencrypted key"),
        ("ca.pem", None, "are no certificate in PEM with its own, unencrypted key"),
        (None, "server.pem", "listener.tls_key needs listener.tls_certificate"),
    ],
)
def test_wrong_tls_files_stop_the_start(
    tmp_path: Path, certificate: str | None, key: str | None, sentence: str
) -> None:
    ensure_certificates(tmp_path, "127.0.0.1", now=datetime.now(UTC))
    (tmp_path / "junk.pem").write_text("junk")
    names = {"tls_certificate": certificate, "tls_key": key}
    lines = [f'{name} = "{tmp_path / file}"' for name, file in names.items() if file]

    refused = serve(tmp_path, toml="\n".join(["[listener]", *lines]))

    assert sentence.format(folder=tmp_path) in refused.sentence
    assert not (tmp_path / "data").exists()


def test_a_data_directory_that_can_not_be_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    assert str(tmp_path / "file") in serve(tmp_path, "--data", tmp_path / "file").sentence
    assert str(tmp_path / "file") in serve(tmp_path, "--data", tmp_path / "file" / "in").sentence
    assert "/proc/none" in serve(tmp_path, "--data", "/proc/none").sentence


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write and read everything")
def test_an_unwritable_data_directory_and_an_unreadable_key_file_are_named(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir(mode=0o500)
    assert "readable and writable" in serve(tmp_path).sentence
    (tmp_path / "keys").touch(mode=0o000)
    variables = {"HELIOGRAPH_SECURITY__KEY_FILE": str(tmp_path / "keys")}
    assert str(tmp_path / "keys") in serve(tmp_path, **variables).sentence


@pytest.mark.parametrize(
    ("content", "mode", "sentence"),
    [
        ("junk\n", 0o600, "Line 1 of the key file {file} is not a key"),
        ("", 0o600, "holds no key"),
        ("ab" * 32 + "\n", 0o644, "is open to other users (mode 0644)"),
        (None, 0o700, "can't be used (Is a directory)"),
    ],
)
def test_a_key_file_that_can_not_be_used_is_named_without_its_content(
    tmp_path: Path, content: str | None, mode: int, sentence: str
) -> None:
    file = tmp_path / "keys"
    if content is None:
        file.mkdir()
    else:
        file.write_text(content)
    file.chmod(mode)

    refused = serve(tmp_path, HELIOGRAPH_SECURITY__KEY_FILE=str(file))

    assert sentence.format(file=file) in refused.sentence
    assert not content or content.strip() not in refused.err


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
