"""APNs' hosts, its documented limits, and what a signing key must look like.

Source: docs/providers/apns.md.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric import ec

from heliograph.core.errors import InvalidRequest, Problem, ProblemKind
from heliograph.core.model.registration import Environment
from heliograph.outbound.http2.sender import Origin
from heliograph.security.private_keys import read_private_key

if TYPE_CHECKING:
    from heliograph.config import Apns
    from heliograph.core.model.application import ApnsCredential

PAYLOAD_LIMIT_BYTES: Final = 4096
"""Source: Apple, "Generating a remote notification"."""

VOIP_PAYLOAD_LIMIT_BYTES: Final = 5120
"""Source: Apple, "Generating a remote notification"."""

BROADCAST_PAYLOAD_LIMIT_BYTES: Final = 5120
"""Source: Apple, "Sending broadcast push notification requests to APNs"."""

LARGEST_EXPIRATION_S: Final = 2**32
"""Unix seconds; anything later was meant as something else, such as milliseconds."""

COLLAPSE_ID_LIMIT_BYTES: Final = 64
"""Source: Apple, "Sending notification requests to APNs", `apns-collapse-id`."""

TOKEN_RENEWAL_AGE: Final = timedelta(minutes=45)
"""Apple refuses a provider token past 60 minutes and wants none before 20.

Source: Apple, "Establishing a token-based connection to APNs".
"""

TOKEN_UPDATE_INTERVAL: Final = timedelta(minutes=20)
"""No new provider token sooner. Source: as above."""

SERVER_ERROR_PAUSE: Final = timedelta(minutes=15)
"""The least to wait after a 5xx. Source: Apple, "Handling notification responses from APNs"."""

_HTTPS_PORT: Final = 443
_is_ten_characters: Final = re.compile(r"[A-Za-z0-9]{10}").fullmatch


def origin_of(settings: Apns, environment: Environment, *, is_broadcast: bool = False) -> Origin:
    """Say where pushes of an environment go; raises ValueError for a URL that can't be used.

    is_broadcast: those to channels, which may have a host of their own.
    """
    is_sandbox = environment is Environment.SANDBOX
    if is_broadcast:
        name = "broadcast_sandbox_url" if is_sandbox else "broadcast_production_url"
        url: str | None = getattr(settings, name)
        if url is not None:
            return _origin(name, url)
    name = "sandbox_url" if is_sandbox else "production_url"
    return _origin(name, getattr(settings, name))


def channels_origin_of(settings: Apns, environment: Environment) -> Origin:
    """Say where an environment's channels are managed; raises ValueError likewise."""
    is_sandbox = environment is Environment.SANDBOX
    name = "channels_sandbox_url" if is_sandbox else "channels_production_url"
    return _origin(name, getattr(settings, name))


def _origin(name: str, url: str) -> Origin:
    parts = urlsplit(url)
    if parts.scheme != "https" or not parts.hostname:
        raise ValueError(f"apns.{name} must be an https:// URL")
    return Origin(parts.hostname, parts.port or _HTTPS_PORT)


def check_credential(credential: ApnsCredential) -> None:
    """Refuse a signing key that can't work; raises InvalidRequest naming every problem."""
    problems = [
        Problem((name,), ProblemKind.MALFORMED, "10 letters and digits")
        for name, value in (("key_id", credential.key_id), ("team_id", credential.team_id))
        if not _is_ten_characters(value)
    ]
    if not _is_p256_key(credential.key_pem):
        expected = "an unencrypted P-256 private key in PEM"
        problems.append(Problem(("key_pem",), ProblemKind.MALFORMED, expected))
    if problems:
        raise InvalidRequest(problems)


def _is_p256_key(pem: str) -> bool:
    key = read_private_key(pem)
    return isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, ec.SECP256R1)
