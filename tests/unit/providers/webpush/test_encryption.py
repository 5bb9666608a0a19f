from __future__ import annotations

import http_ece
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from heliograph.providers.webpush.base64url import decoded, encoded
from heliograph.providers.webpush.encryption import (
    LONGEST_PLAINTEXT_BYTES,
    OVERHEAD_BYTES,
    RECORD_BYTES,
    Receiver,
    encrypt,
    is_on_curve,
    padded,
    read_auth,
    read_point,
)
from heliograph.simulators.webpush.browser import Subscription, UnreadableMessage

CURVE = ec.SECP256R1()
BROWSER = Subscription.make("https://push.example.net/1", None)
RECEIVER = Receiver(BROWSER.public, BROWSER.auth)


def scalar(text: str) -> ec.EllipticCurvePrivateKey:
    return ec.derive_private_key(int.from_bytes(decoded(text) or b"", "big"), CURVE)


def with_delimiter(plaintext: bytes) -> bytes:
    return padded(plaintext, multiple_bytes=1, limit_bytes=LONGEST_PLAINTEXT_BYTES)


def test_the_example_of_the_rfc_comes_out_byte_for_byte() -> None:
    # RFC 8291, section 5 and appendix A.
    sender = scalar("yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw")
    point = read_point(
        "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"
    )
    auth = read_auth("BTBZMqHH6r4Tts7J_aSIgg")
    assert point is not None
    assert auth is not None

    body = encrypt(
        with_delimiter(b"When I grow up, I want to be a watermelon"),
        Receiver(point, auth),
        key=sender,
        salt=decoded("DGv6ra1nlYgDCS1FRnbzlw"),
    )

    assert encoded(body) == (
        "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27ml"
        "mlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPT"
        "pK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
    )


@given(st.binary(max_size=LONGEST_PLAINTEXT_BYTES), st.integers(1, 1024))
def test_whatever_is_encrypted_the_browser_reads(plaintext: bytes, multiple: int) -> None:
    record = padded(plaintext, multiple_bytes=multiple, limit_bytes=LONGEST_PLAINTEXT_BYTES)

    body = encrypt(record, RECEIVER)

    assert BROWSER.read(body) == plaintext
    assert len(body) <= RECORD_BYTES


@pytest.mark.parametrize("size", [0, 1, 3992, 3993])
def test_another_implementation_reads_ours(size: int) -> None:
    plaintext = b"x" * size

    body = encrypt(with_delimiter(plaintext), RECEIVER)

    read = http_ece.decrypt(
        body, private_key=BROWSER.key, auth_secret=BROWSER.auth, version="aes128gcm"
    )
    assert read == plaintext
    assert len(body) == size + OVERHEAD_BYTES


@pytest.mark.parametrize("size", [1, 3993])
def test_the_fakes_browser_reads_another_implementation(size: int) -> None:
    key = ec.generate_private_key(CURVE)

    body = http_ece.encrypt(
        b"y" * size,
        private_key=key,
        dh=BROWSER.public,
        auth_secret=BROWSER.auth,
        version="aes128gcm",
    )

    assert BROWSER.read(body) == b"y" * size


def test_no_two_messages_are_alike() -> None:
    bodies = {encrypt(b"same\2", RECEIVER) for _ in range(50)}

    assert len({body[:16] for body in bodies}) == 50
    assert len({body[21:86] for body in bodies}) == 50


def test_a_message_for_somebody_else_is_unreadable() -> None:
    other = Subscription.make("https://push.example.net/2", None)

    with pytest.raises(UnreadableMessage):
        other.read(encrypt(b"x\2", RECEIVER))


@pytest.mark.parametrize(
    ("size", "multiple", "limit", "length"),
    [(0, 128, 3000, 0), (1, 128, 3000, 128), (128, 128, 3000, 128), (129, 128, 3000, 256),
     (2990, 128, 3000, 3000), (3000, 128, 3000, 3000), (7, 1, 3000, 7)],
)  # fmt: skip
def test_lengths_are_rounded_up_within_the_limit(
    size: int, multiple: int, limit: int, length: int
) -> None:
    record = padded(b"x" * size, multiple_bytes=multiple, limit_bytes=limit)

    assert record == b"x" * size + b"\2" + b"\0" * (length - size)


def test_a_point_off_the_curve_is_no_key() -> None:
    point = b"\4" + b"\1" * 64

    assert read_point(encoded(point)) == point
    assert not is_on_curve(point)
    with pytest.raises(ValueError, match="key"):
        encrypt(b"\2", Receiver(point, bytes(16)))


@pytest.mark.parametrize("spelling", [encoded, lambda raw: encoded(raw) + "="])
def test_keys_may_be_padded_or_not(spelling) -> None:
    point = BROWSER.key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)

    assert read_point(spelling(point)) == point


@pytest.mark.parametrize("text", ["", "A", "A" * 86, "Ü" * 87, "A" * 88 + "\n", "C" + "A" * 86])
def test_what_is_no_uncompressed_point_is_none(text: str) -> None:
    assert read_point(text) is None


@pytest.mark.parametrize("size", [0, 15, 17])
def test_a_secret_has_sixteen_bytes(size: int) -> None:
    assert read_auth(encoded(bytes(size))) is None
    assert read_auth(encoded(bytes(16))) == bytes(16)


def test_a_receiver_keeps_its_secret_to_itself() -> None:
    assert repr(RECEIVER) == "Receiver(…)"


@given(st.binary(max_size=100))
def test_base64_comes_back(raw: bytes) -> None:
    text = encoded(raw)

    assert decoded(text) == raw
    assert decoded(text.replace("-", "+").replace("_", "/") + "=" * (-len(text) % 4)) == raw
