"""The Layer Client API, and what its Platform API says about push.

Source: docs/dialects/layer.md.
"""

from __future__ import annotations

from heliograph.dialects.layer.errors.rendering import render_error
from heliograph.dialects.layer.errors.table import TABLE
from heliograph.dialects.layer.routes import ROUTES
from heliograph.dialects.layer.routes.admission import check_request, claims_request
from heliograph.web.dialect import CorsPolicy, Dialect

__all__ = ["DIALECT"]

DIALECT = Dialect(
    name="layer",
    routes=ROUTES,
    errors=TABLE,
    render_error=render_error,
    prefixes=("/push_tokens", "/nonces", "/sessions", "/identities", "/ping", "/apps"),
    claims_request=claims_request,
    check_request=check_request,
    cors=CorsPolicy(
        request_headers=(
            "accept",
            "authorization",
            "client-id",
            "content-type",
            "layer-xdk-version",
            "x-http-method-override",
        ),
        exposed_headers=("link",),
    ),
)
