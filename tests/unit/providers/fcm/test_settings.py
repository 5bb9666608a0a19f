import json
from dataclasses import replace

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
from heliograph.outbound.http2.sender import Origin
from heliograph.providers.fcm.settings import (
    check_credential,
    credential_from_service_account,
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
