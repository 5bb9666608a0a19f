"""Where everything is, whether the server is there, and what its errors mean."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import Response

from heliograph.dialects.layer.errors.rendering import error_page
from heliograph.dialects.layer.mapping import sessions as mapping
from heliograph.dialects.layer.routes.admission import DOCUMENT, PAGE
from heliograph.web.dialect import Route
from heliograph.web.responses import empty_response

if TYPE_CHECKING:
    from heliograph.core.core import Core
    from heliograph.web.request import Request


async def root(request: Request, core: Core) -> Response:
    """Say where everything is; 200, empty, with links."""
    del core
    names = ("nonces", "sessions", "conversations", "content", "websocket")
    link = mapping.links(request.door.public_url, *names)
    return empty_response(200, {"link": link})


async def ping(request: Request, core: Core) -> Response:
    """Say that the server is there; 200, empty."""
    del request, core
    return empty_response(200)


async def errors(request: Request, core: Core) -> Response:
    """Show the errors' page, which every error links to; 200."""
    del request, core
    return Response(error_page(), 200, media_type="text/markdown")


ROUTES = (
    Route(
        "GET",
        "/",
        root,
        source=f"{DOCUMENT}#discovery",
        summary="Say where everything is",
        answers={200: None},
    ),
    Route(
        "HEAD",
        "/ping",
        ping,
        source=f"{DOCUMENT}#ping",
        summary="Say that the server is there",
        answers={200: None},
    ),
    Route(
        "GET",
        PAGE,
        errors,
        source=f"{DOCUMENT}#errors",
        summary="Show what errors there are",
        answers={200: None},
    ),
)
