"""The error tables: of the push service, and of the token endpoint.

Source: docs/dialects/mobilefirst.md, "Errors".
"""

from __future__ import annotations

from heliograph.core.errors import (
    Conflict,
    InvalidRequest,
    NotAuthenticated,
    NotFound,
    NotPermitted,
    PayloadTooLarge,
    RateLimited,
    Suspended,
    Unavailable,
)
from heliograph.web.dialect import ErrorTable, Reply
from heliograph.web.errors import (
    EndpointNotFound,
    InternalFailure,
    MethodNotAllowed,
    NotAcceptable,
    RequestTimeout,
    UnsupportedMediaType,
)

TABLE: ErrorTable = {
    InvalidRequest: Reply(400, "FPWSE0005E"),
    PayloadTooLarge: Reply(413, "FPWSE9413E"),
    NotAuthenticated: Reply(401, "FPWSE9401E"),
    NotPermitted: Reply(403, "FPWSE9403E"),
    Suspended: Reply(403, "FPWSE1007E"),
    NotFound: Reply(404, "FPWSE0001E"),
    Conflict: Reply(409, "FPWSE0002E"),
    RateLimited: Reply(429, "FPWSE9429E"),
    Unavailable: Reply(503, "FPWSE0025E"),
    EndpointNotFound: Reply(404, "FPWSE9404E"),
    MethodNotAllowed: Reply(405, "FPWSE9405E"),
    NotAcceptable: Reply(406, "FPWSE9406E"),
    # The reference knows no 415: it answers a wrong Content-Type with 405.
    UnsupportedMediaType: Reply(405, "FPWSE9415E"),
    RequestTimeout: Reply(408, "FPWSE9408E"),
    InternalFailure: Reply(500, "FPWSE0010E"),
}
"""The push service's rows. Codes from FPWSE9400E on are ours: none is published for these."""

NOT_JSON = Reply(400, "FPWSE0004E")
WRONG_SHAPE = Reply(400, "FPWSE0013E")
BAD_QUERY = Reply(400, "FPWSE0007E")
MISSING_QUERY = Reply(400, "FPWSE0008E")
BAD_OFFSET = Reply(400, "FPWSE1079E")
BAD_SIZE = Reply(400, "FPWSE1080E")
NO_SUBSCRIPTION = Reply(404, "FPWSE0012E")
SUBSCRIPTION_EXISTS = Reply(409, "FPWSE0011E")
NOT_CONFIGURED = Reply(404, "FPWSE0003E")
NO_DEVICES = Reply(404, "FPWSE0009E")

FINER = (
    NOT_JSON,
    WRONG_SHAPE,
    BAD_QUERY,
    MISSING_QUERY,
    BAD_OFFSET,
    BAD_SIZE,
    NO_SUBSCRIPTION,
    SUBSCRIPTION_EXISTS,
    NOT_CONFIGURED,
    NO_DEVICES,
)
"""Rows within a row: what the vendor tells apart and the core does not."""

TOKEN_TABLE: ErrorTable = {
    InvalidRequest: Reply(400, "invalid_request"),
    PayloadTooLarge: Reply(413, "invalid_request"),
    NotAuthenticated: Reply(401, "invalid_client"),
    NotPermitted: Reply(403, "invalid_scope"),
    Suspended: Reply(403, "invalid_scope"),
    NotFound: Reply(404, "invalid_request"),
    Conflict: Reply(409, "invalid_request"),
    RateLimited: Reply(429, "temporarily_unavailable"),
    Unavailable: Reply(503, "temporarily_unavailable"),
    EndpointNotFound: Reply(404, "invalid_request"),
    MethodNotAllowed: Reply(405, "invalid_request"),
    NotAcceptable: Reply(406, "invalid_request"),
    UnsupportedMediaType: Reply(400, "invalid_request"),
    RequestTimeout: Reply(408, "invalid_request"),
    InternalFailure: Reply(500, "server_error"),
}
"""The token endpoint's rows, in the words of RFC 6749 section 5.2."""

UNSUPPORTED_GRANT = Reply(400, "unsupported_grant_type")
