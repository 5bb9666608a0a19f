"""The native API: everything that the server can do, under /v1."""

from heliograph.dialects.native.errors import TABLE, render_error
from heliograph.dialects.native.routes import ROUTES
from heliograph.dialects.native.routes.admission import check_request
from heliograph.web.dialect import CorsPolicy, Dialect

DIALECT = Dialect(
    name="native",
    routes=ROUTES,
    errors=TABLE,
    render_error=render_error,
    prefixes=("/v1", "/"),
    check_request=check_request,
    cors=CorsPolicy(
        request_headers=("accept", "authorization", "content-type", "idempotency-key"),
        exposed_headers=("location", "retry-after", "www-authenticate"),
    ),
)
