"""Discord's push-device calls and logins. Source: docs/dialects/discord.md."""

from __future__ import annotations

from heliograph.dialects.discord import errors, routes
from heliograph.web.dialect import CorsPolicy, Dialect

__all__ = ["DIALECT"]

DIALECT = Dialect(
    name="discord",
    routes=routes.ROUTES,
    errors=errors.TABLE,
    render_error=errors.render_error,
    prefixes=("/users", "/auth", "/api"),
    cors=CorsPolicy(
        # What the web client sends; of all this only the first two are read.
        request_headers=(
            "authorization",
            "content-type",
            "x-client-trace-id",
            "x-context-properties",
            "x-debug-options",
            "x-discord-locale",
            "x-discord-timezone",
            "x-failed-requests",
            "x-fingerprint",
            "x-super-properties",
        ),
        exposed_headers=(
            "retry-after",
            "x-ratelimit-bucket",
            "x-ratelimit-global",
            "x-ratelimit-limit",
            "x-ratelimit-remaining",
            "x-ratelimit-reset",
            "x-ratelimit-reset-after",
            "x-ratelimit-scope",
        ),
    ),
)
