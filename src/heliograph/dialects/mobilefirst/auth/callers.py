"""Who is calling: by Basic at the token endpoint, by bearer token everywhere else."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from heliograph.core import access
from heliograph.core.errors import NotAuthenticated, NotFound, NotPermitted
from heliograph.core.ids import parse, spell
from heliograph.core.model.identity import ClientPrincipal
from heliograph.core.registrations.tokens import has_control_characters
from heliograph.dialects.mobilefirst.auth import scopes, tokens

if TYPE_CHECKING:
    from collections.abc import Sequence

    from heliograph.core.core import Core
    from heliograph.core.ids import Id
    from heliograph.core.model.application import Application
    from heliograph.core.model.identity import ApiClient
    from heliograph.dialects.mobilefirst.auth.scopes import Operation
    from heliograph.dialects.mobilefirst.auth.tokens import AccessToken
    from heliograph.web.request import Request

APPLICATION_ALIAS = "mobilefirst_app"
"""The kind of alias under which an application's MobileFirst id is kept, per account."""

SECTION, TAKES_SECRETS = "mobilefirst", "takes_secrets"
"""Where an application's settings say that it takes the Cloud edition's secrets."""

_BEARER = re.compile(r"\s*Bearer +(?P<token>[A-Za-z0-9._~+/-]+=*)\s*", re.IGNORECASE)


async def client_of(request: Request, core: Core) -> ClientPrincipal:
    """Say which confidential client asks for a token; raises NotAuthenticated.

    Source: RFC 6749 section 2.3.1; docs/dialects/mobilefirst.md, "Tokens".
    """
    scheme, _, credentials = request.headers.get("authorization", "").strip().partition(" ")
    if scheme.lower() != "basic":
        raise NotAuthenticated
    try:
        text = base64.b64decode(credentials.strip(), validate=True).decode()
    except ValueError:
        raise NotAuthenticated from None
    client_id, _, secret = text.partition(":")
    principal = await core.identity.client(secret)
    if client_id != spell("api_client", principal.client.id):
        raise NotAuthenticated
    return principal


async def granted(principal: ClientPrincipal, elements: Sequence[str], core: Core) -> None:
    """Let pass a client that may have all these elements.

    Raises NotPermitted naming every element that is beyond it.
    """
    beyond = [each for each in elements if not await _may_have(principal, each, core)]
    if beyond:
        raise NotPermitted(" ".join(beyond))


async def caller_of(
    request: Request, core: Core, operation: Operation, application: str
) -> ClientPrincipal:
    """Say who calls, with no more rights than the token's scope opens.

    Raises NotAuthenticated, and NotPermitted naming the scope that is needed.
    """
    if (by_secret := await _by_secret(request, core, operation, application)) is not None:
        return by_secret
    token, client = await _token_of(request, core)
    is_own = False
    if client.application_id is not None:
        named = await _application_id(core, client.account_id, application)
        is_own = named == client.application_id
    is_within = is_own or client.application_id is None
    elements = _living_elements(token, client)
    if not is_within or not scopes.opens(elements, operation, application, is_own=is_own):
        raise NotPermitted(scopes.needed_for(operation, application))
    rights = client.scopes & scopes.rights_of(elements)
    return ClientPrincipal(replace(client, scopes=rights))


@dataclass(frozen=True, slots=True)
class AccountCaller:
    """Who calls for no application in particular. elements: of its token, that still hold."""

    principal: ClientPrincipal
    elements: tuple[str, ...]


async def account_caller_of(request: Request, core: Core, operation: Operation) -> AccountCaller:
    """Say who calls an operation beside all applications, whichever ones its token names.

    Raises NotAuthenticated, and NotPermitted naming the scope that is needed.
    """
    token, client = await _token_of(request, core)
    elements = _living_elements(token, client)
    if scopes.EVERYTHING not in elements and operation.scope not in elements:
        raise NotPermitted(scopes.needed_for(operation, scopes.EVERYTHING))
    rights = client.scopes & scopes.rights_of(elements)
    return AccountCaller(ClientPrincipal(replace(client, scopes=rights)), tuple(elements))


async def application_of(principal: ClientPrincipal, core: Core, name: str) -> Application:
    """Find an application by the id that MobileFirst knows it by, or by ours.

    Raises NotFound.
    """
    application_id = await _application_id(core, principal.account_id, name)
    if application_id is None:
        raise NotFound("application", name)
    try:
        application = await core.applications.get(application_id)
        access.require_sight(principal, application)
    except NotFound:
        # By the name that the caller gave it: ours is none of theirs.
        raise NotFound("application", name) from None
    return application


def takes_secrets(application: Application) -> bool:
    """Say whether an application's callers may sign in by secret."""
    return application.settings.get(SECTION, {}).get(TAKES_SECRETS) is True


def has_bearer(request: Request) -> bool:
    """Say whether a request carries a bearer token, good or not."""
    scheme = request.headers.get("authorization", "").strip().partition(" ")[0]
    return scheme.lower() == "bearer"


async def _by_secret(
    request: Request, core: Core, operation: Operation, application: str
) -> ClientPrincipal | None:
    """Say who calls as the Cloud edition's clients do: by a secret in a header of its own.

    A secret is an API client's key. Where the application has not been told
    to take secrets there is none, and the bearer token counts.
    """
    app_secret = request.headers.get("appsecret")
    secret = app_secret or request.headers.get("clientsecret")
    if not secret or "authorization" in request.headers:
        return None
    client = (await core.identity.client(secret)).client
    application_id = await _application_id(core, client.account_id, application)
    if application_id is None or client.application_id not in (None, application_id):
        raise NotAuthenticated
    found = await core.applications.get(application_id)
    if found.account_id != client.account_id or not takes_secrets(found):
        raise NotAuthenticated
    if app_secret:
        return ClientPrincipal(client)
    if not operation.is_for_mobile:
        raise NotPermitted(scopes.needed_for(operation, application))
    rights = client.scopes & scopes.rights_of([scopes.MOBILE_CLIENT])
    return ClientPrincipal(replace(client, scopes=rights))


async def _token_of(request: Request, core: Core) -> tuple[AccessToken, ApiClient]:
    """Read the bearer token and whose it is; raises NotAuthenticated."""
    found = _BEARER.fullmatch(request.headers.get("authorization", ""))
    if found is None:
        raise NotAuthenticated
    token = tokens.read(core.signer, found["token"], now=core.clock.now())
    if token is None:
        raise NotAuthenticated
    return token, (await core.identity.client_of(token.client_id)).client


def _living_elements(token: AccessToken, client: ApiClient) -> list[str]:
    """Say what the client may have now: its rights may be fewer than when it was granted them."""
    return [
        each
        for each in token.elements
        if each.startswith(scopes.APPLICATION_PREFIX) or scopes.may_have(client, each)
    ]


async def _may_have(principal: ClientPrincipal, element: str, core: Core) -> bool:
    client = principal.client
    name = element.removeprefix(scopes.APPLICATION_PREFIX)
    if element in (name, scopes.EVERY_APPLICATION):
        return scopes.may_have(client, element)
    if client.application_id is None:
        return True
    return await _application_id(core, client.account_id, name) == client.application_id


async def _application_id(core: Core, account_id: Id, name: str) -> Id | None:
    if has_control_characters(name):
        return None
    known = await core.aliases.find(APPLICATION_ALIAS, account_id, name)
    if known is not None:
        return known
    try:
        return parse("application", name)
    except NotFound:
        return None
