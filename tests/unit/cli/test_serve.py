"""Starts that can't be: one sentence that says what to change, and status 2."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from heliograph.simulators.certificates import ensure_certificates

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.unit.cli.conftest import Command, Ended

    Serve = Callable[..., Ended]


@pytest.fixture
def serve(command: Command, tmp_path: Path) -> Serve:
    """Try to start on a folder, with a settings file."""

    def start(*arguments: object, toml: str = "", **variables: str) -> Ended:
        file = tmp_path / "heliograph.toml"
        file.write_text(toml)
        data = tmp_path / "data"
        options = ("--port", 0, "--data", data, "--config", file)
        return command("serve", *options, *arguments, **variables)

    return start


@pytest.mark.parametrize("inside", ["", "in", "in/it"])
def test_a_data_directory_that_is_a_file_is_named(
    serve: Serve, tmp_path: Path, inside: str
) -> None:
    (tmp_path / "file").touch()

    assert str(tmp_path / "file") in serve("--data", tmp_path / "file" / inside).sentence


@pytest.mark.parametrize("role", ["api", "worker"])
def test_split_roles_need_postgresql(serve: Serve, tmp_path: Path, role: str) -> None:
    assert serve("--role", role).sentence == (
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
def test_a_wrong_settings_file_stops_the_start(
    serve: Serve, tmp_path: Path, toml: str, sentence: str
) -> None:
    assert sentence in serve(toml=toml).sentence


def test_every_wrong_setting_is_named_at_once(serve: Serve) -> None:
    toml = '[listner]\nport = 1\n[storage]\nreader = 3\npool_size = "many"\n'

    sentence = serve(toml=toml, HELIOGRAPH_STORGE__READERS="3").sentence

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
    serve: Serve, tmp_path: Path, url: str, secret: str | None
) -> None:
    for refused in (
        serve("--database-url", url),
        serve(HELIOGRAPH_STORAGE__DATABASE_URL=url),
    ):
        assert refused.sentence == (
            "storage.database_url: must be postgresql://user:password@host:port/database"
        )
        assert secret is None or secret not in refused.err


def test_a_host_that_is_not_there_is_named(serve: Serve) -> None:
    refused = serve("--host", "192.0.2.1")

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
    serve: Serve, tmp_path: Path, certificate: str | None, key: str | None, sentence: str
) -> None:
    ensure_certificates(tmp_path, "127.0.0.1", now=datetime.now(UTC))
    (tmp_path / "junk.pem").write_text("junk")
    names = {"tls_certificate": certificate, "tls_key": key}
    lines = [f'{name} = "{tmp_path / file}"' for name, file in names.items() if file]

    refused = serve(toml="\n".join(["[listener]", *lines]))

    assert sentence.format(folder=tmp_path) in refused.sentence
    assert not (tmp_path / "data").exists()


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
    serve: Serve, tmp_path: Path, content: str | None, mode: int, sentence: str
) -> None:
    file = tmp_path / "keys"
    if content is None:
        file.mkdir()
    else:
        file.write_text(content)
    file.chmod(mode)

    refused = serve(HELIOGRAPH_SECURITY__KEY_FILE=str(file))

    assert sentence.format(file=file) in refused.sentence
    assert not content or content.strip() not in refused.err
