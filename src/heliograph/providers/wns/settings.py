"""WNS' hosts, its documented limits, and what a credential and a channel URI must look like.

Source: docs/providers/wns.md.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from heliograph.core.errors import InvalidRequest, Problem, ProblemKind
from heliograph.core.model.application import WnsCredential
from heliograph.core.model.registration import Environment
from heliograph.outbound.guard import Guard, UrlRefused, UrlRule

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from heliograph.config import Wns
    from heliograph.core.model.application import Secret

PAYLOAD_LIMIT_BYTES: Final = 5000
"""Of every kind. Source: Microsoft, "Push notification service request and response headers"."""

CHANNEL_HOST: Final = "notify.windows.com"
"""Channels live there or below; a token sent elsewhere is a credential given away.

Source: Microsoft, "Windows Push Notification Services (WNS) overview".
"""

CHANNEL_RULE: Final = UrlRule(hosts=(CHANNEL_HOST, f"*.{CHANNEL_HOST}"))

STORE_SCOPE: Final = "notify.windows.com"
"""For an app of the Store. Source: as above."""

ENTRA_SCOPE: Final = "https://wns.windows.com/.default"
"""For an app of the Windows App SDK. Source: Microsoft, "Quickstart: Push notifications"."""

STORE_TOKEN_LIFETIME: Final = timedelta(days=1)
ENTRA_TOKEN_LIFETIME: Final = timedelta(hours=1)

CHANNEL_PAUSE: Final = timedelta(minutes=10)
"""After a 200 that says the channel is throttled, without saying how long."""

APP_PAUSE: Final = timedelta(minutes=15)
"""After a 406 that doesn't say how long."""

UNREACHABLE_PAUSE: Final = timedelta(hours=1)
"""After a 412: the device can't be reached now. Source: as rpush does."""

SERVER_ERROR_PAUSE: Final = timedelta(seconds=10)
"""After a 429 or 5xx that doesn't say how long."""

MAX_TAG_CHARS: Final = 16
"""Of X-WNS-Tag and X-WNS-Group, letters and digits."""

LONGEST_SECRET_CHARS: Final = 1024

_is_package_sid: Final = re.compile(r"ms-app://[sS](?:-[0-9]{1,10}){3,15}").fullmatch
_is_app_id: Final = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}").fullmatch
_is_tenant: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?").fullmatch
_is_secret: Final = re.compile(rf"[ -~]{{1,{LONGEST_SECRET_CHARS}}}").fullmatch
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})


def store_token_url(settings: Wns) -> str:
    """Say where apps of the Store get tokens; raises ValueError for a URL that can't be used."""
    return _checked(settings.store_token_url, "wns.store_token_url")


def entra_token_url(settings: Wns, tenant: str) -> str:
    """Say where a tenant's apps get tokens; raises ValueError for a URL that can't be used."""
    base = _checked(settings.entra_url, "wns.entra_url").rstrip("/")
    return f"{base}/{tenant}/oauth2/v2.0/token"


def check_channel(uri: str, guard: Guard) -> str:
    """Let a channel URI pass; answers it as it is to be used. Raises UrlRefused.

    It is opaque: nothing of its path and query is touched.
    """
    return guard.check_url(uri, CHANNEL_RULE).url


class ChannelCheck:
    """Says whether a registration's token can be a channel."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard

    def __call__(self, token: str, attributes: Mapping[str, Any]) -> Sequence[Problem]:
        """Name what is wrong with a registration's channel."""
        del attributes
        try:
            check_channel(token, self._guard)
        except UrlRefused as error:
            expected = f"a channel URI, https at {CHANNEL_HOST} or below: {error.expected}"
            return (Problem(("token",), ProblemKind.MALFORMED, expected),)
        return ()


def check_secret(secret: Secret, environment: Environment, *, now: datetime) -> None:
    """Refuse a credential that WNS could do nothing with; raises InvalidRequest."""
    del now
    if not isinstance(secret, WnsCredential):
        expected = "a WNS credential"
        raise InvalidRequest([Problem(("provider",), ProblemKind.NOT_ALLOWED, expected)])
    if environment is not Environment.PRODUCTION:
        expected = "production: WNS has no other"
        raise InvalidRequest([Problem(("environment",), ProblemKind.NOT_ALLOWED, expected)])
    problems = [*_problems(secret)]
    if problems:
        raise InvalidRequest(problems)


def _problems(credential: WnsCredential) -> Iterator[Problem]:
    if credential.tenant is None:
        if not _is_package_sid(credential.client_id):
            expected = "a package SID such as ms-app://s-1-15-2-…, or an app id with its tenant"
            yield Problem(("client_id",), ProblemKind.MALFORMED, expected)
    else:
        if not _is_app_id(credential.client_id):
            yield Problem(("client_id",), ProblemKind.MALFORMED, "the app's id in Entra, a UUID")
        if not _is_tenant(credential.tenant):
            yield Problem(("tenant",), ProblemKind.MALFORMED, "a tenant's id or domain")
    if not _is_secret(credential.client_secret):
        expected = f"1 to {LONGEST_SECRET_CHARS} printable ASCII characters"
        yield Problem(("client_secret",), ProblemKind.MALFORMED, expected)


def _checked(url: str, name: str) -> str:
    parts = urlsplit(url)
    is_safe = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)
    if not is_safe or not parts.hostname:
        raise ValueError(f"{name} must be an https:// URL")
    return url
