import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from heliograph.security.private_keys import read_private_key

KEY = ec.generate_private_key(ec.SECP256R1())


def pem_of(encryption):
    return KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption).decode()


def test_a_plain_key_is_read():
    read = read_private_key(pem_of(NoEncryption()))

    assert read.private_numbers() == KEY.private_numbers()


@pytest.mark.parametrize(
    "pem",
    [
        pytest.param(pem_of(BestAvailableEncryption(b"x")), id="encrypted"),
        pytest.param("", id="empty"),
        pytest.param("no key", id="no PEM"),
        pytest.param("\ud800", id="no text"),
        pytest.param("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----", id="no DER"),
    ],
)
def test_anything_else_is_no_key(pem):
    assert read_private_key(pem) is None
