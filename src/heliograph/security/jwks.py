"""JSON Web Tokens that others signed, and the public keys that prove it.

A key is for one algorithm, and that algorithm is all that is tried: the
header of a token says what its sender did, and chooses nothing. So neither
`none` nor HS256 with a public key for its secret is ever a question.

Source: RFC 7515; RFC 7517; RFC 8725 sections 3.1 to 3.5; docs/decisions/0025-issuers.md.
"""

from __future__ import annotations

import base64
import binascii
import json
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    SECP384R1,
    EllipticCurvePublicKey,
)
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_public_key,
)
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey

from heliograph.core.errors import InvalidRequest, Problem, ProblemKind, Unavailable
from heliograph.core.model.issuer import KeyAlgorithm, TrustedKey
from heliograph.core.stores.issuers import TokenFault, TokenRefused, Unverified

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_TOKEN_CHARS: Final = 8192
MAX_KEYS: Final = 100
"""Of one JWK Set: issuers have two or three, and one that has more is not searched for long."""

MIN_RSA_BITS: Final = 2048
"""Source: RFC 7518 section 3.3."""

_MAX_RSA_BITS: Final = 8192
_MAX_KEY_ID_CHARS: Final = 256
_PARTS: Final = 3

_JoseKey = RSAKey | ECKey

_KEY_TYPES: Final[dict[KeyAlgorithm, type[_JoseKey]]] = {
    KeyAlgorithm.RS256: RSAKey,
    KeyAlgorithm.PS256: RSAKey,
    KeyAlgorithm.ES256: ECKey,
    KeyAlgorithm.ES384: ECKey,
}
_JWK_TYPES: Final[dict[object, type[_JoseKey]]] = {"RSA": RSAKey, "EC": ECKey}


class JwtReader:
    """Satisfies `core.issuer_store.TokenReader`."""

    def read(self, text: str) -> Unverified:
        """Take a token apart; raises TokenRefused for what is none."""
        parts = text.split(".") if len(text) <= MAX_TOKEN_CHARS else []
        if len(parts) != _PARTS:
            raise TokenRefused(TokenFault.MALFORMED)
        header, claims = _object(parts[0]), _object(parts[1])
        algorithm, key_id = header.get("alg"), header.get("kid")
        # `crit` names extensions that a reader must understand, and we know none.
        if not isinstance(algorithm, str) or "crit" in header:
            raise TokenRefused(TokenFault.MALFORMED)
        if not isinstance(key_id, str | None):
            raise TokenRefused(TokenFault.KEY)
        return Unverified(algorithm, key_id, claims)

    def verify(self, text: str, key: TrustedKey) -> None:
        """Let a token pass that a key signed, by the key's own algorithm; raises TokenRefused."""
        try:
            jws.deserialize_compact(text, _imported(key), algorithms=[key.algorithm.value])
        except (JoseError, ValueError, TypeError) as error:
            raise TokenRefused(TokenFault.SIGNATURE) from error

    def check_key(self, key_id: str, algorithm: KeyAlgorithm, public_key: str) -> TrustedKey:
        """Read a public key as PEM; raises InvalidRequest at `public_key` or `algorithm`."""
        try:
            found = load_pem_public_key(public_key.encode())
        except (ValueError, UnsupportedAlgorithm):
            expected = "a public key in PEM"
            raise _problem("public_key", ProblemKind.MALFORMED, expected) from None
        fitting = _algorithms_of(found)
        if not fitting:
            expected = f"RSA of {MIN_RSA_BITS} to {_MAX_RSA_BITS} bits, P-256 or P-384"
            raise _problem("public_key", ProblemKind.NOT_ALLOWED, expected)
        if algorithm not in fitting:
            expected = f"{' or '.join(fitting)}, for such a key"
            raise _problem("algorithm", ProblemKind.NOT_ALLOWED, expected)
        return TrustedKey(key_id, algorithm, _pem_of(found))

    def keys_of(self, document: bytes) -> Sequence[TrustedKey]:
        """Read a JWK Set; what is no signing key of ours is left out. Raises Unavailable."""
        try:
            entries = json.loads(document)["keys"]
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise Unavailable("issuer's keys") from error
        if not isinstance(entries, list):
            raise Unavailable("issuer's keys")
        found = map(_key_of, entries[:MAX_KEYS])
        return [key for key in found if key is not None]


def _object(part: str) -> dict[str, Any]:
    try:
        raw = base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)
        value = json.loads(raw)
    except (ValueError, binascii.Error, RecursionError) as error:
        raise TokenRefused(TokenFault.MALFORMED) from error
    if not isinstance(value, dict):
        raise TokenRefused(TokenFault.MALFORMED)
    return value


@lru_cache(maxsize=256)
def _imported(key: TrustedKey) -> _JoseKey:
    return _KEY_TYPES[key.algorithm].import_key(key.public_key)


def _algorithms_of(key: object) -> tuple[KeyAlgorithm, ...]:
    """Say what a key may sign with, the usual one first; nothing for one that we take not."""
    match key:
        case RSAPublicKey(key_size=bits) if MIN_RSA_BITS <= bits <= _MAX_RSA_BITS:
            return (KeyAlgorithm.RS256, KeyAlgorithm.PS256)
        case EllipticCurvePublicKey(curve=SECP256R1()):
            return (KeyAlgorithm.ES256,)
        case EllipticCurvePublicKey(curve=SECP384R1()):
            return (KeyAlgorithm.ES384,)
        case _:
            return ()


def _key_of(entry: object) -> TrustedKey | None:
    """Read one JWK; None for a secret, a key for encryption, or a kind that we know not."""
    if not isinstance(entry, dict) or entry.get("use", "sig") != "sig":
        return None
    key_type, key_id = _JWK_TYPES.get(_text(entry.get("kty"))), entry.get("kid", "")
    if key_type is None or not isinstance(key_id, str) or len(key_id) > _MAX_KEY_ID_CHARS:
        return None
    if key_type is RSAKey and not _has_enough_bits(_text(entry.get("n"))):
        return None
    try:
        # Without its private half, should an issuer ever publish one.
        public = key_type.import_key(_public_half(entry)).public_key
        fitting = _algorithms_of(public)
        asked = KeyAlgorithm(entry["alg"]) if "alg" in entry else next(iter(fitting))
        pem = _pem_of(public)
    except (JoseError, ValueError, TypeError, KeyError, StopIteration, UnsupportedAlgorithm):
        return None
    return TrustedKey(key_id, asked, pem) if asked in fitting else None


def _has_enough_bits(modulus: str) -> bool:
    # Asked before the library is, which would do no more than warn.
    try:
        raw = base64.urlsafe_b64decode(modulus + "=" * (-len(modulus) % 4))
    except ValueError:
        return False
    return int.from_bytes(raw, "big").bit_length() >= MIN_RSA_BITS


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _public_half(entry: dict[str, Any]) -> dict[str, str | list[str]]:
    return {name: entry[name] for name in ("kty", "n", "e", "crv", "x", "y") if name in entry}


def _pem_of(key: Any) -> str:
    pem: bytes = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return pem.decode()


def _problem(field: str, kind: ProblemKind, expected: str) -> InvalidRequest:
    return InvalidRequest([Problem((field,), kind, expected)])
