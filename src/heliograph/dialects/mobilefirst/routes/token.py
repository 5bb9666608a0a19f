"""The token endpoint."""

from __future__ import annotations

from typing import TYPE_CHECKING

from heliograph.dialects.mobilefirst.auth import callers, tokens
from heliograph.dialects.mobilefirst.mapping import token as mapping
from heliograph.dialects.mobilefirst.schemas.token import AccessToken, TokenForm
from heliograph.web.dialect import Route
from heliograph.web.responses import json_response

if TYPE_CHECKING:
    from starlette.responses import Response

    from heliograph.core.core import Core
    from heliograph.web.request import Request

_NEVER_CACHED = {"Cache-Control": "no-store", "Pragma": "no-cache"}
"""Source: RFC 6749 section 5.1."""


async def create_token(request: Request, core: Core) -> Response:
    """Give a confidential client a token for the scope that it asks for; 200."""
    principal = await callers.client_of(request, core)
    form = await request.read_form(TokenForm)
    elements = mapping.to_elements(form.scope)
    await callers.granted(principal, elements, core)
    text = tokens.mint(core.signer, principal.client.id, elements, now=core.clock.now())
    answer = mapping.from_token(text, elements)
    return json_response(answer.model_dump(), 200, _NEVER_CACHED)


ROUTES = (
    Route(
        "POST",
        "/{runtime}/api/az/v1/token",
        create_token,
        source="docs/dialects/mobilefirst.md#tokens",
        summary="Get an access token",
        answers={200: AccessToken},
    ),
)
