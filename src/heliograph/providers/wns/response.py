"""What the replies of WNS mean.

Source: docs/providers/wns.md, "Replies".
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from heliograph.core.model.outcome import (
    Accepted,
    Deferred,
    Misconfigured,
    RefreshCredential,
    Rejected,
    TokenGone,
)
from heliograph.outbound.retry_after import retry_after_of
from heliograph.providers.wns.settings import (
    APP_PAUSE,
    CHANNEL_PAUSE,
    SERVER_ERROR_PAUSE,
    UNREACHABLE_PAUSE,
)

if TYPE_CHECKING:
    from datetime import datetime

    from heliograph.core.model.outcome import Outcome
    from heliograph.outbound.http1 import HttpReply, OutboundError

DROPPED: Final = frozenset({"dropped"})
"""This device won't have it: switched off by its user, or offline and nothing is kept."""

CHANNEL_THROTTLED: Final = frozenset({"channelthrottled"})
"""Too much for this one channel; the others are not concerned."""

APP_THROTTLED: Final = frozenset({"appthrottled"})
"""Too much of all that we send."""

NO_CHANNEL: Final = frozenset({404})
"""The channel is not valid, or not known to WNS."""

EXPIRED: Final = frozenset({410})
"""The channel's thirty days are over, or the app renewed it."""

FOREIGN: Final = frozenset({403})
"""The channel is another app's, which one channel or a wrong identity of ours may cause."""

UNREACHABLE: Final = frozenset({412})
"""The device can't be reached now. Older Windows only."""

NEVER_ACCEPTABLE: Final = frozenset({400, 405, 413})
"""Something in the message: repeating it repeats the answer."""

KNOWN_STATUSES: Final = frozenset({200, 401, 406, 429, 500, 503}).union(
    NO_CHANNEL, EXPIRED, FOREIGN, UNREACHABLE, NEVER_ACCEPTABLE
)
"""Every status of the page; an unknown one is judged by its hundred."""

_OK: Final = 200
_FIRST_REDIRECT: Final = 300
_BAD_REQUEST: Final = 400
_UNAUTHORIZED: Final = 401
_NOT_ACCEPTABLE: Final = 406
_TOO_MANY: Final = 429
_FIRST_SERVER_ERROR: Final = 500
_AT_ONCE: Final = timedelta(0)
_LONGEST_REASON_CHARS: Final = 200
# "The Cloud Service is sending notifications to a domain that is blocked", and its like.
_DOMAIN_BLOCKED: Final = re.compile(r"domain.{0,80}block|block.{0,80}domain", re.IGNORECASE)
_is_seconds: Final = re.compile(r"[0-9]{1,9}").fullmatch


def interpret_response(
    reply: HttpReply, *, now: datetime, is_identity_known: bool = False
) -> Outcome:
    """Say what one reply means for one delivery.

    is_identity_known: WNS has taken a message for this credential, so the
    credential can't be the problem. Source: docs/providers/wns.md, "Replies".
    """
    status = reply.status
    said = reply.headers.get("x-wns-status", "").strip().lower()
    reason = _reason(reply, said)
    asked = _asked_pause(reply, now)
    if _OK <= status < _FIRST_REDIRECT:
        return _taken(reply, said, reason, asked)
    if status == _UNAUTHORIZED:
        return RefreshCredential(reason)
    if status in FOREIGN and not is_identity_known:
        return Misconfigured(reason)
    if status in FOREIGN | NO_CHANNEL | EXPIRED:
        return _lost_channel(status, reason)
    return _refused(status, said, reason, asked)


def interpret_lost(error: OutboundError) -> Outcome:
    """Say what a request without a reply means: another try, doubled at worst."""
    return Deferred(error.detail, _AT_ONCE if error.is_unprocessed else None)


def _lost_channel(status: int, reason: str) -> Outcome:
    if status in EXPIRED and _DOMAIN_BLOCKED.search(reason):
        # It is we whom WNS won't hear: no channel has ended.
        return Misconfigured(reason)
    return TokenGone(reason, is_ambiguous=status in FOREIGN)


def _refused(status: int, said: str, reason: str, asked: timedelta | None) -> Outcome:
    if status in UNREACHABLE:
        return Deferred(reason, UNREACHABLE_PAUSE if asked is None else asked)
    if status == _NOT_ACCEPTABLE:
        # Without a word it is the sender's limit that the status stands for.
        pause = APP_PAUSE if asked is None else asked
        return Deferred(reason, pause, is_ours=said not in CHANNEL_THROTTLED)
    if _BAD_REQUEST <= status < _FIRST_SERVER_ERROR and status != _TOO_MANY:
        return Rejected(reason)
    pause = SERVER_ERROR_PAUSE if asked is None else asked
    return Deferred(reason, pause, is_ours=status == _TOO_MANY)


def _taken(reply: HttpReply, said: str, reason: str, asked: timedelta | None) -> Outcome:
    if said in DROPPED:
        return Rejected(reason)
    if said in CHANNEL_THROTTLED:
        return Deferred(reason, CHANNEL_PAUSE if asked is None else asked)
    if said in APP_THROTTLED:
        return Deferred(reason, APP_PAUSE if asked is None else asked, is_ours=True)
    return Accepted(_shown(reply.headers.get("x-wns-msg-id", "")) or None)


def _reason(reply: HttpReply, said: str) -> str:
    """Say the status and all that WNS added, which tells an operator one cause from another."""
    parts = [f"HTTP {reply.status}"]
    if said:
        parts.append(_shown(said))
    device = reply.headers.get("x-wns-deviceconnectionstatus")
    if device:
        parts.append(f"device {_shown(device)}")
    description = reply.headers.get("x-wns-error-description")
    if description:
        parts.append(_shown(description))
    return "; ".join(parts)[:_LONGEST_REASON_CHARS]


def _asked_pause(reply: HttpReply, now: datetime) -> timedelta | None:
    """Read how long WNS asks us to wait, in the header of today or of older documents."""
    asked = retry_after_of(reply.headers, now=now)
    older = reply.headers.get("x-wns-continue-after", "").strip()
    if asked is None and _is_seconds(older):
        return timedelta(seconds=int(older))
    return asked


def _shown(text: str) -> str:
    return "".join(filter(str.isprintable, text)).strip()
