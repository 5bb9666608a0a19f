import base64
import json

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from heliograph.security.jwt import UnusableKey, sign_jwt


def pem_of(key):
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def decode(part):
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def taken_apart(token):
    signed, _, signature = token.rpartition(".")
    header, claims = (json.loads(decode(part)) for part in signed.split("."))
    return header, claims, signed.encode(), decode(signature)


def test_an_es256_token_says_what_it_was_told_and_is_signed():
    key = ec.generate_private_key(ec.SECP256R1())

    token = sign_jwt({"iss": "ü"}, algorithm="ES256", key_id="k", key_pem=pem_of(key))

    header, claims, signed, signature = taken_apart(token)
    assert (header, claims) == ({"alg": "ES256", "kid": "k"}, {"iss": "ü"})
    halves = (int.from_bytes(half, "big") for half in (signature[:32], signature[32:]))
    key.public_key().verify(encode_dss_signature(*halves), signed, ec.ECDSA(SHA256()))


def test_an_rs256_token_says_what_it_was_told_and_is_signed():
    key = rsa.generate_private_key(65537, 2048)

    token = sign_jwt({"iss": "i"}, algorithm="RS256", key_id="k", key_pem=pem_of(key))

    header, claims, signed, signature = taken_apart(token)
    assert (header, claims) == ({"alg": "RS256", "kid": "k"}, {"iss": "i"})
    key.public_key().verify(signature, signed, padding.PKCS1v15(), SHA256())


@pytest.mark.parametrize("algorithm", ["ES256", "RS256"])
@pytest.mark.parametrize("pem", ["", "no key", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END"])
def test_a_key_that_signs_nothing_is_said_without_quoting_it(algorithm, pem):
    with pytest.raises(UnusableKey) as caught:
        sign_jwt({}, algorithm=algorithm, key_id="k", key_pem=pem)

    assert caught.value.__cause__ is None
    assert "AAAA" not in str(caught.value)


def test_a_key_of_the_wrong_kind_is_unusable():
    rsa_pem = pem_of(rsa.generate_private_key(65537, 2048))

    with pytest.raises(UnusableKey):
        sign_jwt({}, algorithm="ES256", key_id="k", key_pem=rsa_pem)
