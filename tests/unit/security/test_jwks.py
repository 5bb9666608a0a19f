from __future__ import annotations

import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from joserfc import jws
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

from heliograph.core.errors import InvalidRequest, Unavailable
from heliograph.core.model.issuer import KeyAlgorithm, TrustedKey
from heliograph.core.stores.issuers import TokenFault, TokenRefused
from heliograph.security.jwks import MAX_KEYS, MAX_TOKEN_CHARS, JwtReader

RSA = rsa.generate_private_key(65537, 2048)
P256 = ec.generate_private_key(ec.SECP256R1())
P384 = ec.generate_private_key(ec.SECP384R1())
READER = JwtReader()

SIGNERS: dict[KeyAlgorithm, Any] = {
    KeyAlgorithm.RS256: RSAKey.import_key(RSA),
    KeyAlgorithm.PS256: RSAKey.import_key(RSA),
    KeyAlgorithm.ES256: ECKey.import_key(P256),
    KeyAlgorithm.ES384: ECKey.import_key(P384),
}
PRIVATE = {
    KeyAlgorithm.RS256: RSA,
    KeyAlgorithm.PS256: RSA,
    KeyAlgorithm.ES256: P256,
    KeyAlgorithm.ES384: P384,
}


def pem(key: Any) -> str:
    public = key.public_key()
    return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def trusted(algorithm: KeyAlgorithm) -> TrustedKey:
    return READER.check_key("k", algorithm, pem(PRIVATE[algorithm]))


def token(algorithm: str, key: Any, header: dict[str, Any] | None = None) -> str:
    full = {"alg": algorithm, "kid": "k"} | (header or {})
    return jws.serialize_compact(full, json.dumps({"sub": "ann"}), key, algorithms=[algorithm])


def jwk(algorithm: KeyAlgorithm, **fields: Any) -> dict[str, Any]:
    return {**SIGNERS[algorithm].as_dict(private=False), "kid": "k", **fields}


def key_set(*entries: Any) -> bytes:
    return json.dumps({"keys": entries}).encode()


@pytest.mark.parametrize("algorithm", KeyAlgorithm)
def test_a_token_passes_by_the_algorithm_of_its_key(algorithm: KeyAlgorithm) -> None:
    text = token(algorithm, SIGNERS[algorithm])

    READER.verify(text, trusted(algorithm))
    read = READER.read(text)

    assert (read.algorithm, read.key_id, read.claims) == (algorithm, "k", {"sub": "ann"})


@pytest.mark.parametrize("used", KeyAlgorithm)
@pytest.mark.parametrize("pinned", KeyAlgorithm)
def test_no_other_algorithm_passes(used: KeyAlgorithm, pinned: KeyAlgorithm) -> None:
    if used is pinned:
        return
    with pytest.raises(TokenRefused) as refused:
        READER.verify(token(used, SIGNERS[used]), trusted(pinned))

    assert refused.value.fault is TokenFault.SIGNATURE


def test_a_public_key_is_no_shared_secret() -> None:
    secret = OctKey.import_key(b"k" * 64)
    forged = token("HS256", secret)

    with pytest.raises(TokenRefused):
        READER.verify(forged, trusted(KeyAlgorithm.RS256))


def test_a_signature_that_was_tampered_with_does_not_pass() -> None:
    head, _, signature = token("ES256", SIGNERS[KeyAlgorithm.ES256]).split(".")

    with pytest.raises(TokenRefused):
        READER.verify(f"{head}.eyJzdWIiOiJib2IifQ.{signature}", trusted(KeyAlgorithm.ES256))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a.b",
        "a.b.c.d",
        "!.e30.",
        "e30.e30.",
        "W10.e30.",
        "eyJhbGciOiJSUzI1NiJ9.W10.",
        "eyJhbGciOiJSUzI1NiJ9.bm8.",
        "eyJhbGciOjF9.e30.",
        "eyJhbGciOiJSUzI1NiIsImNyaXQiOlsieCJdfQ.e30.",
        "eyJhbGciOiJSUzI1NiIsImtpZCI6MX0.e30.",
        f"{'e' * MAX_TOKEN_CHARS}.e30.",
        "\u00e9.e30.",
    ],
)
def test_what_is_no_token_is_refused(text: str) -> None:
    with pytest.raises(TokenRefused):
        READER.read(text)


def test_a_key_set_is_read_with_the_usual_algorithm_of_each_kind() -> None:
    usual = [each for each in KeyAlgorithm if each is not KeyAlgorithm.PS256]

    keys = READER.keys_of(key_set(*map(jwk, usual)))

    assert [key.algorithm for key in keys] == usual
    assert [key.public_key for key in keys] == [pem(PRIVATE[each]) for each in usual]


def test_a_key_that_names_its_algorithm_is_for_that() -> None:
    (key,) = READER.keys_of(key_set(jwk(KeyAlgorithm.RS256, alg="PS256", use="sig")))

    assert key.algorithm is KeyAlgorithm.PS256


def test_the_private_half_of_a_key_that_was_published_is_left_alone() -> None:
    published = {**SIGNERS[KeyAlgorithm.ES256].as_dict(private=True), "kid": "k"}

    (key,) = READER.keys_of(key_set(published))

    assert "PRIVATE" not in key.public_key


@pytest.mark.parametrize(
    "entry",
    [
        1,
        {},
        {"kty": []},
        {"kty": "oct", "k": "c2VjcmV0", "kid": "k"},
        {"kty": "RSA", "kid": "k"},
        {"kty": "RSA", "n": 1, "e": "AQAB"},
        {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"},
        jwk(KeyAlgorithm.RS256, use="enc"),
        jwk(KeyAlgorithm.RS256, alg="ES256"),
        jwk(KeyAlgorithm.RS256, alg="HS256"),
        jwk(KeyAlgorithm.RS256, alg="none"),
        jwk(KeyAlgorithm.RS256, alg=[]),
        jwk(KeyAlgorithm.RS256, kid=7),
        jwk(KeyAlgorithm.RS256, kid="k" * 257),
        {"kty": "RSA", "n": "w" * 171, "e": "AQAB", "kid": "1024 bits"},
        {"kty": "RSA", "n": "\u00e9", "e": "AQAB"},
        {**ECKey.import_key(ec.generate_private_key(ec.SECP521R1())).as_dict(private=False)},
        {**OKPKey.import_key(ed25519.Ed25519PrivateKey.generate()).as_dict(private=False)},
    ],
)
def test_what_is_no_key_of_ours_is_left_out(entry: Any) -> None:
    keys = READER.keys_of(key_set(entry, jwk(KeyAlgorithm.ES256)))

    assert [key.algorithm for key in keys] == [KeyAlgorithm.ES256]


@pytest.mark.parametrize("document", [b"", b"[]", b"{}", b'{"keys": {}}', b"[" * 100_000, b"\xff"])
def test_what_is_no_key_set_counts_as_no_answer(document: bytes) -> None:
    with pytest.raises(Unavailable):
        READER.keys_of(document)


def test_of_a_key_set_without_end_the_beginning_is_read() -> None:
    entries = [jwk(KeyAlgorithm.ES256)] * (MAX_KEYS + 1)

    assert len(READER.keys_of(key_set(*entries))) == MAX_KEYS


@pytest.mark.parametrize(
    ("algorithm", "text", "field"),
    [
        (KeyAlgorithm.RS256, "", "public_key"),
        (KeyAlgorithm.RS256, pem(RSA).replace("M", "A"), "public_key"),
        (KeyAlgorithm.RS256, pem(rsa.generate_private_key(65537, 1024)), "public_key"),
        (KeyAlgorithm.ES256, pem(ec.generate_private_key(ec.SECP521R1())), "public_key"),
        (KeyAlgorithm.ES256, pem(RSA), "algorithm"),
        (KeyAlgorithm.ES256, pem(P384), "algorithm"),
    ],
    ids=["nothing", "no key", "a short key", "another curve", "another kind", "another length"],
)
def test_a_key_that_can_sign_nothing_here_is_refused(
    algorithm: KeyAlgorithm, text: str, field: str
) -> None:
    with pytest.raises(InvalidRequest) as refused:
        READER.check_key("k", algorithm, text)

    assert [problem.field for problem in refused.value.problems] == [field]
