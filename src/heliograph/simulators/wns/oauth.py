"""Both token endpoints of WNS, and the access tokens they gave out.

Source: docs/providers/wns.md, "Authentication"; RFC 6749, sections 4.4 and 5.
"""

import json
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import parse_qs

from heliograph.simulators.exchange import JSON_FIELD, Answer, Request

STORE_PATH: Final = "/accesstoken.srf"
ENTRA_SUFFIX: Final = "/oauth2/v2.0/token"
STORE_SCOPE: Final = "notify.windows.com"
ENTRA_SCOPES: Final = frozenset(
    {"https://wns.windows.com/.default", "https://wns.windows.com/.default/"}
)
STORE_LIFETIME: Final = timedelta(days=1)
ENTRA_LIFETIME: Final = timedelta(minutes=59, seconds=59)
_REMEMBERED: Final = 10_000


@dataclass(frozen=True, slots=True)
class WnsApp:
    """One app: its identity in the Store, and the one in Entra."""

    package_sid: str
    app_id: str
    tenant: str
    client_secret: str = field(repr=False)


class TokenEndpoints:
    """Trades an app's secret for access tokens."""

    def __init__(self, app: WnsApp) -> None:
        self._app = app
        self._issued: dict[bytes, datetime] = {}
        self.grants = 0
        """Tokens given out so far."""

    def is_endpoint(self, path: str) -> bool:
        """Say whether a path is one of the two."""
        return path == STORE_PATH or path.endswith(ENTRA_SUFFIX)

    def is_good(self, token: bytes, now: datetime) -> bool:
        """Say whether an access token is ours and still good."""
        expires_at = self._issued.get(token)
        return expires_at is not None and expires_at > now

    def grant(self, request: Request, path: str, *, now: datetime) -> Answer:
        """Answer one call of either endpoint."""
        if request.method != b"POST":
            return refusal("invalid_request", "The token endpoint takes POST.", status=405)
        form = parse_qs(request.body.decode("latin-1"), keep_blank_values=True)
        values = {name: found[0] for name, found in form.items() if len(found) == 1}
        if values.get("grant_type") != "client_credentials":
            return refusal("unsupported_grant_type", "Only client credentials are known.")
        is_store = path == STORE_PATH
        problem = self._problem_of(values, path, is_store=is_store)
        return problem or self._issue(STORE_LIFETIME if is_store else ENTRA_LIFETIME, now)

    def _problem_of(self, values: dict[str, str], path: str, *, is_store: bool) -> Answer | None:
        app = self._app
        if not is_store and path != f"/{app.tenant}{ENTRA_SUFFIX}":
            return refusal("invalid_request", "The tenant is not known.")
        if values.get("client_id") != (app.package_sid if is_store else app.app_id):
            return refusal("unauthorized_client", "The client is not known.", status=400)
        if values.get("client_secret") != app.client_secret:
            return refusal("invalid_client", "The client secret is wrong.", status=401)
        if values.get("scope") not in ({STORE_SCOPE} if is_store else ENTRA_SCOPES):
            return refusal("invalid_scope", "The scope is not known.")
        return None

    def _issue(self, lifetime: timedelta, now: datetime) -> Answer:
        if len(self._issued) >= _REMEMBERED:
            self._issued = {token: end for token, end in self._issued.items() if end > now}
        self.grants += 1
        spelled = "EgAdAQMAAAAE" + secrets.token_urlsafe(48)
        self._issued[spelled.encode()] = now + lifetime
        reply = {
            "access_token": spelled,
            "token_type": "bearer",
            "expires_in": int(lifetime.total_seconds()),
        }
        return Answer(200, (JSON_FIELD,), json.dumps(reply).encode())


def refusal(error: str, description: str, *, status: int = 400) -> Answer:
    """Build an OAuth error reply."""
    body = json.dumps({"error": error, "error_description": description}).encode()
    return Answer(status, (JSON_FIELD,), body)
