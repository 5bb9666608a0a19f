"""The OAuth token endpoint for service accounts, and the access tokens it gave out.

`aud` is only required to be there: Google's own library puts Google's URL into it wherever
the key file's `token_uri` points.

Source: docs/providers/fcm.md, "OAuth"; RFC 7523, section 3; RFC 6749, section 5.
"""

import json
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import format_datetime
from typing import Final, NamedTuple
from urllib.parse import parse_qs

from cryptography.hazmat.primitives.asymmetric import rsa

from heliograph.simulators.exchange import JSON_FIELD, Answer, Request
from heliograph.simulators.jws import Jws, is_signed_rs256, take_apart, whole_seconds

GRANT_TYPE: Final = "urn:ietf:params:oauth:grant-type:jwt-bearer"
SENDING_SCOPES: Final = frozenset(
    {
        "https://www.googleapis.com/auth/firebase.messaging",
        "https://www.googleapis.com/auth/cloud-platform",
    }
)
TOKEN_LIFETIME: Final = timedelta(seconds=3599)
_LONGEST_ASSERTION_S: Final = 3600
_CLOCK_SKEW_S: Final = 300
_REMEMBERED: Final = 10_000


@dataclass(frozen=True, slots=True)
class ServiceAccount:
    """A service account that may send for one project."""

    client_email: str
    project_id: str
    key_id: str
    public_key: rsa.RSAPublicKey


class AccessToken(NamedTuple):
    """What a bearer may do, and until when."""

    project_id: str
    scopes: frozenset[str]
    expires_at: datetime


class TokenEndpoint:
    """Trades assertions for access tokens."""

    def __init__(self, accounts: list[ServiceAccount]) -> None:
        self._accounts = {account.client_email: account for account in accounts}
        self._issued: dict[bytes, AccessToken] = {}

    def find(self, access_token: bytes) -> AccessToken | None:
        """Return what an access token allows, expired or not; None if it is not ours."""
        return self._issued.get(access_token)

    def grant(self, request: Request, *, now: datetime) -> Answer:
        """Answer one call of the token endpoint."""
        answer = self._judge(request, now)
        # By its date a caller can tell that its own clock is wrong.
        date = format_datetime(now, usegmt=True).encode()
        return answer._replace(fields=(*answer.fields, (b"date", date)))

    def _judge(self, request: Request, now: datetime) -> Answer:
        jws = _read_assertion(request)
        if isinstance(jws, Answer):
            return jws
        account = self._accounts.get(str(jws.claims.get("iss")))
        if account is None:
            return refusal("invalid_grant", "Invalid grant: account not found")
        problem = _problem_of(jws, account, now=now)
        if problem is not None:
            return refusal("invalid_grant", problem)
        scopes = frozenset(str(jws.claims.get("scope") or "").split())
        if not scopes:
            return refusal("invalid_scope", "The assertion asks for no scope.")
        return self._issue(AccessToken(account.project_id, scopes, now + TOKEN_LIFETIME), now)

    def _issue(self, token: AccessToken, now: datetime) -> Answer:
        if len(self._issued) >= _REMEMBERED:
            living = {key: held for key, held in self._issued.items() if held.expires_at > now}
            self._issued = living if len(living) < _REMEMBERED else {}
        spelled = "ya29.c." + secrets.token_urlsafe(48)
        self._issued[spelled.encode()] = token
        reply = {
            "access_token": spelled,
            "expires_in": int(TOKEN_LIFETIME.total_seconds()),
            "token_type": "Bearer",
        }
        return Answer(
            200, (JSON_FIELD, (b"cache-control", b"no-store")), json.dumps(reply).encode()
        )


def refusal(error: str, description: str, *, status: int = 400, delay_ms: int = 0) -> Answer:
    """Build an OAuth error reply."""
    body = json.dumps({"error": error, "error_description": description}).encode()
    return Answer(status, (JSON_FIELD,), body, delay_ms)


def _read_assertion(request: Request) -> Jws | Answer:
    if request.method != b"POST":
        return refusal("invalid_request", "The token endpoint takes POST.", status=405)
    form = parse_qs(request.body.decode("latin-1"), keep_blank_values=True)
    if form.get("grant_type") != [GRANT_TYPE]:
        return refusal("unsupported_grant_type", "Only the JWT bearer grant is known.")
    assertions = form.get("assertion", [])
    if len(assertions) != 1:
        return refusal("invalid_request", "Missing required parameter: assertion")
    jws = take_apart(assertions[0].encode("latin-1", "replace"))
    return jws or refusal("invalid_grant", "Invalid JWT: it can't be read.")


def _problem_of(jws: Jws, account: ServiceAccount, *, now: datetime) -> str | None:
    key_id = jws.header.get("kid")
    if key_id not in (None, account.key_id) or not is_signed_rs256(jws, account.public_key):
        return "Invalid JWT Signature."
    issued_at = whole_seconds(jws.claims.get("iat"))
    expires_at = whole_seconds(jws.claims.get("exp"))
    if issued_at is None or expires_at is None:
        return "Invalid JWT: iat and exp must be seconds since 1970."
    if expires_at > issued_at + _LONGEST_ASSERTION_S:
        return "Invalid JWT: it must be short-lived (60 minutes)."
    now_s = now.timestamp()
    if expires_at < now_s - _CLOCK_SKEW_S or issued_at > now_s + _CLOCK_SKEW_S:
        return "Invalid JWT: check its iat and exp and the clock of its maker."
    audience = jws.claims.get("aud")
    if not isinstance(audience, str) or not audience:
        return "Invalid JWT: aud is missing."
    return None
