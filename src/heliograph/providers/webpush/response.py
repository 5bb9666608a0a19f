"""What the replies of push services mean.

Whose reply it is shows in its form: Mozilla writes `errno`, Apple `reason`, Microsoft
`X-WNS-…` headers, Google a sentence. So no table of hosts is needed.

Source: docs/providers/webpush.md, "Replies".
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from heliograph.core.model.outcome import (
    ACCEPTED,
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
from heliograph.providers.webpush.settings import THROTTLED_PAUSE

if TYPE_CHECKING:
    from datetime import datetime

    from heliograph.core.model.outcome import Outcome
    from heliograph.outbound.http2.messages import Lost, Reply

SUCCESS: Final = frozenset({200, 201, 202})
"""Taken; 202 offers a receipt that no public service ever sends."""

MOVED: Final = frozenset({301, 308})
"""Mozilla: the subscription has another address now, which is followed once and if listed."""

GONE_ERRNOS: Final = frozenset({102, 103, 105, 106, 108})
"""Mozilla: the subscription is unknown, ended, or of a kind that is not served any more."""

NEVER_ACCEPTABLE_ERRNOS: Final = frozenset({101, 104, 110, 111, 112, 113})
"""Mozilla: something in the message or its headers; repeating it repeats the answer."""

AT_ONCE_ERRNOS: Final = frozenset({202})
"""Mozilla: try again at once."""

REFUSED_ERRNOS: Final = frozenset({109})
"""Mozilla: the VAPID token is bad, or not of the subscription's key."""

REFUSED_REASONS: Final = frozenset({"BadJwtToken", "BadAuthorizationHeader"})
"""Apple: the VAPID token is bad; a new one may cure that."""

FOREIGN_KEY_REASONS: Final = frozenset({"VapidPkHashMismatch"})
"""Apple: the subscription was made with another key. Both 400 and 403 were seen."""

BAD_KEY_REASONS: Final = frozenset({"BadVapidPublicKey"})
"""Apple: the key itself can't be."""

NEVER_ACCEPTABLE_REASONS: Final = frozenset(
    {
        "BadTtl",
        "BadUrgency",
        "BadWebPushTopic",
        "BadWebPushRequest",
        "BadPath",
        "MethodNotAllowed",
        "PayloadTooLarge",
    }
)
"""Apple: something in the message; 404 BadPath says nothing of a subscription."""

IDLE_REASONS: Final = frozenset({"IdleTimeout"})
"""Apple: the connection was too old; another one will do."""

BAD_TOKEN_TEXTS: Final = ("UnauthorizedRegistration", "invalid JWT provided")
"""Google, in the text of a 400 or 403: the token can't be read, or has expired, or ends too late.

A 403 without it is about the subscription, which was made with another key.
"""

_is_blocked: Final = re.compile(r"domain.{0,80}block|block.{0,80}domain", re.IGNORECASE).search
"""Microsoft, in the description of a 410: the contact's domain, not the subscription."""

_BAD_REQUEST: Final = 400
_UNAUTHORIZED: Final = 401
_FORBIDDEN: Final = 403
_THROTTLED: Final = 406
_TOO_MANY: Final = 429
_FIRST_SERVER_ERROR: Final = 500
_AT_ONCE: Final = timedelta(0)
_LONGEST_ID_CHARS: Final = 512
_LONGEST_REASON_CHARS: Final = 200
_is_word: Final = re.compile(r"[!-~][ -~]*").fullmatch


def interpret_response(
    reply: Reply, *, now: datetime, is_renewable: bool = True, is_known: bool = False
) -> Outcome:
    """Say what one reply means for one delivery.

    is_renewable: the VAPID token that was refused may be replaced by a new one.
    is_known: the push service has taken messages by the same key, so that a
    refusal is about this one subscription.
    Source: docs/providers/webpush.md, "Replies".
    """
    if reply.status in SUCCESS:
        return _accepted(reply)
    said = read_object(reply.body)
    errno, reason = _errno(said), _reason(reply, said)
    outcome = _by_word(errno, _text(said, "reason"), reason)
    if outcome is not None:
        return outcome
    if _is_vapid_refusal(reply, errno, _text(said, "reason")):
        return _refused(reason, is_renewable=is_renewable, is_known=is_known)
    return _by_status(reply, errno, reason, now=now)


def interpret_lost(lost: Lost, rest: timedelta = _AT_ONCE) -> Outcome:
    """Say what a request without a reply means: another try, doubled at worst.

    rest: how long the push service is left alone.
    """
    return Deferred(lost.detail, rest if rest or lost.is_unprocessed else None)


def _by_status(reply: Reply, errno: int | None, reason: str, *, now: datetime) -> Outcome:
    status = reply.status
    if status >= _FIRST_SERVER_ERROR or status in {_TOO_MANY, _THROTTLED}:
        return _later(reply, errno, reason, now=now)
    match status:
        case 404 | 410:
            if _is_blocked(reply.headers.get("x-wns-error-description", "")):
                return Misconfigured(reason)
            return TokenGone(reason)
        case 403:
            # Google and Microsoft say so of another key, and of one bad key of ours for all.
            return TokenGone(reason, is_ambiguous=True)
    if status < _BAD_REQUEST:
        # No redirect is followed: it could lead anywhere.
        return Deferred(reason, retry_after_of(reply.headers, now=now))
    return Rejected(reason)


def _accepted(reply: Reply) -> Accepted:
    headers = reply.headers
    named = headers.get("apns-id") or headers.get("location")
    return Accepted(named) if named and len(named) <= _LONGEST_ID_CHARS else ACCEPTED


def _by_word(errno: int | None, apple: str | None, reason: str) -> Outcome | None:
    """Judge by the service's own word, where it has one that means one thing."""
    if errno in GONE_ERRNOS:
        return TokenGone(reason)
    if errno in NEVER_ACCEPTABLE_ERRNOS or apple in NEVER_ACCEPTABLE_REASONS:
        return Rejected(reason)
    if apple in FOREIGN_KEY_REASONS:
        return TokenGone(reason, is_ambiguous=True)
    if apple in BAD_KEY_REASONS:
        return Misconfigured(reason)
    if apple in IDLE_REASONS:
        return Deferred(reason, _AT_ONCE)
    return None


def _is_vapid_refusal(reply: Reply, errno: int | None, apple: str | None) -> bool:
    if reply.status == _UNAUTHORIZED or errno in REFUSED_ERRNOS or apple in REFUSED_REASONS:
        return True
    return reply.status in {_BAD_REQUEST, _FORBIDDEN} and _bad_token_text(reply) is not None


def _bad_token_text(reply: Reply) -> str | None:
    return next((text for text in BAD_TOKEN_TEXTS if text.encode() in reply.body), None)


def _refused(reason: str, *, is_renewable: bool, is_known: bool) -> Outcome:
    if is_renewable:
        return RefreshCredential(reason)
    if is_known:
        return TokenGone(reason, is_ambiguous=True)
    # Not TokenGone: one bad key of ours must never empty a registry.
    return Misconfigured(reason, FaultScope.CREDENTIAL)


def _later(reply: Reply, errno: int | None, reason: str, *, now: datetime) -> Deferred:
    asked = retry_after_of(reply.headers, now=now)
    if errno in AT_ONCE_ERRNOS:
        return Deferred(reason, asked or _AT_ONCE)
    if asked is None and reply.status == _THROTTLED:
        return Deferred(reason, THROTTLED_PAUSE)
    return Deferred(reason, asked)


def _reason(reply: Reply, said: dict[str, Any]) -> str:
    """Answer the service's own word for it; never its sentences, which may quote the endpoint."""
    errno = _errno(said)
    wns = reply.headers.get("x-wns-status") or reply.headers.get("x-wns-error-description")
    found = _text(said, "reason") or (f"errno {errno}" if errno is not None else None) or wns
    found = found or _bad_token_text(reply)
    is_shown = found is not None and _is_word(found)
    return found[:_LONGEST_REASON_CHARS] if found and is_shown else f"HTTP {reply.status}"


def _errno(said: dict[str, Any]) -> int | None:
    errno = said.get("errno")
    return errno if isinstance(errno, int) and not isinstance(errno, bool) else None


def _text(said: dict[str, Any], name: str) -> str | None:
    value = said.get(name)
    return value if isinstance(value, str) and value else None
