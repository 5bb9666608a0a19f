"""Refusals in the words of each push service.

Source: docs/providers/webpush.md, "Replies".
"""

from __future__ import annotations

import json
from typing import Final

from heliograph.simulators.exchange import JSON_FIELD, Answer, Field

APPLE_REASONS: Final = frozenset(
    {
        "BadAuthorizationHeader",
        "BadJwtToken",
        "BadPath",
        "BadTtl",
        "BadUrgency",
        "BadVapidPublicKey",
        "BadWebPushRequest",
        "BadWebPushTopic",
        "IdleTimeout",
        "MethodNotAllowed",
        "PayloadTooLarge",
        "ServiceUnavailable",
        "Shutdown",
        "TooManyRequests",
        "VapidPkHashMismatch",
    }
)
MICROSOFT_STATUSES: Final = frozenset({"appthrottled", "channelthrottled", "dropped"})
_DESCRIPTION: Final = "description: "
_PLACE: Final = "location: "


def refusal(status: int, errno: int, message: str) -> Answer:
    """Refuse as Mozilla does, and so as this fake does by itself."""
    body = {"code": status, "errno": errno, "error": "refused", "message": message}
    return Answer(status, (JSON_FIELD,), json.dumps(body).encode())


def scripted(
    status: int, reason: str | None, *, retry_after_s: int | None, delay_ms: int
) -> Answer:
    """Refuse in the words of the service whose reason it is: a number is Mozilla's.

    `description: …` is Microsoft's header, `location: …` a redirect; anything unknown is a
    page of Google's with that text, and None says nothing at all.
    """
    fields: tuple[Field, ...] = ()
    body = b""
    if reason is None:
        pass
    elif reason.isdecimal():
        answer = refusal(status, int(reason), "This is scripted.")
        fields, body = answer.fields, answer.body
    elif reason in APPLE_REASONS:
        fields, body = (JSON_FIELD,), json.dumps({"reason": reason}).encode()
    elif reason in MICROSOFT_STATUSES:
        fields = ((b"x-wns-status", reason.encode()),)
    elif reason.startswith(_DESCRIPTION):
        fields = ((b"x-wns-error-description", reason.removeprefix(_DESCRIPTION).encode()),)
    elif reason.startswith(_PLACE):
        fields = ((b"location", reason.removeprefix(_PLACE).encode()),)
    else:
        fields = ((b"content-type", b"text/html; charset=utf-8"),)
        body = f"<html><body><p>{reason}</p></body></html>".encode()
    if retry_after_s is not None:
        fields = (*fields, (b"retry-after", str(retry_after_s).encode()))
    return Answer(status, fields, body, delay_ms)
