from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from heliograph.simulators.apns.certificates import PushCertificate, make_push_certificate
from heliograph.simulators.certificates import private_pem

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.cli.conftest import Command

APPLE_KEY = private_pem(ec.generate_private_key(ec.SECP256R1())).decode()
OTHER_CURVE = private_pem(ec.generate_private_key(ec.SECP384R1())).decode()
GOOGLE_KEY = private_pem(rsa.generate_private_key(65537, 2048)).decode()
ACCOUNT: dict[str, Any] = {
    "type": "service_account",
    "project_id": "demo",
    "private_key_id": "k1",
    "private_key": GOOGLE_KEY,
    "client_email": "push@demo.iam.gserviceaccount.com",
    "token_uri": "https://oauth2.googleapis.com/token",
}


@pytest.fixture
def application(command: Command, tmp_path: Path) -> str:
    made = command("applications", "create", "Demo", "--data", tmp_path, "--json").json()
    return made["id"]


@pytest.mark.parametrize(
    ("content", "key_id", "team_id", "wrong"),
    [
        (APPLE_KEY.encode(), "SHORT", "TEAM123456", {"key_id"}),
        (APPLE_KEY.encode(), "KEY1234567", "", {"team_id"}),
        (APPLE_KEY.encode(), "KEY123456\n", "TEAM 12345", {"key_id", "team_id"}),
        (b"", "KEY1234567", "TEAM123456", {"key_pem"}),
        (b"\xff\xfe\x00", "\udcff", "TEAM123456", {"key_id", "key_pem"}),
        (GOOGLE_KEY.encode(), "K", "T", {"key_id", "team_id", "key_pem"}),
        (OTHER_CURVE.encode(), "KEY1234567", "TEAM123456", {"key_pem"}),
        pytest.param(
            APPLE_KEY.encode()[:80], "KEY1234567", "TEAM123456", {"key_pem"}, id="half a key"
        ),
    ],
)
def test_a_wrong_apns_key_is_refused_with_every_problem(
    command: Command,
    application: str,
    tmp_path: Path,
    content: bytes,
    key_id: str,
    team_id: str,
    wrong: set[str],
) -> None:
    file = tmp_path / "key.p8"
    file.write_bytes(content)
    where = ("--application", application, "--data", tmp_path)

    refused = command(
        *("credentials", "set-apns", *where, "--key-file", file),
        *("--key-id", key_id, "--team-id", team_id),
    )

    assert {part.partition(" ")[0] for part in refused.sentence.split("; ")} == wrong
    assert "PRIVATE KEY" not in refused.err


@pytest.mark.parametrize(
    ("content", "wrong"),
    [
        (b"", {"input"}),
        (b"\xff\xfe", {"input"}),
        (b"[]", {"input"}),
        (b"[" * 100_000, {"input"}),
        (b'{"type": "authorized_user"}', None),
        (json.dumps({**ACCOUNT, "client_email": 5}).encode(), {"client_email"}),
        (json.dumps({**ACCOUNT, "private_key": APPLE_KEY}).encode(), {"private_key"}),
        (
            json.dumps({**ACCOUNT, "private_key": "x", "token_uri": "ftp://x"}).encode(),
            {"private_key", "token_uri"},
        ),
        (json.dumps({**ACCOUNT, "project_id": "\ud800"}).encode(), {"project_id"}),
    ],
)
def test_a_wrong_service_account_is_refused_with_every_problem(
    command: Command, application: str, tmp_path: Path, content: bytes, wrong: set[str] | None
) -> None:
    file = tmp_path / "account.json"
    file.write_bytes(content)
    where = ("--application", application, "--data", tmp_path)

    refused = command("credentials", "set-fcm", *where, "--service-account", file)

    named = {part.partition(" ")[0] for part in refused.sentence.split("; ")}
    assert wrong is None or named == wrong
    assert "PRIVATE KEY" not in refused.err


@pytest.mark.parametrize("environment", ["production", "sandbox"])
def test_a_good_apns_key_is_stored_for_its_environment(
    command: Command, application: str, tmp_path: Path, environment: str
) -> None:
    file = tmp_path / "key.p8"
    file.write_text(APPLE_KEY)

    made = command(
        *("credentials", "set-apns", "--application", application, "--data", tmp_path),
        *("--key-file", file, "--key-id", "KEY1234567", "--team-id", "TEAM123456"),
        *("--environment", environment, "--json"),
    ).json()

    assert (made["provider"], made["environment"]) == ("apns", environment)
    assert made["id"].startswith("crd_")


def test_a_good_service_account_is_stored(
    command: Command, application: str, tmp_path: Path
) -> None:
    file = tmp_path / "account.json"
    file.write_text(json.dumps(ACCOUNT))
    where = ("--application", application, "--data", tmp_path)

    made = command("credentials", "set-fcm", *where, "--service-account", file)

    assert made.status == 0
    assert "PRIVATE KEY" not in made.out


@pytest.fixture
def pushing() -> PushCertificate:
    return make_push_certificate("com.example", now=datetime.now(UTC))


def test_a_good_apns_certificate_is_stored(
    command: Command, application: str, tmp_path: Path, pushing: PushCertificate
) -> None:
    (tmp_path / "apns.p12").write_bytes(pushing.p12)
    (tmp_path / "password").write_text(pushing.password + "\n")

    made = command(
        *("credentials", "set-apns-certificate", "--application", application),
        *("--data", tmp_path, "--certificate-file", tmp_path / "apns.p12"),
        *("--password-file", tmp_path / "password", "--environment", "sandbox", "--json"),
    ).json()

    assert (made["provider"], made["environment"]) == ("apns", "sandbox")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "password must be the password of this PKCS#12 file"),
        (b"junk", "certificate must be a PKCS#12 file"),
        (b"-----BEGIN", "certificate must be a certificate and its private key in PEM"),
    ],
)
def test_a_wrong_apns_certificate_is_refused_by_name(
    command: Command,
    application: str,
    tmp_path: Path,
    pushing: PushCertificate,
    content: bytes | None,
    sentence: str,
) -> None:
    file = tmp_path / "apns.p12"
    file.write_bytes(pushing.p12 if content is None else content)

    refused = command(
        *("credentials", "set-apns-certificate", "--application", application),
        *("--data", tmp_path, "--certificate-file", file),
    )

    assert refused.sentence == sentence


def test_an_expired_apns_certificate_is_refused_with_its_day(
    command: Command, application: str, tmp_path: Path
) -> None:
    long_ago = datetime.now(UTC) - timedelta(days=500)
    old = make_push_certificate("com.example", now=long_ago, lifetime=timedelta(days=365))
    (tmp_path / "apns.p12").write_bytes(old.p12)
    (tmp_path / "password").write_text(old.password)

    refused = command(
        *("credentials", "set-apns-certificate", "--application", application),
        *("--data", tmp_path, "--certificate-file", tmp_path / "apns.p12"),
        *("--password-file", tmp_path / "password"),
    )

    assert f"expired on {long_ago + timedelta(days=365):%Y-%m-%d}" in refused.sentence
