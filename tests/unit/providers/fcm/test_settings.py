import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from heliograph.config import Fcm
from heliograph.core.errors import InvalidRequest, ProblemKind
from heliograph.core.model.application import ApnsCredential
from heliograph.core.model.registration import Environment
from heliograph.outbound.http2.sender import Origin
from heliograph.providers.fcm.settings import (
    check_credential,
    check_secret,
    credential_from_service_account,
    instance_id_url,
    origin_of,
)


def pem_of(key, encryption=None):
    chosen = encryption or NoEncryption()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, chosen).decode()


def key_file(secret, **changes):
    fields = {
        "type": "service_account",
        "project_id": secret.project_id,
        "private_key_id": secret.private_key_id,
        "private_key": secret.private_key_pem,
        "client_email": secret.client_email,
        "client_id": "1",
        "token_uri": secret.token_uri,
    }
    return json.dumps({name: v for name, v in {**fields, **changes}.items() if v is not None})


def problems_of(text):
    with pytest.raises(InvalidRequest) as caught:
        credential_from_service_account(text)
    return [(problem.field, problem.kind) for problem in caught.value.problems]


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://fcm.googleapis.com:443", Origin("fcm.googleapis.com", 443)),
        ("https://127.0.0.1:8443", Origin("127.0.0.1", 8443)),
        ("https://fcm.example", Origin("fcm.example", 443)),
    ],
)
def test_the_host_is_a_setting(url, origin):
    assert origin_of(Fcm(url=url)) == origin


@pytest.mark.parametrize("url", ["http://fcm.example", "https://", "fcm.example"])
def test_a_url_that_is_no_https_is_refused_by_its_setting(url):
    with pytest.raises(ValueError, match=r"fcm\.url"):
        origin_of(Fcm(url=url))


def test_a_key_file_becomes_a_credential(secret):
    assert credential_from_service_account(key_file(secret)) == secret


def test_a_key_file_without_a_token_uri_means_googles(secret):
    credential = credential_from_service_account(key_file(secret, token_uri=None))

    assert credential.token_uri == "https://oauth2.googleapis.com/token"


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("", ProblemKind.NOT_JSON),
        ("{", ProblemKind.NOT_JSON),
        ("[" * 100_000, ProblemKind.NOT_JSON),
        ("[]", ProblemKind.WRONG_TYPE),
    ],
)
def test_what_is_no_object_is_no_key_file(text, kind):
    assert problems_of(text) == [("", kind)]


def test_every_missing_field_is_named():
    assert problems_of("{}") == [
        ("type", ProblemKind.NOT_ALLOWED),
        ("project_id", ProblemKind.MISSING),
        ("client_email", ProblemKind.MISSING),
        ("private_key_id", ProblemKind.MISSING),
        ("private_key", ProblemKind.MISSING),
    ]


def test_a_user_credential_file_is_not_a_service_account(secret):
    text = key_file(secret, type="authorized_user", token_uri=7)

    assert problems_of(text) == [
        ("type", ProblemKind.NOT_ALLOWED),
        ("token_uri", ProblemKind.WRONG_TYPE),
    ]


def test_every_bad_value_is_named_as_in_the_file(secret):
    text = key_file(
        secret,
        project_id="a/b",
        client_email="nobody",
        private_key_id="",
        private_key="x",
        token_uri="ftp://x",
    )

    assert problems_of(text) == [
        ("project_id", ProblemKind.MALFORMED),
        ("client_email", ProblemKind.MALFORMED),
        ("private_key_id", ProblemKind.TOO_SHORT),
        ("private_key", ProblemKind.MALFORMED),
        ("token_uri", ProblemKind.MALFORMED),
    ]


def test_a_good_credential_is_taken(secret):
    check_credential(secret)


def test_a_credentials_problems_are_named_as_in_the_credential(secret):
    with pytest.raises(InvalidRequest, match="private_key_pem"):
        check_credential(replace(secret, private_key_pem=""))


@pytest.mark.parametrize(
    "pem",
    [
        pytest.param(pem_of(ec.generate_private_key(ec.SECP256R1())), id="EC"),
        pytest.param(pem_of(rsa.generate_private_key(65537, 1024)), id="too small"),
        pytest.param(
            pem_of(rsa.generate_private_key(65537, 2048), BestAvailableEncryption(b"x")),
            id="encrypted",
        ),
    ],
)
def test_only_an_open_rsa_key_signs(secret, pem):
    with pytest.raises(InvalidRequest, match="private_key_pem"):
        check_credential(replace(secret, private_key_pem=pem))


@pytest.mark.parametrize(
    "uri", ["https://oauth2.example/token", "http://127.0.0.1:8080/token", "http://localhost/t"]
)
def test_assertions_go_over_tls_or_stay_on_this_machine(secret, uri):
    check_credential(replace(secret, token_uri=uri))


@pytest.mark.parametrize(
    "uri",
    [
        "http://oauth2.example/token",
        "http://127.0.0.1.example/",
        "https://",
        "https://a b/",
        "https://[x",
        "https://ä/",
        "https://h:99999/",
        "token",
    ],
)
def test_assertions_go_nowhere_else(secret, uri):
    with pytest.raises(InvalidRequest, match="token_uri"):
        check_credential(replace(secret, token_uri=uri))


def test_the_instance_id_service_has_a_setting_of_its_own():
    assert instance_id_url(Fcm()) == "https://iid.googleapis.com/iid/v1"
    assert instance_id_url(Fcm(instance_id_url="https://h:8443/")) == "https://h:8443/iid/v1"


@pytest.mark.parametrize("url", ["http://iid.example", "https://", "iid.example"])
def test_an_instance_id_service_without_https_is_refused_by_its_setting(url):
    with pytest.raises(ValueError, match=r"fcm\.instance_id_url"):
        instance_id_url(Fcm(instance_id_url=url))


NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_a_service_account_may_be_stored_for_production(secret):
    check_secret(secret, Environment.PRODUCTION, now=NOW)


@pytest.mark.parametrize(
    ("changed", "environment", "field"),
    [
        ({}, Environment.SANDBOX, "environment"),
        ({"private_key_pem": "x"}, Environment.PRODUCTION, "private_key_pem"),
    ],
)
def test_a_service_account_that_cant_work_is_not_stored(secret, changed, environment, field):
    with pytest.raises(InvalidRequest, match=field):
        check_secret(replace(secret, **changed), environment, now=NOW)


def test_another_providers_key_is_no_service_account():
    with pytest.raises(InvalidRequest, match="provider"):
        check_secret(ApnsCredential("k", "t", "pem"), Environment.PRODUCTION, now=NOW)
