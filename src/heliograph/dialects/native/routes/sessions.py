"""Sessions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from heliograph.dialects.native.mapping import sessions as mapping
from heliograph.dialects.native.routes.admission import APPLICATION, NEVER_CACHED, PAGE, caller_of
from heliograph.dialects.native.schemas import sessions as schemas
from heliograph.web.dialect import Route
from heliograph.web.responses import schema_response

if TYPE_CHECKING:
    from starlette.responses import Response

    from heliograph.core.core import Core
    from heliograph.web.request import Request


async def create_session(request: Request, core: Core) -> Response:
    """Sign a user in on a back end's word."""
    principal, application = await caller_of(request, core)
    body = await request.read(schemas.SessionBody)
    session, token = await core.identity.mint_session(
        principal, application, body.user_id, body.form, mapping.to_ttl(body)
    )
    return schema_response(mapping.from_session(session, token), 201, NEVER_CACHED)


ROUTES = (
    Route(
        "POST",
        f"{APPLICATION}/sessions",
        create_session,
        source=f"{PAGE}#sessions",
        summary="Sign a user in",
        body=schemas.SessionBody,
        answers={201: schemas.MintedSession},
    ),
)
