"""Nonces, sessions and identities."""

from __future__ import annotations

from typing import TYPE_CHECKING

from heliograph.core.model.identity import SessionForm
from heliograph.dialects.layer.auth import sessions as auth
from heliograph.dialects.layer.auth.applications import application_of
from heliograph.dialects.layer.auth.identity_tokens import session_for
from heliograph.dialects.layer.mapping import sessions as mapping
from heliograph.dialects.layer.routes.admission import DOCUMENT
from heliograph.dialects.layer.schemas import sessions as schemas
from heliograph.web.dialect import Route
from heliograph.web.responses import empty_response, schema_response

if TYPE_CHECKING:
    from starlette.responses import Response

    from heliograph.core.core import Core
    from heliograph.web.request import Request


async def create_nonce(request: Request, core: Core) -> Response:
    """Make a nonce for anyone; 201 with it."""
    # A client whose session is over sends its old Authorization along: nobody looks.
    del request
    return schema_response(schemas.Nonce(nonce=core.nonces.new()), 201)


async def create_session(request: Request, core: Core) -> Response:
    """Open a session for whom an identity token names; 201 with its token."""
    body = await request.read(schemas.SessionBody)
    account = await core.applications.account()
    application = await application_of(body.app_id, core, account.id)
    token = await session_for(body.identity_token, application, core)
    link = mapping.links(request.door.public_url, "conversations", "content", "websocket")
    headers = {"link": link, "cache-control": "no-store"}
    return schema_response(mapping.from_token(token), 201, headers)


async def delete_session(request: Request, core: Core) -> Response:
    """End the session in the path with what it registered, if there is one; 204."""
    # The token is the credential; an SDK that signs out looks at no answer.
    await core.identity.end_session(request.path_params["session_token"], SessionForm.LAYER)
    return empty_response()


async def get_identity(request: Request, core: Core) -> Response:
    """Say who a user is; 200."""
    principal, application = await auth.caller_of(request, core)
    user_id = mapping.to_user_id(request.path_params["user_id"])
    await core.members.require_known(principal, application, user_id)
    return schema_response(mapping.from_user_id(user_id, request.door.public_url))


ROUTES = (
    Route(
        "POST",
        "/nonces",
        create_nonce,
        source=f"{DOCUMENT}#nonces",
        summary="Make a nonce",
        answers={201: schemas.Nonce},
    ),
    Route(
        "POST",
        "/sessions",
        create_session,
        source=f"{DOCUMENT}#sessions",
        summary="Open a session",
        body=schemas.SessionBody,
        answers={201: schemas.NewSession},
    ),
    Route(
        "DELETE",
        "/sessions/{session_token}",
        delete_session,
        source=f"{DOCUMENT}#sessions",
        summary="End a session",
        answers={204: None},
    ),
    Route(
        "GET",
        "/identities/{user_id}",
        get_identity,
        source=f"{DOCUMENT}#identities",
        summary="Say who a user is",
        answers={200: schemas.Identity},
    ),
)
