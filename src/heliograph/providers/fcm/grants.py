"""What the replies of Google's token endpoint mean for every target that waits for a token.

Source: docs/providers/fcm.md, "Authentication".
"""

from __future__ import annotations

import re
from datetime import UTC, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Final

from heliograph.core.model.outcome import Deferred, Misconfigured
from heliograph.outbound.access_tokens import Granted
from heliograph.outbound.json_object import read_object
from heliograph.outbound.retry_after import retry_after_of
from heliograph.providers.fcm.settings import ACCESS_TOKEN_LIFETIME, CLOCK_TOLERANCE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from heliograph.core.model.outcome import Outcome
    from heliograph.outbound.http1 import HttpReply, OutboundError

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
_REQUEST_TIMEOUT: Final = 408
_TOO_MANY: Final = 429
_FIRST_SERVER_ERROR: Final = 500
_LONGEST_REASON_CHARS: Final = 200
_is_access_token: Final = re.compile(r"[!-~]{1,8192}").fullmatch


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
    return Misconfigured("; ".join([_explained(reason, read), *_clock_problem(reply, now)]))


def interpret_no_grant(error: OutboundError) -> Outcome:
    """Say what no reply of the token endpoint means: nothing was sent, so try again."""
    return Deferred(f"token endpoint: {error.detail}")


def _explained(reason: str, read: dict[str, Any]) -> str:
    """Add Google's own sentence, which tells a deleted account from a bad signature."""
    sentence = _short(_text_at(read, "error_description"))
    return f"{reason}: {sentence}" if sentence else reason


def _clock_problem(reply: HttpReply, now: datetime) -> Iterator[str]:
    """Say how wrong our clock is, which the endpoint itself reports as a bad grant."""
    try:
        theirs = parsedate_to_datetime(reply.headers.get("date", ""))
        ahead_s = (now - theirs.replace(tzinfo=theirs.tzinfo or UTC)).total_seconds()
    except (ValueError, TypeError, IndexError, OverflowError):
        return
    if abs(ahead_s) > CLOCK_TOLERANCE.total_seconds():
        side = "ahead of" if ahead_s > 0 else "behind"
        yield f"this server's clock is {abs(round(ahead_s))} s {side} the endpoint's"


def _text_at(read: dict[str, Any], name: str) -> str | None:
    value = read.get(name)
    return value if isinstance(value, str) and value else None


def _short(text: str | None) -> str:
    # The endpoint may be a stranger's: no database takes a NUL or half a surrogate pair, and a
    # page whose outcome can't be written is sent again and again.
    return "".join(filter(str.isprintable, text or ""))[:_LONGEST_REASON_CHARS]


def _lifetime(expires_in: Any) -> timedelta:
    if type(expires_in) is not int or not 0 < expires_in <= ACCESS_TOKEN_LIFETIME.total_seconds():
        return ACCESS_TOKEN_LIFETIME
    return timedelta(seconds=expires_in)
