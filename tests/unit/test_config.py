from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from heliograph.config import Config, Listener, Role, SettingsError, Storage, load

READERS = "HELIOGRAPH_STORAGE__READERS"


@pytest.fixture
def settings_file(tmp_path: Path) -> Path:
    return tmp_path / "heliograph.toml"


def complaint(toml_file: Path | None = None, **overrides: object) -> str:
    with pytest.raises(SettingsError) as caught:
        load(toml_file, **overrides)
    return str(caught.value)


def test_a_server_needs_no_settings_at_all() -> None:
    config = load()

    assert config.role is Role.ALL
    assert config.storage.database_url is None
    assert config.delivery.pages_in_flight == 4


def test_settings_come_from_a_file(settings_file: Path) -> None:
    settings_file.write_text(
        'role = "api"\n[storage]\nreaders = 3\n[[doors]]\ndialect = "layer"\nprefix = "/l"\n'
    )

    config = load(settings_file)

    assert (config.role, config.storage.readers) == (Role.API, 3)
    assert [(door.dialect, door.prefix, door.is_open) for door in config.doors] == [
        ("layer", "/l", True)
    ]


def test_settings_come_from_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HELIOGRAPH_ROLE", "worker")
    monkeypatch.setenv("HELIOGRAPH_STORAGE__READERS", "3")
    monkeypatch.setenv("HELIOGRAPH_DOORS", '[{"dialect": "layer"}]')

    config = load()

    assert (config.role, config.storage.readers) == (Role.WORKER, 3)
    assert config.doors[0].dialect == "layer"


def test_arguments_beat_variables_and_variables_beat_the_file(
    settings_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings_file.write_text('data = "file"\nrole = "api"\n[storage]\nreaders = 2\npool_size = 9\n')
    monkeypatch.setenv("HELIOGRAPH_ROLE", "worker")
    monkeypatch.setenv("HELIOGRAPH_STORAGE__READERS", "3")
    monkeypatch.setenv("HELIOGRAPH_DATA", "variable")

    config = load(settings_file, data="argument")

    assert (config.data, config.role) == (Path("argument"), Role.WORKER)
    assert (config.storage.readers, config.storage.pool_size) == (3, 9)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("rolle = 1", "there is no setting 'rolle'; did you mean 'role'?"),
        ("[storage]\nreders = 1", "there is no setting 'storage.reders'; did you mean 'readers'?"),
        ("[storge]\nreaders = 1", "there is no setting 'storge'; did you mean 'storage'?"),
        (
            '[[doors]]\ndialect = "layer"\nhots = "x"',
            "there is no setting 'doors.0.hots'; did you mean 'host'?",
        ),
        ("xyzzy = 1", "there is no setting 'xyzzy'"),
    ],
)
def test_an_unknown_key_stops_the_start_and_names_its_neighbour(
    settings_file: Path, text: str, sentence: str
) -> None:
    settings_file.write_text(text)

    assert complaint(settings_file) == sentence


@pytest.mark.parametrize(
    ("variable", "sentence"),
    [
        (
            "HELIOGRAPH_ROLLE",
            "there is no setting 'HELIOGRAPH_ROLLE'; did you mean 'HELIOGRAPH_ROLE'?",
        ),
        (
            "HELIOGRAPH_STORGE__READERS",
            f"there is no setting 'HELIOGRAPH_STORGE__READERS'; did you mean '{READERS}'?",
        ),
        (
            "HELIOGRAPH_STORAGE__REDERS",
            "there is no setting 'storage.reders'; did you mean 'readers'?",
        ),
        ("HELIOGRAPH_12345", "there is no setting 'HELIOGRAPH_12345'"),
    ],
)
def test_an_unknown_variable_stops_the_start_too(
    monkeypatch: pytest.MonkeyPatch, variable: str, sentence: str
) -> None:
    monkeypatch.setenv(variable, "1")

    assert complaint() == sentence


def test_other_programs_variables_are_none_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HELIOGRAPHS", "1")
    monkeypatch.setenv("XHELIOGRAPH_ROLE", "1")

    load()


@pytest.mark.parametrize(
    ("overrides", "name"),
    [
        ({"role": "boss"}, "role"),
        ({"logs": {"level": "loud"}}, "logs.level"),
        ({"delivery": {"pages_in_flight": 0}}, "delivery.pages_in_flight"),
        ({"listener": {"port": 70000}}, "listener.port"),
        ({"storage": {"readers": "many"}}, "storage.readers"),
        ({"doors": [{"prefix": "/l"}]}, "doors.0.dialect"),
        ({"listener": {"trusted_proxies": ["nonsense"]}}, "listener.trusted_proxies"),
        ({"listener": {"public_url": "push.example.com"}}, "listener.public_url"),
        ({"listener": {"public_url": "ftp://push.example.com"}}, "listener.public_url"),
        ({"listener": {"public_url": "https://"}}, "listener.public_url"),
        ({"listener": {"public_url": "https://[push"}}, "listener.public_url"),
        ({"listener": {"public_url": "https://push.example.com/?a=b"}}, "listener.public_url"),
        ({"listener": {"public_url": "https://ann:word@push.example"}}, "listener.public_url"),
    ],
)
def test_a_value_that_cannot_be_is_named(overrides: dict[str, object], name: str) -> None:
    assert complaint(**overrides).startswith(f"{name}: ")


def test_every_wrong_setting_is_named_at_once(
    settings_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings_file.write_text('rolle = 1\n[logs]\nlevel = "loud"\n')
    monkeypatch.setenv("HELIOGRAPH_DATTA", "x")

    message = complaint(settings_file)

    assert all(name in message for name in ("'rolle'", "logs.level", "HELIOGRAPH_DATTA"))


def test_a_variable_that_is_no_json_is_named_without_its_value(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HELIOGRAPH_STORAGE", '{"database_url": "hunter2"')

    message = complaint()

    assert '"storage"' in message
    assert "hunter2" not in message


@pytest.mark.parametrize("content", [b"a ==", b"\xff\xfe"], ids=["no TOML", "no UTF-8"])
def test_a_file_that_cannot_be_read_is_a_sentence(settings_file: Path, content: bytes) -> None:
    settings_file.write_bytes(content)

    assert complaint(settings_file).startswith("the settings file is not TOML: ")


def test_a_file_that_is_not_there_is_not_passed_over(tmp_path: Path) -> None:
    missing = tmp_path / "missing.toml"

    assert complaint(missing) == f"there is no settings file {missing}"


def test_no_complaint_quotes_a_value() -> None:
    secret = {"database_url": ["hunter2"], "readers": "hunter2"}

    with pytest.raises(SettingsError) as caught:
        load(storage=secret)

    assert "hunter2" not in str(caught.value)
    assert caught.value.__cause__ is caught.value.__context__ is None


def test_secrets_print_as_stars() -> None:
    config = Config(storage=Storage(database_url="postgresql://u:hunter2@db/heliograph"))

    for text in (repr(config), str(config.storage), config.model_dump_json()):
        assert "hunter2" not in text
        assert "***" in text


@pytest.mark.parametrize(
    "url",
    ["hunter2", "mysql://u:hunter2@db/x", "postgresql:hunter2", "postgresql://u:hunt/er2@db/x"],
)
def test_an_address_of_no_database_we_speak_is_refused_without_being_shown(url: str) -> None:
    message = complaint(storage={"database_url": url})

    assert message == (
        "storage.database_url: must be postgresql://user:password@host:port/database"
    )


def test_settings_do_not_change() -> None:
    config = Config()

    with pytest.raises(ValidationError):
        config.role = Role.API


@pytest.mark.parametrize(
    ("listener", "url"),
    [
        (Listener(), "http://localhost:80"),
        (Listener(tls_certificate="cert.pem"), "https://localhost:80"),
        (Listener(public_url="https://push.example/base/"), "https://push.example/base"),
    ],
)
def test_links_are_made_from_settings(listener: Listener, url: str) -> None:
    assert Config(listener=listener).url_of("localhost", 80) == url
