"""Signed tokens for the fakes, made by another library than the one that checks them."""

from functools import cache

from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

from heliograph.simulators.fcm.oauth import GRANT_TYPE

SENDING_SCOPE = "https://www.googleapis.com/auth/firebase.messaging"


def provider_token(credential, now, *, key=None, header=(), claims=()):
    """An APNs provider token; a value of None in header or claims leaves the member out."""
    full_header = {"alg": "ES256", "kid": credential.key_id, **dict(header)}
    full_claims = {"iss": credential.team_id, "iat": int(now.timestamp()), **dict(claims)}
    signer = ECKey.import_key(key or credential.p8)
    return jwt.encode(_present(full_header), _present(full_claims), signer)


def assertion(credentials, now, *, key=None, header=(), claims=()):
    """A service account's assertion for the token endpoint."""
    account = credentials.fcm_account
    issued_at = int(now.timestamp())
    full_header = {"alg": "RS256", "kid": account.key_id, **dict(header)}
    full_claims = {
        "iss": account.client_email,
        "aud": "https://oauth2.googleapis.com/token",
        "scope": SENDING_SCOPE,
        "iat": issued_at,
        "exp": issued_at + 3600,
        **dict(claims),
    }
    signer = _rsa_key(key or credentials.fcm_private_key)
    return jwt.encode(_present(full_header), _present(full_claims), signer)


@cache
def _rsa_key(pem):
    """Read a key once: checking that its numbers are primes takes 30 ms."""
    return RSAKey.import_key(pem)


def grant_form(signed):
    return {"grant_type": GRANT_TYPE, "assertion": signed}


def _present(members):
    return {name: value for name, value in members.items() if value is not None}
