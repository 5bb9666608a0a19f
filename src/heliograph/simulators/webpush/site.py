"""The demo's page for browsers, and the client that other sites may copy."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING, Final

from starlette.responses import Response

from heliograph.web.dialect import Route

if TYPE_CHECKING:
    from heliograph.core.core import Core
    from heliograph.web.request import Request

PAGE: Final = "/simulators/webpush/"
_SOURCE: Final = "docs/web-push-client.md"
_HTML: Final = "text/html; charset=utf-8"
_SCRIPT: Final = "text/javascript; charset=utf-8"


def _route(path: str, name: str, media_type: str) -> Route:
    content = files("heliograph.simulators.webpush").joinpath("page", name)

    async def serve(request: Request, core: Core) -> Response:
        """Serve one file of the page."""
        del request, core
        return Response(content.read_bytes(), media_type=media_type)

    return Route("GET", path, serve, source=_SOURCE)


ROUTES: Final = (
    _route(PAGE, "index.html", _HTML),
    _route(f"{PAGE}heliograph-webpush.js", "heliograph-webpush.js", _SCRIPT),
    _route(f"{PAGE}service-worker.js", "service-worker.js", _SCRIPT),
)
