"""FCM's host, its documented limits, and what a service account must look like.

Source: docs/providers/fcm.md.
"""

from __future__ import annotations

import json
import re
from dataclasses import fields
from datetime import timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric import rsa

from heliograph.core.errors import InvalidRequest, Problem, ProblemKind
from heliograph.core.model.application import FcmCredential
from heliograph.core.model.registration import Environment
from heliograph.outbound.http2.sender import Origin
from heliograph.security.private_keys import read_private_key

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from heliograph.config import Fcm
    from heliograph.core.model.application import Secret

PAYLOAD_LIMIT_BYTES: Final = 4096
"""Title, body, and the keys and values of data. Source: Firebase, "FCM error codes"."""

TOPIC_PAYLOAD_LIMIT_BYTES: Final = 2048
"""The same of messages to topics and conditions. Source: Firebase, "FCM error codes"."""

MAX_TOPIC_CHARS: Final = 900
"""Source: Google, FCM v1 REST reference, `Message.topic`."""

MAX_CONDITION_TOPICS: Final = 5
"""Topics that one condition may name. Source: Firebase, "Send messages to topics"."""

MAX_LABEL_CHARS: Final = 50
"""Source: Google, FCM v1 REST reference, `FcmOptions.analyticsLabel`."""

LONGEST_TTL_S: Final = 2_419_200
"""Four weeks. Source: Google, FCM v1 REST reference, `AndroidConfig.ttl`."""

SCOPE: Final = "https://www.googleapis.com/auth/firebase.messaging"
"""Source: Google, FCM v1 REST reference, `projects.messages.send`."""

GRANT_TYPE: Final = "urn:ietf:params:oauth:grant-type:jwt-bearer"
"""Source: RFC 7523, section 2.1."""

ASSERTION_LIFETIME: Final = timedelta(hours=1)
"""The longest Google takes. Source: Google, "Using OAuth 2.0 for Server to Server Applications"."""

ACCESS_TOKEN_LIFETIME: Final = timedelta(hours=1)
"""Assumed where the token endpoint doesn't say. Source: as above."""

QUOTA_PAUSE: Final = timedelta(seconds=60)
"""After a 429 that doesn't say how long. Source: Firebase, "Scale FCM sends"."""

SERVER_ERROR_PAUSE: Final = timedelta(seconds=10)
"""After a 5xx that doesn't say how long. Source: Firebase, "Scale FCM sends"."""

CLOCK_TOLERANCE: Final = timedelta(minutes=2)
"""How far our clock may be from the token endpoint's before a refused grant is blamed on it."""

MAX_UNSPECIFIED_ATTEMPTS: Final = 3
"""Calls that may come to UNSPECIFIED_ERROR before the message is given up."""

_HTTPS_PORT: Final = 443
_SMALLEST_KEY_BITS: Final = 2048
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_is_project: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9.:_-]{0,99}").fullmatch
_is_account: Final = re.compile(r"[!-?A-~]+@[!-?A-~]+").fullmatch
_FILE_NAMES: Final = {"private_key_pem": "private_key"}
"""What a field of the credential is called in Google's key file, where that differs."""


def origin_of(settings: Fcm) -> Origin:
    """Say where FCM is; raises ValueError for a URL that can't be used."""
    parts = urlsplit(settings.url)
    if parts.scheme != "https" or not parts.hostname:
        raise ValueError("fcm.url must be an https:// URL")
    return Origin(parts.hostname, parts.port or _HTTPS_PORT)


def instance_id_url(settings: Fcm) -> str:
    """Say where the Instance ID service is; raises ValueError for a URL that can't be used."""
    parts = urlsplit(settings.instance_id_url)
    if parts.scheme != "https" or not parts.hostname:
        raise ValueError("fcm.instance_id_url must be an https:// URL")
    return f"https://{parts.netloc}/iid/v1"


def credential_from_service_account(json_text: str) -> FcmCredential:
    """Read a service account's key file as Google hands it out.

    Raises InvalidRequest naming every problem by the file's own field names.
    """
    try:
        read = json.loads(json_text)
    except (ValueError, RecursionError) as error:
        problem = Problem((), ProblemKind.NOT_JSON, "a service account key file")
        raise InvalidRequest([problem]) from error
    if not isinstance(read, dict):
        raise InvalidRequest([Problem((), ProblemKind.WRONG_TYPE, "an object")])
    problems = [*_shape_problems(read)]
    if problems:
        raise InvalidRequest(problems)
    names = {field.name: _FILE_NAMES.get(field.name, field.name) for field in fields(FcmCredential)}
    credential = FcmCredential(
        **{name: read[key] for name, key in names.items() if read.get(key) is not None}
    )
    problems = [
        Problem((names[problem.field],), problem.kind, problem.expected)
        for problem in _problems(credential)
    ]
    if problems:
        raise InvalidRequest(problems)
    return credential


def check_credential(credential: FcmCredential) -> None:
    """Refuse a service account that can't work; raises InvalidRequest naming every problem."""
    problems = [*_problems(credential)]
    if problems:
        raise InvalidRequest(problems)


def check_secret(secret: Secret, environment: Environment, *, now: datetime) -> None:
    """Refuse a credential that FCM could do nothing with; raises InvalidRequest."""
    del now
    if not isinstance(secret, FcmCredential):
        expected = "an FCM service account"
        raise InvalidRequest([Problem(("provider",), ProblemKind.NOT_ALLOWED, expected)])
    if environment is not Environment.PRODUCTION:
        expected = "production: FCM has no other"
        raise InvalidRequest([Problem(("environment",), ProblemKind.NOT_ALLOWED, expected)])
    check_credential(secret)


def _shape_problems(read: dict[str, Any]) -> Iterator[Problem]:
    if read.get("type") != "service_account":
        yield Problem(("type",), ProblemKind.NOT_ALLOWED, '"service_account"')
    for name in ("project_id", "client_email", "private_key_id", "private_key", "token_uri"):
        value = read.get(name)
        if value is None:
            if name != "token_uri":
                yield Problem((name,), ProblemKind.MISSING, "a string")
        elif not isinstance(value, str):
            yield Problem((name,), ProblemKind.WRONG_TYPE, "a string")


def _problems(credential: FcmCredential) -> Iterator[Problem]:
    if not _is_project(credential.project_id):
        yield Problem(("project_id",), ProblemKind.MALFORMED, "a project id or number")
    if not _is_account(credential.client_email):
        yield Problem(("client_email",), ProblemKind.MALFORMED, "an e-mail address")
    if not credential.private_key_id:
        yield Problem(("private_key_id",), ProblemKind.TOO_SHORT, "the key's id")
    if not _is_rsa_key(credential.private_key_pem):
        expected = f"an unencrypted RSA private key of {_SMALLEST_KEY_BITS} bits or more in PEM"
        yield Problem(("private_key_pem",), ProblemKind.MALFORMED, expected)
    if not _is_token_uri(credential.token_uri):
        yield Problem(("token_uri",), ProblemKind.MALFORMED, "an https:// URL")


# One upload asks three times, and to prove a key's primes holds the loop for 40 ms.
@lru_cache(maxsize=8)
def _is_rsa_key(pem: str) -> bool:
    key = read_private_key(pem)
    return isinstance(key, rsa.RSAPrivateKey) and key.key_size >= _SMALLEST_KEY_BITS


def _is_token_uri(uri: str) -> bool:
    """Say whether signed assertions may go there; plain HTTP is for this machine alone."""
    try:
        parts = urlsplit(uri)
        host = parts.hostname
        _ = parts.port
    except ValueError:
        return False
    is_safe = parts.scheme == "https" or (parts.scheme == "http" and host in _LOOPBACK)
    return is_safe and bool(host) and uri.isascii() and uri.isprintable() and " " not in uri
