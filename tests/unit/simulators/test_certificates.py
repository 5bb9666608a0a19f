import ssl
import stat
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509

from heliograph.simulators.certificates import (
    ensure_certificates,
    ensure_ec_key,
    ensure_rsa_key,
)

NOW = datetime.now(UTC)


def test_the_ca_vouches_for_the_server(tmp_path):
    ca_file, server_file = ensure_certificates(tmp_path, "127.0.0.1", now=NOW)

    ca = x509.load_pem_x509_certificate(ca_file.read_bytes())
    server = x509.load_pem_x509_certificate(server_file.read_bytes())
    server.verify_directly_issued_by(ca)
    assert ssl.create_default_context(cafile=ca_file).cert_store_stats()["x509_ca"] == 1


def test_files_are_for_their_owner_only(tmp_path):
    ensure_certificates(tmp_path, "127.0.0.1", now=NOW)
    ensure_ec_key(tmp_path / "ec.pem")

    modes = {stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()}
    assert modes == {0o600}


def test_the_cas_key_is_not_kept(tmp_path):
    ca_file, _ = ensure_certificates(tmp_path, "127.0.0.1", now=NOW)

    assert b"PRIVATE KEY" not in ca_file.read_bytes()
    assert sorted(file.name for file in tmp_path.iterdir()) == ["ca.pem", "server.pem"]


def test_a_good_certificate_is_kept(tmp_path):
    first = ensure_certificates(tmp_path, "127.0.0.1", now=NOW)[1].read_bytes()

    assert ensure_certificates(tmp_path, "127.0.0.1", now=NOW)[1].read_bytes() == first


@pytest.mark.parametrize(
    ("host", "later"),
    [
        ("127.0.0.1", timedelta(days=790)),
        ("fakes.internal", timedelta()),
        ("10.0.0.9", timedelta()),
    ],
)
def test_a_certificate_that_will_not_do_is_made_anew(tmp_path, host, later):
    first = ensure_certificates(tmp_path, "127.0.0.1", now=NOW)[1].read_bytes()

    assert ensure_certificates(tmp_path, host, now=NOW + later)[1].read_bytes() != first


def test_a_broken_certificate_file_is_made_anew(tmp_path):
    _, server_file = ensure_certificates(tmp_path, "127.0.0.1", now=NOW)
    server_file.write_bytes(b"nonsense")

    ensure_certificates(tmp_path, "127.0.0.1", now=NOW)

    assert b"BEGIN CERTIFICATE" in server_file.read_bytes()


def test_keys_are_kept(tmp_path):
    first = ensure_ec_key(tmp_path / "key.pem").private_numbers()

    assert ensure_ec_key(tmp_path / "key.pem").private_numbers() == first


def test_a_key_of_the_wrong_kind_is_refused(tmp_path):
    ensure_ec_key(tmp_path / "ec.pem")
    ensure_rsa_key(tmp_path / "rsa.pem")

    with pytest.raises(ValueError, match="no RSA key"):
        ensure_rsa_key(tmp_path / "ec.pem")
    with pytest.raises(ValueError, match="no elliptic-curve key"):
        ensure_ec_key(tmp_path / "rsa.pem")
