"""IBM MobileFirst's push service REST API and its token endpoint.

Source: docs/dialects/mobilefirst.md.
"""

from __future__ import annotations

from heliograph.dialects.mobilefirst.errors.rendering import render_error
from heliograph.dialects.mobilefirst.errors.table import TABLE
from heliograph.dialects.mobilefirst.routes import ROUTES
from heliograph.web.dialect import CorsPolicy, Dialect

__all__ = ["DIALECT"]

DIALECT = Dialect(
    name="mobilefirst",
    routes=ROUTES,
    errors=TABLE,
    render_error=render_error,
    prefixes=("/imfpush", "/{runtime}/api/az"),
    cors=CorsPolicy(
        # The browser SDK names its secret; the others are what any caller sends.
        request_headers=(
            "accept",
            "accept-language",
            "appsecret",
            "authorization",
            "clientsecret",
            "content-type",
            "x-rewrite-domain",
        ),
        exposed_headers=("www-authenticate",),
    ),
)
