"""Google's error envelope, with FCM's code where FCM itself says no.

Source: docs/providers/fcm.md, "Error body"; the canonical codes of google.rpc.Code.
"""

import json
from collections.abc import Sequence
from typing import Any, Final

from heliograph.simulators.exchange import JSON_FIELD, Answer, Field
from heliograph.simulators.fcm.schema import Violation

FCM_ERROR: Final = "type.googleapis.com/google.firebase.fcm.v1.FcmError"
BAD_REQUEST: Final = "type.googleapis.com/google.rpc.BadRequest"
ERROR_INFO: Final = "type.googleapis.com/google.rpc.ErrorInfo"

STATUS_NAMES: Final = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    409: "ALREADY_EXISTS",
    429: "RESOURCE_EXHAUSTED",
    499: "CANCELLED",
    500: "INTERNAL",
    501: "UNIMPLEMENTED",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}

FCM_CODES: Final = {
    "UNSPECIFIED_ERROR": "The cause is not known.",
    "INVALID_ARGUMENT": "Request contains an invalid argument.",
    "UNREGISTERED": "Requested entity was not found.",
    "SENDER_ID_MISMATCH": "SenderId mismatch",
    "QUOTA_EXCEEDED": "Sending limit exceeded for the message target.",
    "UNAVAILABLE": "The service is currently unavailable.",
    "INTERNAL": "Internal error encountered.",
    "THIRD_PARTY_AUTH_ERROR": "Auth error from APNS or Web Push Service",
    "APNS_AUTH_ERROR": "Auth error from APNS",
}
"""FcmError codes, each with the sentence that comes with it."""

_NO_ENTITY: Final = "Requested entity was not found."
_MARKUP_FIELD: Final[Field] = (b"content-type", b"text/html; charset=UTF-8")
# What Google's front ends answer themselves, before any API sees the request.
_FRONT_END: Final = frozenset({413, 502, 504})


def envelope(
    status: int,
    message: str,
    details: Sequence[dict[str, Any]] = (),
    *,
    status_name: str | None = None,
    fields: tuple[Field, ...] = (),
    delay_ms: int = 0,
) -> Answer:
    """Build an error reply."""
    error: dict[str, Any] = {
        "code": status,
        "message": message,
        "status": status_name or STATUS_NAMES.get(status, "UNKNOWN"),
    }
    if details:
        error["details"] = list(details)
    body = json.dumps({"error": error}, indent=2).encode()
    return Answer(status, (JSON_FIELD, *fields), body, delay_ms)


def front_end_page(status: int, *, fields: tuple[Field, ...] = (), delay_ms: int = 0) -> Answer:
    """Build a reply as Google's front end gives it: a page, not JSON."""
    body = f"<!DOCTYPE html>\n<title>Error {status}</title>\n<p>That's an error.\n".encode()
    return Answer(status, (_MARKUP_FIELD, *fields), body, delay_ms)


def fcm_error(code: str) -> dict[str, Any]:
    """Build the detail that carries FCM's own code."""
    return {"@type": FCM_ERROR, "errorCode": code}


def bad_request(violations: Sequence[Violation]) -> dict[str, Any]:
    """Build the detail that names the fields at fault."""
    return {"@type": BAD_REQUEST, "fieldViolations": [v._asdict() for v in violations]}


def scripted(
    status: int,
    reason: str | None,
    *,
    field: str | None = None,
    retry_after_s: int | None = None,
    delay_ms: int = 0,
) -> Answer:
    """Build the error a fault asks for.

    A reason that is an FCM code goes into an FcmError detail; any other one is a canonical
    status, as the API's outer layers give it; without a reason the HTTP status decides.
    """
    fields: tuple[Field, ...] = ()
    if retry_after_s is not None:
        fields = ((b"retry-after", str(retry_after_s).encode()),)
    if reason is None and status in _FRONT_END:
        return front_end_page(status, fields=fields, delay_ms=delay_ms)
    details = []
    name = None
    message = "The request failed."
    if reason in FCM_CODES:
        details.append(fcm_error(reason))
        message = FCM_CODES[reason]
    else:
        name = reason or STATUS_NAMES.get(status)
        if name == "NOT_FOUND":
            message = _NO_ENTITY
    if field is not None:
        details.append(bad_request([Violation(field, message)]))
    return envelope(status, message, details, status_name=name, fields=fields, delay_ms=delay_ms)
