"""Subscribing devices to FCM's own topics: one request per device, or one for all of them.

Two interfaces of Google's do the same. The registrations of FCM v1 are the
newer one; the Instance ID service takes a thousand devices at once, and is
announced to end.

Source: docs/providers/fcm.md, "Topic subscriptions"; docs/decisions/0012-topic-subscriptions.md.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from heliograph.core.model.outcome import (
    Accepted,
    Deferred,
    Misconfigured,
    RefreshCredential,
    Rejected,
    TokenGone,
)
from heliograph.outbound.http2.messages import Request
from heliograph.outbound.json_object import read_object
from heliograph.outbound.retry_after import retry_after_of
from heliograph.providers.fcm.groups import topic_name
from heliograph.providers.fcm.response import interpret_response
from heliograph.providers.fcm.settings import QUOTA_PAUSE, SERVER_ERROR_PAUSE

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from heliograph.core.model.outcome import Outcome
    from heliograph.outbound.http1 import HttpReply
    from heliograph.outbound.http2.messages import Reply

SUBSCRIBE: Final = b"POST"
UNSUBSCRIBE: Final = b"DELETE"

MEMBER_GONE: Final = frozenset({"NOT_FOUND", "INVALID_ARGUMENT"})
"""What the Instance ID service says of a token that reaches nobody."""

MEMBER_LATER: Final = frozenset({"INTERNAL", "UNAVAILABLE", "RESOURCE_EXHAUSTED"})
"""What it says of a token that it could not see to now."""

_OK: Final = 200
_BAD_REQUEST: Final = 400
_UNAUTHORIZED: Final = 401
_FORBIDDEN: Final = 403
_CONFLICT: Final = 409
_TOO_MANY: Final = 429
_FIRST_SERVER_ERROR: Final = 500
_LONGEST_REASON_CHARS: Final = 200
_UNREADABLE: Final = Deferred("unreadable reply")


def build_subscription(project_id: str, topic: str, token: str, *, subscribe: bool) -> Request:
    """Ask FCM v1 to subscribe one device, or to end that; subscribing twice is once."""
    project, name, device = map(_segment, (project_id, topic_name(topic), token))
    path = f"/v1/projects/{project}/registrations/{device}/topicSubscriptions"
    if subscribe:
        return Request(f"{path}?topicName={name}".encode(), b"{}")
    return Request(f"{path}/{name}?allowMissing=true".encode(), b"")


def interpret_subscription(
    reply: Reply, *, now: datetime, is_project_known: bool = False
) -> Outcome:
    """Say what FCM v1's reply means for one device.

    Source: docs/providers/fcm.md, "Topic subscriptions".
    """
    if reply.status == _CONFLICT:
        return Accepted()  # It was subscribed already.
    outcome = interpret_response(reply, now=now, is_project_known=is_project_known)
    # Its body names the subscription, which is no message.
    return Accepted() if isinstance(outcome, Accepted) else outcome


def build_batch(topic: str, tokens: Sequence[str]) -> bytes:
    """Spell what the Instance ID service is asked: one topic, at most 1,000 devices."""
    asked = {"to": f"/topics/{topic_name(topic)}", "registration_tokens": list(tokens)}
    return json.dumps(asked, separators=(",", ":")).encode("ascii")


def interpret_batch(reply: HttpReply, count: int, *, now: datetime) -> list[Outcome]:
    """Say what the Instance ID service's reply means, one outcome per device in order."""
    read = read_object(reply.body)
    if reply.status == _OK:
        results = read.get("results")
        if not isinstance(results, list) or len(results) != count:
            return [_UNREADABLE] * count
        return [_member_outcome(result) for result in results]
    error = read.get("error")
    said = error.get("status") if isinstance(error, dict) else error
    reason = said[:_LONGEST_REASON_CHARS] if isinstance(said, str) and said else ""
    return [_batch_outcome(reply, reason or f"HTTP {reply.status}", now=now)] * count


def _batch_outcome(reply: HttpReply, reason: str, *, now: datetime) -> Outcome:
    status = reply.status
    asked = retry_after_of(reply.headers, now=now)
    if status == _UNAUTHORIZED:
        return RefreshCredential(reason)
    if status == _FORBIDDEN:
        return Misconfigured(reason)
    if status == _TOO_MANY:
        return Deferred(reason, QUOTA_PAUSE if asked is None else asked, is_ours=True)
    if status >= _FIRST_SERVER_ERROR:
        return Deferred(reason, SERVER_ERROR_PAUSE if asked is None else asked)
    return Rejected(reason) if status >= _BAD_REQUEST else Deferred(reason, asked)


def _member_outcome(result: Any) -> Outcome:
    if not isinstance(result, dict):
        return _UNREADABLE
    error = result.get("error")
    if error is None:
        return Accepted()
    reason = str(error)[:_LONGEST_REASON_CHARS]
    if reason in MEMBER_GONE:
        return TokenGone(reason, is_ambiguous=True)
    return Deferred(reason) if reason in MEMBER_LATER else Rejected(reason)


def _segment(text: str) -> str:
    return quote(text, safe="", errors="replace")
