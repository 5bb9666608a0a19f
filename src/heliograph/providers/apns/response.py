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
    FaultScope,
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

GONE_CHANNEL: Final = frozenset({"ChannelNotRegistered"})
"""There is no such channel in this environment, or not any more."""

OURS_TO_FIX: Final = frozenset(
    {
        "BadCertificate",
        "BadCertificateEnvironment",
        "BadEnvironmentKeyIdInToken",
        "BadEnvironmentKeyInToken",
        "CannotCreateChannelConfig",
        "FeatureNotEnabled",
        "Forbidden",
    }
)
"""The key, the certificate or the app's set-up is wrong, so every push would fail alike.

`BadEnvironmentKeyInToken` is how `BadEnvironmentKeyIdInToken` was also seen on the wire.
"""

OF_THE_TOPIC: Final = frozenset({"BadTopic", "MissingTopic", "TopicDisallowed", "TopicMismatch"})
"""The topic is wrong: the application's, or only what one device or message said of itself."""

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
        "BadChannelId",
        "BadCollapseId",
        "BadExpirationDate",
        "BadMessageId",
        "BadPath",
        "BadPriority",
        "BadRequestParams",
        "BadRequestPayload",
        "DuplicateHeaders",
        "InvalidPushType",
        "MethodNotAllowed",
        "MissingChannelId",
        "MissingDeviceToken",
        "MissingPushType",
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
    GONE_CHANNEL,
    OURS_TO_FIX,
    OF_THE_TOPIC,
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
_OTHER_APP: Final = "DeviceTokenNotForTopic"
_UNREACHABLE: Final = "cannot connect"
"""How the sender's words begin where there is no connection."""

_LONGEST_REASON_CHARS: Final = 200


def interpret_response(
    reply: Reply,
    *,
    now: datetime,
    attempts: int = 0,
    scope: FaultScope = FaultScope.CREDENTIAL,
    is_self_named: bool = False,
) -> Outcome:
    """Say what one reply means for one delivery.

    attempts: provider calls made before this one. scope: how wide it is
    where the topic was wrong. is_self_named: the device itself named the app.
    Source: docs/providers/apns.md, "Replies".
    """
    status = reply.status
    if status == _OK:
        return ACCEPTED
    error = read_object(reply.body)
    reason = reason_of(error) or f"HTTP {status}"
    if status >= _FIRST_SERVER_ERROR:
        return _failing(reason, reply.headers, now=now, attempts=attempts)
    if status == _TOO_MANY or status < _BAD_REQUEST:
        # No redirect is followed: where APNs is, our settings alone say.
        retry_after = retry_after_of(reply.headers, now=now)
        return Deferred(reason, retry_after, is_ours=reason in SLOW_SENDER)
    if status == _GONE_STATUS and reason in GONE:
        return TokenGone(reason, since=_since(error))
    outcome = _outcome_of_400(reason, is_self_named) if status == _BAD_REQUEST else None
    return outcome or _outcome_of_reason(reason, scope) or Rejected(reason)


def interpret_lost(lost: Lost, *, scope: FaultScope = FaultScope.CREDENTIAL) -> Outcome:
    """Say what a request without a reply means.

    A GOAWAY may say why: with a reason that is ours to mend, that is the
    outcome. Any other request is repeated, under the same `apns-id`: at once
    where APNs certainly did nothing with it. Where APNs can't be reached, our
    own schedule says when, and nothing else of the credential would fare better.
    """
    reason = reason_of(read_object(lost.goaway_debug)) if lost.goaway_debug else None
    if reason is not None and (outcome := _outcome_of_reason(reason, scope)) is not None:
        return outcome
    if lost.is_unprocessed and lost.detail.startswith(_UNREACHABLE):
        return Deferred(lost.detail, is_ours=True)
    return Deferred(reason or lost.detail, _AT_ONCE if lost.is_unprocessed else None)


def reason_of(error: Mapping[str, Any]) -> str | None:
    """Read the reason out of an error body; None where there is none."""
    reason = error.get("reason")
    return reason[:_LONGEST_REASON_CHARS] if isinstance(reason, str) and reason else None


def _failing(reason: str, headers: Mapping[str, str], *, now: datetime, attempts: int) -> Deferred:
    if reason in LEAVING_SERVER and not attempts:
        return Deferred(reason, _AT_ONCE)
    asked = retry_after_of(headers, now=now) or _AT_ONCE
    return Deferred(reason, max(asked, SERVER_ERROR_PAUSE))


def _outcome_of_400(reason: str, is_self_named: bool) -> Outcome | None:
    """Say what is wrong with the address, if that is what a reason says."""
    if reason == _OTHER_APP and is_self_named:
        # The device contradicts itself; that says nothing of the others, nor of its token.
        return Misconfigured(reason, FaultScope.TARGET)
    if reason in GONE_OR_MISADDRESSED:
        return TokenGone(reason, is_ambiguous=True)
    return TokenGone(reason) if reason in GONE_CHANNEL else None


def _outcome_of_reason(reason: str, scope: FaultScope) -> Outcome | None:
    """Say what a reason means wherever it stands."""
    if reason in OURS_TO_FIX:
        # Not TokenGone: one bad key of ours must never empty a registry.
        return Misconfigured(reason)
    if reason in OF_THE_TOPIC:
        return Misconfigured(reason, scope)
    if reason in STALE_CREDENTIAL:
        return RefreshCredential(reason)
    if reason in OF_THE_CONNECTION:
        return Deferred(reason, _AT_ONCE)
    return None


def _since(error: Mapping[str, Any]) -> datetime | None:
    millis = error.get("timestamp")
    if type(millis) is not int or millis < 0:
        return None
    try:
        return from_ms(millis)
    except OverflowError:
        return None
