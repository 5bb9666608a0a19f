from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import pkcs12

from heliograph.core.errors import InvalidRequest
from heliograph.core.model.application import ApnsCertificate, FcmCredential
from heliograph.core.model.registration import Environment
from heliograph.providers.apns.certificates import (
    PRODUCTION_MARK,
    SANDBOX_MARK,
    UnusableCertificate,
    certificate_from_pem,
    certificate_from_pkcs12,
    check_secret,
    facts_of,
    tls_of,
)
from heliograph.simulators.apns.certificates import PASSWORD, make_push_certificate

NOW = datetime.now(UTC)
PEM = serialization.Encoding.PEM


@pytest.fixture(scope="module")
def made():
    return make_push_certificate("com.example", now=NOW)


@pytest.fixture(scope="module")
def parts(made):
    """The key and the certificate in it."""
    key, certificate, _ = pkcs12.load_key_and_certificates(made.p12, PASSWORD.encode())
    return key, certificate


def pem_of(parts, password=None):
    key, certificate = parts
    sealing = serialization.NoEncryption()
    if password:
        sealing = serialization.BestAvailableEncryption(password.encode())
    private = key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, sealing)
    return (certificate.public_bytes(PEM) + private).decode()


def fields_of(caught):
    return [problem.field for problem in caught.value.problems]


def checked(secret, environment=Environment.PRODUCTION, now=NOW):
    check_secret(secret, environment, now=now)


@pytest.mark.parametrize("environment", Environment)
def test_a_universal_certificate_serves_both_environments(made, environment):
    certificate = certificate_from_pkcs12(made.p12, PASSWORD)

    checked(certificate, environment)

    facts = facts_of(certificate)
    assert facts.bundle_id == "com.example"
    assert facts.environments == frozenset(Environment)


@pytest.mark.parametrize("password", [None, "secret"])
def test_pem_comes_to_the_same_as_pkcs12(made, parts, password):
    expected = certificate_from_pkcs12(made.p12, PASSWORD)

    assert certificate_from_pem(pem_of(parts, password), password) == expected
    assert certificate_from_pem("\n".join(["noise", pem_of(parts)])) == expected


def test_neither_the_key_nor_the_password_shows(made):
    certificate = certificate_from_pkcs12(made.p12, PASSWORD)

    assert PASSWORD not in certificate.pem
    assert "PRIVATE" not in repr(certificate)


@pytest.mark.parametrize("password", ["wrong", "", None])
def test_a_wrong_password_is_named(made, password):
    with pytest.raises(InvalidRequest) as caught:
        certificate_from_pkcs12(made.p12, password)

    assert fields_of(caught) == ["password"]


@pytest.mark.parametrize("raw", [b"", b"junk", b"-----BEGIN CERTIFICATE-----"])
def test_what_is_no_pkcs12_is_named(raw):
    with pytest.raises(InvalidRequest) as caught:
        certificate_from_pkcs12(raw, PASSWORD)

    assert fields_of(caught) == ["certificate"]


def test_a_certificate_without_its_key_is_named(parts):
    _, certificate = parts
    bare = pkcs12.serialize_key_and_certificates(
        b"x", None, None, [certificate], serialization.BestAvailableEncryption(b"p")
    )

    with pytest.raises(InvalidRequest) as caught:
        certificate_from_pkcs12(bare, "p")
    with pytest.raises(InvalidRequest) as caught_pem:
        certificate_from_pem(certificate.public_bytes(PEM).decode())

    assert fields_of(caught) == fields_of(caught_pem) == ["certificate"]


def test_somebody_elses_key_is_named(parts):
    stranger = ec.generate_private_key(ec.SECP256R1())

    with pytest.raises(InvalidRequest, match="certificate") as caught:
        certificate_from_pem(pem_of((stranger, parts[1])))

    expected = "a certificate with the private key that belongs to it"
    assert caught.value.problems[0].expected == expected


@pytest.mark.parametrize(("password", "given"), [("secret", None), ("secret", "x"), (None, "x")])
def test_a_pem_keys_password_is_named_where_it_is_wrong(parts, password, given):
    with pytest.raises(InvalidRequest) as caught:
        certificate_from_pem(pem_of(parts, password), given)

    assert fields_of(caught) == ["password"]


@pytest.mark.parametrize("spoil", ["CERTIFICATE", "PRIVATE KEY"])
def test_damaged_pem_is_named(parts, spoil):
    text = pem_of(parts).replace(f"-----BEGIN {spoil}-----\n", f"-----BEGIN {spoil}-----\nAAAA!!")

    with pytest.raises(InvalidRequest) as caught:
        certificate_from_pem(text)

    assert fields_of(caught) == ["certificate"]


@pytest.mark.parametrize(
    ("mark", "environment"),
    [(SANDBOX_MARK, Environment.PRODUCTION), (PRODUCTION_MARK, Environment.SANDBOX)],
)
def test_a_certificate_for_the_other_environment_is_named(mark, environment):
    made = make_push_certificate("com.example", marks=[mark], now=NOW)
    certificate = certificate_from_pkcs12(made.p12, PASSWORD)
    other = next(each for each in Environment if each is not environment)

    checked(certificate, other)
    with pytest.raises(InvalidRequest) as caught:
        checked(certificate, environment)

    assert fields_of(caught) == ["environment"]


def test_a_certificate_that_is_not_apples_is_named():
    made = make_push_certificate("com.example", marks=[], now=NOW)

    with pytest.raises(InvalidRequest) as caught:
        checked(certificate_from_pkcs12(made.p12, PASSWORD))

    assert caught.value.problems[0].expected == "an Apple Push Services certificate"


def test_an_mdm_certificate_is_one_of_apples():
    made = make_push_certificate("com.apple.mgmt.External.1-2", marks=[], now=NOW)

    checked(certificate_from_pkcs12(made.p12, PASSWORD))


@pytest.mark.parametrize(
    ("now", "words"),
    [(NOW + timedelta(days=900), "expired on "), (NOW - timedelta(days=9), "is valid from ")],
)
def test_an_untimely_certificate_is_named_with_its_day(made, now, words):
    certificate = certificate_from_pkcs12(made.p12, PASSWORD)

    with pytest.raises(InvalidRequest) as caught:
        checked(certificate, now=now)

    (problem,) = caught.value.problems
    assert problem.field == "certificate"
    assert words in problem.expected


@pytest.mark.parametrize(
    "secret", [ApnsCertificate("junk"), FcmCredential("p", "a@b", "k", "pem")], ids=type
)
def test_what_is_no_apns_credential_is_named(secret):
    with pytest.raises(InvalidRequest):
        checked(secret)


def test_a_stored_certificate_makes_a_context_and_leaves_no_file(made, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    certificate = certificate_from_pkcs12(made.p12, PASSWORD)

    context = tls_of(certificate, None)

    assert context.verify_mode.name == "CERT_REQUIRED"
    assert list(tmp_path.iterdir()) == []


def test_a_stored_key_that_is_damaged_is_said_without_quoting_it(made):
    certificate = certificate_from_pkcs12(made.p12, PASSWORD)
    head, _, _ = certificate.pem.partition("-----BEGIN PRIVATE KEY-----")

    with pytest.raises(UnusableCertificate, match="can't be read"):
        tls_of(replace(certificate, pem=head), None)
