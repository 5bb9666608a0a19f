import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

from heliograph.simulators.certificates import private_pem
from heliograph.simulators.jws import (
    is_signed_es256,
    is_signed_rs256,
    take_apart,
    whole_seconds,
)


@pytest.fixture(scope="module")
def ec_key():
    return ec.generate_private_key(ec.SECP256R1())


@pytest.fixture(scope="module")
def rsa_key():
    return rsa.generate_private_key(65537, 2048)


def signed(key, algorithm):
    kind = ECKey if algorithm == "ES256" else RSAKey
    return jwt.encode({"alg": algorithm}, {"iss": "me"}, kind.import_key(private_pem(key))).encode()


def test_a_token_is_taken_apart(ec_key):
    jws = take_apart(signed(ec_key, "ES256"))

    assert jws.header["alg"] == "ES256"
    assert jws.claims == {"iss": "me"}


def test_another_librarys_signatures_are_right(ec_key, rsa_key):
    assert is_signed_es256(take_apart(signed(ec_key, "ES256")), ec_key.public_key())
    assert is_signed_rs256(take_apart(signed(rsa_key, "RS256")), rsa_key.public_key())


def test_another_keys_signature_is_wrong(ec_key, rsa_key):
    others = ec.generate_private_key(ec.SECP256R1()), rsa.generate_private_key(65537, 2048)

    assert not is_signed_es256(take_apart(signed(ec_key, "ES256")), others[0].public_key())
    assert not is_signed_rs256(take_apart(signed(rsa_key, "RS256")), others[1].public_key())


def test_the_named_algorithm_is_part_of_the_check(ec_key, rsa_key):
    assert not is_signed_es256(take_apart(signed(rsa_key, "RS256")), ec_key.public_key())
    assert not is_signed_rs256(take_apart(signed(ec_key, "ES256")), rsa_key.public_key())


def test_a_signature_of_another_length_is_wrong(ec_key):
    jws = take_apart(signed(ec_key, "ES256"))

    assert not is_signed_es256(jws._replace(signature=b"short"), ec_key.public_key())


@pytest.mark.parametrize(
    "token",
    [b"", b"a.b", b"a.b.c", b"!!.e30.e30", b"W10.e30.e30", b"e30.W10.e30", b"e30.e30.a"],
)
def test_what_is_no_token_is_none(token):
    assert take_apart(token) is None


@pytest.mark.parametrize(
    ("claim", "seconds"),
    [
        (5, 5),
        (5.9, 5),
        (True, None),
        ("5", None),
        (None, None),
        (float("inf"), None),
        (float("nan"), None),
    ],
)
def test_only_numbers_are_times(claim, seconds):
    assert whole_seconds(claim) == seconds
