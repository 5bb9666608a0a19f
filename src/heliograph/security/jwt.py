"""JSON Web Tokens that we sign with an operator's keys.

Source: RFC 7515, section 3.1; RFC 7519.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Literal

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey

if TYPE_CHECKING:
    from collections.abc import Mapping

_KEY_TYPES: dict[str, type[ECKey | RSAKey]] = {"ES256": ECKey, "RS256": RSAKey}


class UnusableKey(Exception):
    """The key signs nothing."""


def sign_jwt(
    claims: Mapping[str, Any],
    *,
    algorithm: Literal["ES256", "RS256"],
    key_id: str | None,
    key_pem: str,
) -> str:
    """Sign claims; the header says `alg` and `kid` and nothing else. Raises UnusableKey.

    key_id: None where the key is told elsewhere; then the header says `typ` in its place.
    key_pem: unencrypted, and checked where it was entered (`read_private_key`).
    """
    header = {"alg": algorithm, **({"kid": key_id} if key_id else {"typ": "JWT"})}
    payload = json.dumps(claims, separators=(",", ":"))
    try:
        # To prove its primes again would hold the loop for 40 ms at every signature.
        raw = load_pem_private_key(key_pem.encode(), None, unsafe_skip_rsa_key_validation=True)
        key = _KEY_TYPES[algorithm].import_key(raw)  # type: ignore[arg-type] # else a TypeError
        return jws.serialize_compact(header, payload, key, algorithms=[algorithm])
    except (JoseError, UnsupportedAlgorithm, ValueError, TypeError) as error:
        # Without `from`: the cause may quote the key.
        raise UnusableKey(type(error).__name__) from None
