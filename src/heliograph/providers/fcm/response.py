"""What the replies of FCM mean.

Source: docs/providers/fcm.md, "Replies".
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from heliograph.core.model.outcome import (
    Accepted,
    Deferred,
    FaultScope,
    Misconfigured,
    RefreshCredential,
    Rejected,
    TokenGone,
)
from heliograph.outbound.json_object import read_object
from heliograph.outbound.retry_after import retry_after_of
from heliograph.providers.fcm.settings import (
    MAX_UNSPECIFIED_ATTEMPTS,
    QUOTA_PAUSE,
    SERVER_ERROR_PAUSE,
)

if TYPE_CHECKING:
    from datetime import datetime

    from heliograph.core.model.outcome import Outcome
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

_OK: Final = 200
_BAD_REQUEST: Final = 400
_UNAUTHORIZED: Final = 401
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
# What FCM answers to nearly every push, read without building a tree: one name, no escapes.
_accepted: Final = re.compile(rb'\s*\{\s*"name"\s*:\s*"([ !#-\[\]-~]+)"\s*\}\s*').fullmatch


class _Error(NamedTuple):
    """Google's error envelope. code: FCM's own, empty where the API's gate spoke."""

    code: str
    status: str
    message: str
    fields: frozenset[str]
    retry_delay: timedelta | None


def interpret_response(
    reply: Reply,
    *,
    now: datetime,
    attempts: int = 0,
    is_project_known: bool = False,
    is_group: bool = False,
) -> Outcome:
    """Say what one reply means for one delivery.

    attempts: provider calls made before this one. is_project_known: FCM has
    taken a message for this credential, so its project can't be the problem.
    is_group: the message went to a topic or condition, not to one token.
    Source: docs/providers/fcm.md, "Replies".
    """
    if reply.status == _OK:
        return _success(reply.body)
    error = _read_error(reply.body)
    outcome = _failure(
        reply, error, now=now, attempts=attempts, is_project_known=is_project_known and not is_group
    )
    if is_group and isinstance(outcome, TokenGone):
        return Rejected(outcome.reason)
    return outcome


def interpret_lost(lost: Lost) -> Outcome:
    """Say what a request without a reply means: another try, doubled at worst."""
    return Deferred(lost.detail, _AT_ONCE if lost.is_unprocessed else None)


def _failure(
    reply: Reply, error: _Error, *, now: datetime, attempts: int, is_project_known: bool
) -> Outcome:
    status = reply.status
    reason = error.code or error.status or f"HTTP {status}"
    is_unexplained = error.code in UNEXPLAINED
    if is_unexplained and attempts + 1 >= MAX_UNSPECIFIED_ATTEMPTS:
        return Rejected(reason)
    is_refusal = _BAD_REQUEST <= status < _FIRST_SERVER_ERROR and status != _TOO_MANY
    if is_unexplained or not is_refusal:
        return _later(reply, reason, error, now=now)
    if error.code in FOREIGN_CREDENTIAL:
        # Whatever needs no such key, Android first of all, is still reached.
        return Misconfigured(reason, FaultScope.TARGET)
    if status == _UNAUTHORIZED:
        return RefreshCredential(reason)
    return _refusal(reason, error, is_project_known=is_project_known)


def _success(body: bytes) -> Accepted:
    match = _accepted(body)
    if match is not None:
        return Accepted(match[1].decode("ascii"))
    return Accepted(_text_at(read_object(body), "name"))


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
    # Which field it was: without it nobody could mend the message. The sentences
    # that come with it are left out, for they may quote what the message says.
    return Rejected(
        f"{reason}: {', '.join(sorted(error.fields))}"[:_LONGEST_REASON_CHARS]
        if error.fields
        else reason
    )


def _blames_token(error: _Error) -> bool:
    if (error.code or error.status) not in INVALID:
        return False
    return bool(error.fields & _TOKEN_FIELDS) or _INVALID_TOKEN in error.message.lower()


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
