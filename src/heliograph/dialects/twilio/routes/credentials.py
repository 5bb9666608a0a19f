"""Twilio's operations: credentials, of which Apps are born and with which they die."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from heliograph.core import access
from heliograph.core.errors import InvalidRequest, NotFound, Problem, ProblemKind
from heliograph.core.model.identity import Scope
from heliograph.dialects.twilio.auth.callers import caller_of
from heliograph.dialects.twilio.mapping import answers, credentials, ids, paging
from heliograph.dialects.twilio.routes.admission import (
    PAGE,
    accepted,
    apps_of,
    behind,
    pagination,
    shown,
)
from heliograph.dialects.twilio.schemas import credentials as schemas
from heliograph.dialects.twilio.schemas.wire import NamedResource
from heliograph.web.dialect import Route

if TYPE_CHECKING:
    from starlette.responses import Response

    from heliograph.core.applications.named_applications import NamedApplication
    from heliograph.core.core import Core
    from heliograph.core.model.application import ShelvedCredential
    from heliograph.core.model.identity import ClientPrincipal
    from heliograph.web.request import Request

_PLACE = "Credentials"


@dataclass(frozen=True, slots=True)
class _Placed:
    app: NamedApplication
    credential: ShelvedCredential


async def create_credential(request: Request, core: Core) -> Response:
    """Add a credential to an App, which is made if it is new; 202, with its id."""
    principal = await caller_of(request, core)
    access.require_right(principal, Scope.APPLICATIONS_WRITE)
    body = await request.read(schemas.CreateCredential)
    provider, environment = ids.SLOTS[body.credential_type]
    text = credentials.to_text(body)
    try:
        secret = core.credentials.read_secret(provider, environment, text)
    except InvalidRequest as error:
        raise InvalidRequest(
            [credentials.to_wire(each, body) for each in error.problems]
        ) from error
    name = body.app_name or await _default_name(core, principal)
    try:
        application = await core.named_applications.ensure(principal, ids.NAMING, name)
        made = await core.credentials.put(
            principal, application, environment, secret, is_own=body.is_default
        )
    except InvalidRequest as error:
        # The account's Apps or the App's credentials are too many.
        raise InvalidRequest(
            [Problem(("appName",), each.kind, each.expected) for each in error.problems]
        ) from error
    return _accepted(request, made)


async def list_credentials(request: Request, core: Core) -> Response:
    """List credentials, newest first."""
    principal = await caller_of(request, core)
    access.require_right(principal, Scope.APPLICATIONS_READ)
    query = request.query(schemas.CredentialQuery)
    filters = paging.to_filters(_PLACE, query, principal)
    this = behind(core, query.page_token, filters)
    before = paging.to_id(this)
    found = [
        each
        for each in reversed(await _all(core, principal))
        if (before is None or each.credential.id < before) and _is_wanted(each, query)
    ]
    some = found[: query.page_size]
    page = schemas.Credentials(
        credentials=tuple(
            credentials.from_credential(each.credential, each.app.name) for each in some
        ),
        pagination=pagination(
            core, filters, this, some[-1].credential.id if len(found) > len(some) else None
        ),
    )
    return shown(page)


async def get_credential(request: Request, core: Core) -> Response:
    """Show one credential, without its secret."""
    principal = await caller_of(request, core)
    access.require_right(principal, Scope.APPLICATIONS_READ)
    found = await _in_path(request, core, principal)
    return shown(credentials.from_credential(found.credential, found.app.name))


async def update_credential(request: Request, core: Core) -> Response:
    """Make a credential its App's own; 202, with its id."""
    principal = await caller_of(request, core)
    access.require_right(principal, Scope.APPLICATIONS_WRITE)
    body = await request.read(schemas.ChangeDefault)
    found = await _in_path(request, core, principal)
    if body.is_default:
        await core.credentials.make_own(principal, found.app.application, found.credential.id)
    return _accepted(request, found.credential)


async def delete_credential(request: Request, core: Core) -> Response:
    """Delete a credential, with its App if it was the last; 202, with its id."""
    principal = await caller_of(request, core)
    access.require_right(principal, Scope.APPLICATIONS_WRITE)
    found = await _in_path(request, core, principal)
    application = found.app.application
    if not await core.credentials.remove(principal, application, found.credential.id):
        await core.named_applications.forget(
            principal, ids.NAMING, application.id, origin=ids.ORIGIN
        )
    return _accepted(request, found.credential)


async def _default_name(core: Core, principal: ClientPrincipal) -> str:
    """Answer the default App's name; raises InvalidRequest where there is none."""
    app = await core.named_applications.find(principal, ids.NAMING, None)
    if app is None:
        raise InvalidRequest([Problem(("appName",), ProblemKind.MISSING, "present")])
    return app.name


async def _all(core: Core, principal: ClientPrincipal) -> list[_Placed]:
    """List all credentials that a caller may know of, by age."""
    found = [
        _Placed(app, each)
        for app in await apps_of(core, principal)
        for each in credentials.shown(await core.credentials.of(app.application.id))
    ]
    return sorted(found, key=lambda each: each.credential.id)


async def _in_path(request: Request, core: Core, principal: ClientPrincipal) -> _Placed:
    """Find the credential whose id the path spells; raises NotFound."""
    name = request.path_params["credential_id"]
    wanted = ids.to_credential_id(name)
    for each in await _all(core, principal):
        if each.credential.id == wanted:
            return each
    raise NotFound("credential", name)


def _is_wanted(placed: _Placed, query: schemas.CredentialQuery) -> bool:
    credential, created = placed.credential, placed.credential.created
    slot = (credential.provider, credential.environment)
    return (
        query.app_name in (None, placed.app.name)
        and query.credential_type in (None, ids.TYPES[slot])
        and query.is_default in (None, credential.is_own)
        and (query.start_date is None or created >= query.start_date)
        and (query.end_date is None or created < query.end_date)
    )


def _accepted(request: Request, credential: ShelvedCredential) -> Response:
    name = ids.spell_credential(credential.id)
    return accepted(answers.named(_PLACE, name, request.door.public_url))


ROUTES = (
    Route(
        "POST",
        "/v1/PushNotifications/Credentials",
        create_credential,
        source=f"{PAGE}#credentials",
        summary="Create a credential",
        body=schemas.CreateCredential,
        answers={202: NamedResource},
    ),
    Route(
        "GET",
        "/v1/PushNotifications/Credentials",
        list_credentials,
        source=f"{PAGE}#credentials",
        summary="List credentials",
        query=schemas.CredentialQuery,
        answers={200: schemas.Credentials},
    ),
    Route(
        "GET",
        "/v1/PushNotifications/Credentials/{credential_id}",
        get_credential,
        source=f"{PAGE}#credentials",
        summary="Show a credential",
        answers={200: schemas.Credential},
    ),
    Route(
        "PATCH",
        "/v1/PushNotifications/Credentials/{credential_id}",
        update_credential,
        source=f"{PAGE}#credentials",
        summary="Make a credential the default",
        body=schemas.ChangeDefault,
        answers={202: NamedResource},
    ),
    Route(
        "DELETE",
        "/v1/PushNotifications/Credentials/{credential_id}",
        delete_credential,
        source=f"{PAGE}#credentials",
        summary="Delete a credential",
        answers={202: NamedResource},
    ),
)
