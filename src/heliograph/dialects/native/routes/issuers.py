"""Issuers whose signed tokens an application believes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from heliograph.core.ids import Id, parse
from heliograph.dialects.native.mapping import issuers as mapping
from heliograph.dialects.native.routes.admission import APPLICATION, PAGE, caller_of, location_of
from heliograph.dialects.native.schemas import issuers as schemas
from heliograph.dialects.native.schemas import paging
from heliograph.web.dialect import Route
from heliograph.web.responses import empty_response, schema_response

if TYPE_CHECKING:
    from starlette.responses import Response

    from heliograph.core.core import Core
    from heliograph.web.request import Request


async def create_issuer(request: Request, core: Core) -> Response:
    """Trust an issuer from now on."""
    principal, application = await caller_of(request, core)
    body = await request.read(schemas.IssuerBody)
    issuer = await core.issuers.add(principal, application, mapping.to_draft(body))
    location = location_of(request, application, "issuer", issuer.id)
    return schema_response(mapping.from_issuer(issuer), 201, location)


async def list_issuers(request: Request, core: Core) -> Response:
    """List whom an application trusts."""
    principal, application = await caller_of(request, core)
    request.query(paging.NoQuery)
    found = await core.issuers.all_of(principal, application)
    return schema_response(mapping.from_issuers(found))


async def get_issuer(request: Request, core: Core) -> Response:
    """Show one."""
    principal, application = await caller_of(request, core)
    request.query(paging.NoQuery)
    issuer = await core.issuers.get(principal, application, _issuer_id(request))
    return schema_response(mapping.from_issuer(issuer))


async def replace_issuer(request: Request, core: Core) -> Response:
    """Change an issuer's keys, URL and audience."""
    principal, application = await caller_of(request, core)
    body = await request.read(schemas.IssuerBody)
    issuer = await core.issuers.replace(
        principal, application, _issuer_id(request), mapping.to_draft(body)
    )
    return schema_response(mapping.from_issuer(issuer))


async def delete_issuer(request: Request, core: Core) -> Response:
    """Trust an issuer no more."""
    principal, application = await caller_of(request, core)
    await core.issuers.remove(principal, application, _issuer_id(request))
    return empty_response()


def _issuer_id(request: Request) -> Id:
    return parse("issuer", request.path_params["id"])


_ALL = f"{APPLICATION}/issuers"
_ONE = f"{_ALL}/{{id}}"
_SOURCE = f"{PAGE}#issuers"

ROUTES = (
    Route(
        "POST",
        _ALL,
        create_issuer,
        source=_SOURCE,
        summary="Trust an issuer",
        body=schemas.IssuerBody,
        answers={201: schemas.Issuer},
    ),
    Route(
        "GET",
        _ALL,
        list_issuers,
        source=_SOURCE,
        summary="List whom an application trusts",
        answers={200: schemas.IssuerList},
    ),
    Route(
        "GET",
        _ONE,
        get_issuer,
        source=_SOURCE,
        summary="Show an issuer",
        answers={200: schemas.Issuer},
    ),
    Route(
        "PUT",
        _ONE,
        replace_issuer,
        source=_SOURCE,
        summary="Change an issuer's keys",
        body=schemas.IssuerBody,
        answers={200: schemas.Issuer},
    ),
    Route(
        "DELETE",
        _ONE,
        delete_issuer,
        source=_SOURCE,
        summary="Trust an issuer no more",
        answers={204: None},
    ),
)
