"""An application itself: what it assumes, and what it sends by."""

from __future__ import annotations

from typing import TYPE_CHECKING

from heliograph.core.errors import InvalidRequest, NotFound
from heliograph.core.model.registration import ProviderName
from heliograph.dialects.native.mapping import applications as mapping
from heliograph.dialects.native.routes.admission import APPLICATION, PAGE, caller_of
from heliograph.dialects.native.schemas import applications as schemas
from heliograph.dialects.native.schemas import paging
from heliograph.web.dialect import Route
from heliograph.web.responses import empty_response, schema_response

if TYPE_CHECKING:
    from starlette.responses import Response

    from heliograph.core.core import Core
    from heliograph.web.request import Request


async def get_application(request: Request, core: Core) -> Response:
    """Show an application."""
    principal, application = await caller_of(request, core)
    request.query(paging.NoQuery)
    shown = await core.provider_settings.shown(principal, application)
    return schema_response(mapping.from_application(shown))


async def change_application(request: Request, core: Core) -> Response:
    """Change what an application assumes, or whether anything is sent."""
    principal, application = await caller_of(request, core)
    request.query(paging.NoQuery)
    body = await request.read(schemas.ApplicationChanges)
    defaults = mapping.to_defaults(body, application.defaults)
    changed = await core.provider_settings.change(
        principal, application, defaults, is_muted=body.is_muted
    )
    return schema_response(mapping.from_application(changed))


async def list_credentials(request: Request, core: Core) -> Response:
    """List an application's credentials, without their secrets."""
    principal, application = await caller_of(request, core)
    request.query(paging.NoQuery)
    found = await core.provider_settings.all_of(principal, application)
    return schema_response(mapping.from_credentials(found))


async def put_credential(request: Request, core: Core) -> Response:
    """Send by this credential from now on."""
    principal, application = await caller_of(request, core)
    request.query(paging.NoQuery)
    provider = mapping.to_provider(request.path_params["provider"])
    body = await request.read(schemas.CredentialBody)
    mapping.check_form(body, provider)
    settings, environment = core.provider_settings, body.environment
    try:
        if body.certificate is not None:
            raw, password = mapping.to_file(body.certificate), body.certificate.password
            await settings.put_file(
                principal, application, provider, environment, raw, password, is_only=False
            )
        else:
            secret = mapping.to_secret(body)
            if secret is None:
                text = mapping.to_service_account(body)
                secret = core.credentials.read_secret(ProviderName.FCM, environment, text)
            await settings.put(principal, application, environment, secret, is_only=False)
    except InvalidRequest as error:
        raise InvalidRequest(mapping.to_body_problems(error.problems, body)) from error
    shown = await settings.own_of(principal, application, provider, environment)
    return schema_response(mapping.from_credential(shown))


async def delete_credential(request: Request, core: Core) -> Response:
    """Send by a provider's credentials no more."""
    principal, application = await caller_of(request, core)
    query = request.query(schemas.CredentialQuery)
    name = request.path_params["provider"]
    is_gone = await core.provider_settings.remove(
        principal, application, mapping.to_provider(name), environment=query.environment
    )
    if not is_gone:
        raise NotFound("credential", name)
    return empty_response()


_CREDENTIALS = f"{APPLICATION}/credentials"
_SOURCE = f"{PAGE}#applications"

ROUTES = (
    Route(
        "GET",
        APPLICATION,
        get_application,
        source=_SOURCE,
        summary="Show an application",
        answers={200: schemas.Application},
    ),
    Route(
        "PATCH",
        APPLICATION,
        change_application,
        source=_SOURCE,
        summary="Change an application",
        body=schemas.ApplicationChanges,
        answers={200: schemas.Application},
    ),
    Route(
        "GET",
        _CREDENTIALS,
        list_credentials,
        source=_SOURCE,
        summary="List an application's credentials",
        answers={200: schemas.CredentialList},
    ),
    Route(
        "PUT",
        f"{_CREDENTIALS}/{{provider}}",
        put_credential,
        source=_SOURCE,
        summary="Set a provider's credential",
        body=schemas.CredentialBody,
        answers={200: schemas.Credential},
    ),
    Route(
        "DELETE",
        f"{_CREDENTIALS}/{{provider}}",
        delete_credential,
        source=_SOURCE,
        summary="Remove a provider's credentials",
        query=schemas.CredentialQuery,
        answers={204: None},
    ),
)
