"""The push-notification calls of the Twilio Communications API. Source: docs/dialects/twilio.md."""

from __future__ import annotations

from heliograph.dialects.twilio.errors.rendering import render_error
from heliograph.dialects.twilio.errors.table import TABLE
from heliograph.dialects.twilio.routes import ROUTES
from heliograph.web.dialect import CorsPolicy, Dialect

__all__ = ["DIALECT"]

DIALECT = Dialect(
    name="twilio",
    routes=ROUTES,
    errors=TABLE,
    render_error=render_error,
    prefixes=("/v1/PushNotifications", "/preview"),
    cors=CorsPolicy(
        request_headers=(
            "authorization",
            "content-type",
            "x-fern-language",
            "x-fern-sdk-name",
            "x-fern-sdk-version",
            "x-twilio-client",
        ),
        exposed_headers=(
            "location",
            "operation-id",
            "operation-location",
            "resource-id",
            "resource-location",
            "retry-after",
        ),
    ),
    # Ten thousand recipients with their variables fit, as the vendor allows.
    max_body_bytes=6 * 1024 * 1024,
)
