"""What the replies of FCM and of its token endpoint mean.

Source: docs/providers/fcm.md, "Replies".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from heliograph.core.model.outcome import (
    Accepted,
    Deferred,
    Misconfigured,
    RefreshCredential,
    Rejected,
    TokenGone,
)
from heliograph.outbound.json_object import read_object
from heliograph.outbound.retry_after import retry_after_of
from heliograph.providers.fcm.settings import (
    ACCESS_TOKEN_LIFETIME,
    MAX_UNSPECIFIED_ATTEMPTS,
    QUOTA_PAUSE,
    SERVER_ERROR_PAUSE,
)

if TYPE_CHECKING:
    from datetime import datetime

    from heliograph.core.model.outcome import Outcome
    from heliograph.outbound.http1 import HttpReply, OutboundError
    from heliograph.outbound.http2.messages import Lost, Reply

GONE: Final = frozenset({"UNREGISTERED"})
"""The app was removed or its token replaced; FCM doesn't say when."""

GONE_OR_MISADDRESSED: Final = frozenset({"SENDER_ID_MISMATCH"})
"""The token is another project's, which one token or a wrong project of ours may cause."""

INVALID: Final = frozenset({"INVALID_ARGUMENT"})
"""About the token or about the message: the field that FCM blames decides."""

NEVER_ACCEPTABLE: Final = frozenset({"FAILED_PRECONDITION"})
"""Something in the message: repeating it repeats the answer."""

FOREIGN_CREDENTIAL: Final = frozenset({"THIRD_PARTY_AUTH_ERROR", "APNS_AUTH_ERROR"})
"""The APNs key or Web Push key that was given to Firebase is bad; Android isn't concerned."""

STALE_CREDENTIAL: Final = frozenset({"UNAUTHENTICATED"})
"""The access token is refused; a new one may cure that."""

OURS_TO_FIX: Final = frozenset({"PERMISSION_DENIED", "NOT_FOUND"})
"""Without FCM's own code these come from the API's gate: role, API switch or project id."""

OVER_QUOTA: Final = frozenset({"QUOTA_EXCEEDED", "RESOURCE_EXHAUSTED"})
"""Too many messages, of the project or for one device or topic."""

FAILING_SERVER: Final = frozenset({"INTERNAL", "UNAVAILABLE"})
"""Google's own trouble, which passes."""

UNEXPLAINED: Final = frozenset({"UNSPECIFIED_ERROR"})
"""FCM knows no cause, so a few more tries are all it is worth."""

KNOWN_REASONS: Final = frozenset().union(
    GONE,
    GONE_OR_MISADDRESSED,
    INVALID,
    NEVER_ACCEPTABLE,
    FOREIGN_CREDENTIAL,
    STALE_CREDENTIAL,
    OURS_TO_FIX,
    OVER_QUOTA,
    FAILING_SERVER,
    UNEXPLAINED,
)
"""Every reason of the page; an unknown one is judged by its status."""

GRANT_REFUSALS: Final = frozenset(
    {
        "invalid_grant",
        "invalid_scope",
        "invalid_client",
        "unauthorized_client",
        "access_denied",
    }
)
"""The service account, its key or its rights are wrong, or our clock is."""

_OK: Final = 200
_BAD_REQUEST: Final = 400
_UNAUTHORIZED: Final = 401
_REQUEST_TIMEOUT: Final = 408
_TOO_MANY: Final = 429
_FIRST_SERVER_ERROR: Final = 500
_AT_ONCE: Final = timedelta(0)
_LONGEST_REASON_CHARS: Final = 200
_FCM_ERROR: Final = "google.firebase.fcm.v1.FcmError"
_BAD_REQUEST_DETAIL: Final = "google.rpc.BadRequest"
_RETRY_INFO: Final = "google.rpc.RetryInfo"
_TOKEN_FIELDS: Final = frozenset({"message.token", "message.fid"})
_INVALID_TOKEN: Final = "not a valid fcm registration token"  # noqa: S105 - a sentence
_NO_ENTITY: Final = "requested entity"
# "Device message rate exceeded", "Topic quota exceeded": words of the narrower limits.
_NARROW_LIMIT: Final = re.compile(r"\b(?:device|topic)\b", re.IGNORECASE)
_duration: Final = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)s").fullmatch
_is_access_token: Final = re.compile(r"[!-~]{1,8192}").fullmatch


class _Error(NamedTuple):
    """Google's error envelope. code: FCM's own, empty where the API's gate spoke."""

    code: str
    status: str
    message: str
    fields: frozenset[str]
    retry_delay: timedelta | None


def interpret_response(
    reply: Reply, *, now: datetime, attempts: int = 0, is_project_known: bool = False
) -> Outcome:
    """Say what one reply means for one delivery.

    attempts: provider calls made before this one. is_project_known: FCM has
    taken a message for this credential, so its project can't be the problem.
    Source: docs/providers/fcm.md, "Replies".
    """
    status = reply.status
    if status == _OK:
        return Accepted(_text_at(read_object(reply.body), "name"))
    error = _read_error(reply.body)
    reason = error.code or error.status or f"HTTP {status}"
    is_unexplained = error.code in UNEXPLAINED
    if is_unexplained and attempts + 1 >= MAX_UNSPECIFIED_ATTEMPTS:
        return Rejected(reason)
    is_refusal = _BAD_REQUEST <= status < _FIRST_SERVER_ERROR and status != _TOO_MANY
    if is_unexplained or not is_refusal:
        return _later(reply, reason, error, now=now)
    if error.code in FOREIGN_CREDENTIAL:
        return Misconfigured(reason)
    if status == _UNAUTHORIZED:
        return RefreshCredential(reason)
    return _refusal(reason, error, is_project_known=is_project_known)


def interpret_lost(lost: Lost) -> Outcome:
    """Say what a request without a reply means: another try, doubled at worst."""
    return Deferred(lost.detail, _AT_ONCE if lost.is_unprocessed else None)


def _later(reply: Reply, reason: str, error: _Error, *, now: datetime) -> Deferred:
    """Say when to come back: FCM's own word before our pauses."""
    asked = retry_after_of(reply.headers, now=now)
    if asked is None:
        asked = error.retry_delay
    if reply.status == _TOO_MANY:
        is_ours = _NARROW_LIMIT.search(error.message) is None
        return Deferred(reason, QUOTA_PAUSE if asked is None else asked, is_ours=is_ours)
    if reply.status >= _FIRST_SERVER_ERROR:
        return Deferred(reason, SERVER_ERROR_PAUSE if asked is None else asked)
    # A redirect is not followed: where FCM is, our settings alone say.
    return Deferred(reason, asked)


def _refusal(reason: str, error: _Error, *, is_project_known: bool) -> Outcome:
    if error.code in GONE:
        return TokenGone(reason)
    if error.code in GONE_OR_MISADDRESSED or _blames_token(error):
        return TokenGone(reason, is_ambiguous=True)
    if not error.code and error.status in OURS_TO_FIX:
        if is_project_known and error.status == "NOT_FOUND" and _NO_ENTITY in error.message.lower():
            # The project is there, so what was not found is the token.
            return TokenGone(reason, is_ambiguous=True)
        # Not TokenGone: one bad key of ours must never empty a registry.
        return Misconfigured(reason)
    return Rejected(reason)


def _blames_token(error: _Error) -> bool:
    if (error.code or error.status) not in INVALID:
        return False
    return bool(error.fields & _TOKEN_FIELDS) or _INVALID_TOKEN in error.message.lower()


@dataclass(frozen=True, slots=True)
class Granted:
    """An access token, and how long it lives from when it was asked for."""

    access_token: str
    lifetime: timedelta


def interpret_grant(reply: HttpReply, *, now: datetime) -> Granted | Outcome:
    """Say what the token endpoint's reply means for every target that waits for it.

    Source: docs/providers/fcm.md, "Authentication".
    """
    status = reply.status
    read = read_object(reply.body)
    if status == _OK:
        access_token = _text_at(read, "access_token")
        if access_token is None or not _is_access_token(access_token):
            return Deferred("token endpoint: unreadable reply")
        return Granted(access_token, _lifetime(read.get("expires_in")))
    reason = f"token endpoint: {_short(_text_at(read, 'error')) or f'HTTP {status}'}"
    if status in (_REQUEST_TIMEOUT, _TOO_MANY) or not _BAD_REQUEST <= status < _FIRST_SERVER_ERROR:
        retry_after = retry_after_of(reply.headers, now=now)
        return Deferred(reason, retry_after, is_ours=status == _TOO_MANY)
    # Unlike a message, a grant has no 4xx that only one target could have caused.
    return Misconfigured(reason)


def interpret_no_grant(error: OutboundError) -> Outcome:
    """Say what no reply of the token endpoint means: nothing was sent, so try again."""
    return Deferred(f"token endpoint: {error.detail}")


def _lifetime(expires_in: Any) -> timedelta:
    if type(expires_in) is not int or not 0 < expires_in <= ACCESS_TOKEN_LIFETIME.total_seconds():
        return ACCESS_TOKEN_LIFETIME
    return timedelta(seconds=expires_in)


def _read_error(body: bytes) -> _Error:
    error = read_object(body).get("error")
    if not isinstance(error, dict):
        error = {}
    listed = error.get("details")
    details = (
        [each for each in listed if isinstance(each, dict)] if isinstance(listed, list) else []
    )
    return _Error(
        code=_short(_text_at(_detail(details, _FCM_ERROR), "errorCode")),
        status=_short(_text_at(error, "status")),
        message=_text_at(error, "message") or "",
        fields=_blamed_fields(_detail(details, _BAD_REQUEST_DETAIL)),
        retry_delay=_delay(_detail(details, _RETRY_INFO)),
    )


def _detail(details: list[dict[str, Any]], kind: str) -> dict[str, Any]:
    for detail in details:
        name = detail.get("@type")
        if isinstance(name, str) and name.endswith(kind):
            return detail
    return {}


def _blamed_fields(detail: dict[str, Any]) -> frozenset[str]:
    violations = detail.get("fieldViolations")
    if not isinstance(violations, list):
        return frozenset()
    named = [each.get("field") for each in violations if isinstance(each, dict)]
    return frozenset(field for field in named if isinstance(field, str))


def _delay(detail: dict[str, Any]) -> timedelta | None:
    match = _duration(_text_at(detail, "retryDelay") or "")
    return timedelta(seconds=float(match[1])) if match else None


def _text_at(read: dict[str, Any], name: str) -> str | None:
    value = read.get(name)
    return value if isinstance(value, str) and value else None


def _short(text: str | None) -> str:
    return (text or "")[:_LONGEST_REASON_CHARS]
