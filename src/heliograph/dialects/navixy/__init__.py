"""Navixy's user API, as far as push tokens need it. Source: docs/dialects/navixy.md."""

from __future__ import annotations

from heliograph.dialects.navixy import errors, routes
from heliograph.web.dialect import DEFAULT_CORS_HEADERS, CorsPolicy, Dialect

__all__ = ["DIALECT"]

DIALECT = Dialect(
    name="navixy",
    routes=routes.ROUTES,
    errors=errors.TABLE,
    render_error=errors.render_error,
    prefixes=("/user", "/v2", "/api/key"),
    cors=CorsPolicy(request_headers=(*DEFAULT_CORS_HEADERS, "nvx-iso-datetime")),
)
