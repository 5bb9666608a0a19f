"""The push-token calls of the Layer Client API. Source: docs/dialects/layer.md."""

from __future__ import annotations

from heliograph.dialects.layer import errors, routes
from heliograph.web.dialect import CorsPolicy, Dialect

__all__ = ["DIALECT"]

DIALECT = Dialect(
    name="layer",
    routes=routes.ROUTES,
    errors=errors.TABLE,
    render_error=errors.render_error,
    prefixes=("/push_tokens", "/nonces", "/sessions", "/identities", "/ping", "/apps"),
    claims_request=routes.claims_request,
    check_request=routes.check_request,
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
