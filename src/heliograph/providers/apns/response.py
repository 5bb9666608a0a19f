"""What APNs' replies mean.

Source: docs/providers/apns.md, "Replies".
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from heliograph.core.clock import from_ms
from heliograph.core.model.outcome import (
    ACCEPTED,
    Deferred,
    Misconfigured,
    RefreshCredential,
    Rejected,
    TokenGone,
)
from heliograph.outbound.json_object import read_object
from heliograph.outbound.retry_after import retry_after_of
from heliograph.providers.apns.settings import SERVER_ERROR_PAUSE

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from heliograph.core.model.outcome import Outcome
    from heliograph.outbound.http2.messages import Lost, Reply

GONE: Final = frozenset({"Unregistered", "ExpiredToken"})
"""With 410 only: the app is gone, or the token was replaced; Apple says since when."""

GONE_OR_MISADDRESSED: Final = frozenset({"BadDeviceToken", "DeviceTokenNotForTopic"})
"""A token of the other environment or of another app gets the same answer as a dead one."""

OURS_TO_FIX: Final = frozenset(
    {
        "BadTopic",
        "MissingTopic",
        "TopicDisallowed",
        "BadCertificate",
        "BadCertificateEnvironment",
        "BadEnvironmentKeyIdInToken",
        "BadEnvironmentKeyInToken",
        "Forbidden",
    }
)
"""The topic, the key or the certificate is wrong, so every push would fail alike.

`BadEnvironmentKeyInToken` is how `BadEnvironmentKeyIdInToken` was also seen on the wire.
"""

STALE_CREDENTIAL: Final = frozenset(
    {
        "ExpiredProviderToken",
        "InvalidProviderToken",
        "MissingProviderToken",
        "UnrelatedKeyIdInToken",
    }
)
"""A new provider token may cure these; if it doesn't, the engine calls it misconfigured."""

NEVER_ACCEPTABLE: Final = frozenset(
    {
        "BadCollapseId",
        "BadExpirationDate",
        "BadMessageId",
        "BadPath",
        "BadPriority",
        "DuplicateHeaders",
        "InvalidPushType",
        "MethodNotAllowed",
        "MissingDeviceToken",
        "PayloadEmpty",
        "PayloadTooLarge",
    }
)
"""Something in the request itself: repeating it repeats the answer."""

OF_THE_CONNECTION: Final = frozenset({"IdleTimeout"})
"""The connection's trouble, not the push's: at once again on another connection."""

SLOW_TOKEN: Final = frozenset({"TooManyRequests"})
"""Too many pushes for this one device; the others may go on."""

SLOW_SENDER: Final = frozenset({"TooManyProviderTokenUpdates"})
"""We changed provider tokens too often: every push of the credential has to wait."""

FAILING_SERVER: Final = frozenset({"InternalServerError", "ServiceUnavailable"})
"""Apple's own trouble; it asks for 15 minutes before the same push comes again."""

LEAVING_SERVER: Final = frozenset({"Shutdown"})
"""This server goes away: another one may take the push at once, but only the first time."""

KNOWN_REASONS: Final = frozenset().union(
    GONE,
    GONE_OR_MISADDRESSED,
    OURS_TO_FIX,
    STALE_CREDENTIAL,
    NEVER_ACCEPTABLE,
    OF_THE_CONNECTION,
    SLOW_TOKEN,
    SLOW_SENDER,
    FAILING_SERVER,
    LEAVING_SERVER,
)
"""Every reason of the page; an unknown one is judged by its status."""

_OK: Final = 200
_BAD_REQUEST: Final = 400
_GONE_STATUS: Final = 410
_TOO_MANY: Final = 429
_FIRST_SERVER_ERROR: Final = 500
_AT_ONCE: Final = timedelta(0)
_LONGEST_REASON_CHARS: Final = 200


def interpret_response(reply: Reply, *, now: datetime, attempts: int = 0) -> Outcome:
    """Say what one reply means for one delivery.

    attempts: provider calls made before this one.
    Source: docs/providers/apns.md, "Replies".
    """
    status = reply.status
    if status == _OK:
        return ACCEPTED
    error = read_object(reply.body)
    reason = _reason_of(error) or f"HTTP {status}"
    if status >= _FIRST_SERVER_ERROR:
        return _failing(reason, reply.headers, now=now, attempts=attempts)
    if status == _TOO_MANY or status < _BAD_REQUEST:
        # No redirect is followed: where APNs is, our settings alone say.
        retry_after = retry_after_of(reply.headers, now=now)
        return Deferred(reason, retry_after, is_ours=reason in SLOW_SENDER)
    if status == _GONE_STATUS and reason in GONE:
        return TokenGone(reason, since=_since(error))
    if status == _BAD_REQUEST and reason in GONE_OR_MISADDRESSED:
        return TokenGone(reason, is_ambiguous=True)
    return _outcome_of_reason(reason) or Rejected(reason)


def interpret_lost(lost: Lost) -> Outcome:
    """Say what a request without a reply means.

    A GOAWAY may say why: with a reason that is ours to mend, that is the
    outcome. Any other request is repeated, under the same `apns-id`.
    """
    reason = _reason_of(read_object(lost.goaway_debug)) if lost.goaway_debug else None
    if reason is not None and (outcome := _outcome_of_reason(reason)) is not None:
        return outcome
    return Deferred(reason or lost.detail, _AT_ONCE if lost.is_unprocessed else None)


def _failing(reason: str, headers: Mapping[str, str], *, now: datetime, attempts: int) -> Deferred:
    if reason in LEAVING_SERVER and not attempts:
        return Deferred(reason, _AT_ONCE)
    asked = retry_after_of(headers, now=now) or _AT_ONCE
    return Deferred(reason, max(asked, SERVER_ERROR_PAUSE))


def _outcome_of_reason(reason: str) -> Outcome | None:
    """Say what a reason means wherever it stands."""
    if reason in OURS_TO_FIX:
        # Not TokenGone: one bad key of ours must never empty a registry.
        return Misconfigured(reason)
    if reason in STALE_CREDENTIAL:
        return RefreshCredential(reason)
    if reason in OF_THE_CONNECTION:
        return Deferred(reason, _AT_ONCE)
    return None


def _reason_of(error: dict[str, Any]) -> str | None:
    reason = error.get("reason")
    return reason[:_LONGEST_REASON_CHARS] if isinstance(reason, str) and reason else None


def _since(error: dict[str, Any]) -> datetime | None:
    millis = error.get("timestamp")
    if type(millis) is not int or millis < 0:
        return None
    try:
        return from_ms(millis)
    except OverflowError:
        return None
