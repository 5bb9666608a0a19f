from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from heliograph.config import Apns
from heliograph.core.errors import InvalidRequest, ProblemKind
from heliograph.core.model.registration import Environment
from heliograph.outbound.http2.sender import Origin
from heliograph.providers.apns.settings import channels_origin_of, check_credential, origin_of


def pem_of(key, encryption=None):
    chosen = encryption or NoEncryption()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, chosen).decode()


def test_each_environment_has_its_own_host():
    settings = Apns(sandbox_url="https://127.0.0.1:2197")

    assert origin_of(settings, Environment.PRODUCTION) == Origin("api.push.apple.com", 443)
    assert origin_of(settings, Environment.SANDBOX) == Origin("127.0.0.1", 2197)


def test_a_host_without_a_port_is_on_443():
    settings = Apns(production_url="https://push.example")

    assert origin_of(settings, Environment.PRODUCTION) == Origin("push.example", 443)


@pytest.mark.parametrize("url", ["http://push.example", "https://", "push.example", ""])
def test_a_url_that_is_no_https_is_refused_by_its_setting(url):
    with pytest.raises(ValueError, match=r"apns\.sandbox_url"):
        origin_of(Apns(sandbox_url=url), Environment.SANDBOX)


def test_a_good_credential_is_taken(secret):
    check_credential(secret)


def test_every_problem_of_a_credential_is_named(secret):
    with pytest.raises(InvalidRequest) as caught:
        check_credential(replace(secret, key_id="SHORT", team_id="TOO-LONG-AND-ODD", key_pem="x"))

    assert [problem.field for problem in caught.value.problems] == ["key_id", "team_id", "key_pem"]
    assert {problem.kind for problem in caught.value.problems} == {ProblemKind.MALFORMED}


@pytest.mark.parametrize(
    "pem",
    [
        pytest.param(pem_of(ec.generate_private_key(ec.SECP384R1())), id="another curve"),
        pytest.param(pem_of(rsa.generate_private_key(65537, 2048)), id="RSA"),
        pytest.param(
            pem_of(ec.generate_private_key(ec.SECP256R1()), BestAvailableEncryption(b"x")),
            id="encrypted",
        ),
        pytest.param("", id="empty"),
    ],
)
def test_only_an_open_p256_key_signs(secret, pem):
    with pytest.raises(InvalidRequest, match="key_pem"):
        check_credential(replace(secret, key_pem=pem))


def test_a_refusal_does_not_quote_the_key(secret):
    broken = secret.key_pem.replace("A", "B")

    with pytest.raises(InvalidRequest) as caught:
        check_credential(replace(secret, key_pem=broken))

    assert broken[40:60] not in repr(caught.value)


def test_pushes_to_channels_go_where_the_others_go_unless_said_otherwise():
    usual = Apns(production_url="https://push.example")
    apart = Apns(broadcast_production_url="https://broadcast.example:2197")
    production = Environment.PRODUCTION

    assert origin_of(usual, production, is_broadcast=True) == Origin("push.example", 443)
    assert origin_of(apart, production, is_broadcast=True) == Origin("broadcast.example", 2197)
    assert origin_of(apart, production) == Origin("api.push.apple.com", 443)


def test_a_wrong_url_of_channels_is_refused_by_its_setting():
    pushes = Apns(broadcast_sandbox_url="http://push.example")
    managed = Apns(channels_sandbox_url="http://push.example")

    with pytest.raises(ValueError, match=r"apns\.broadcast_sandbox_url"):
        origin_of(pushes, Environment.SANDBOX, is_broadcast=True)
    with pytest.raises(ValueError, match=r"apns\.channels_sandbox_url"):
        channels_origin_of(managed, Environment.SANDBOX)


def test_channels_are_managed_on_hosts_of_their_own():
    hosts = [channels_origin_of(Apns(), each) for each in Environment]

    assert hosts == [
        Origin("api-manage-broadcast.push.apple.com", 2196),
        Origin("api-manage-broadcast.sandbox.push.apple.com", 2195),
    ]
