"""What comes before the operations: the versions that are spoken, and how changes arrive."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from heliograph.dialects.layer.mapping import media_types
from heliograph.web.errors import MethodNotAllowed, NotAcceptable, UnsupportedMediaType

if TYPE_CHECKING:
    from starlette.responses import Response

    from heliograph.core.core import Core
    from heliograph.web.dialect import Handler
    from heliograph.web.request import Request

DOCUMENT = "docs/dialects/layer.md"
PAGE = f"/{DOCUMENT}"

_ASKING_FOR_NO_VERSION = frozenset({"/", "/ping", PAGE})
"""Paths that answer whatever Accept says: a probe asks only whether we are there, and where."""

_PATCH = "PATCH"


def check_request(request: Request) -> None:
    """Refuse a request for a version that is not spoken; raises NotAcceptable."""
    if request.route is not None and request.route.path in _ASKING_FOR_NO_VERSION:
        return
    if not media_types.asks_for_known_version(request.headers.getlist("accept")):
        raise NotAcceptable("Accept")


def claims_request(request: Request) -> bool:
    """Own what nobody matched where Accept names a Layer type."""
    return media_types.asks_for_layer(request.headers.getlist("accept"))


async def read_changes(request: Request) -> Any:
    """Read the list of a PATCH; raises UnsupportedMediaType, InvalidRequest."""
    if not media_types.announces_patch(request.headers.get("content-type", "")):
        raise UnsupportedMediaType("Content-Type", media_types.PATCH_TYPE)
    return await request.json()


def overridden(handler: Handler, *others: str) -> Handler:
    """Answer a POST that stands for a PATCH, by `X-HTTP-Method-Override`. others: allowed too."""

    async def handle(request: Request, core: Core) -> Response:
        if request.headers.get("x-http-method-override", "").strip().upper() != _PATCH:
            raise MethodNotAllowed(tuple(sorted((*others, _PATCH))))
        return await handler(request, core)

    return handle
