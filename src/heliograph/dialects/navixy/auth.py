"""Navixy's credential: the hash of a session, among the parameters or in `Authorization`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from heliograph.core.errors import (
    InvalidRequest,
    NotAuthenticated,
    NotPermitted,
    Problem,
    ProblemKind,
    Suspended,
)
from heliograph.core.model.identity import SessionForm, SessionKind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from heliograph.core.core import Core
    from heliograph.core.model.application import Application
    from heliograph.core.model.identity import SessionPrincipal
    from heliograph.web.request import Request

PARAMETER = "hash"
FORM = SessionForm.NAVIXY
CALLS_OF_USERS = "calls of users"
"""What a delivery session would need to be permitted for. None is."""

_HASH = re.compile("[0-9a-fA-F]{32}")
_HEADER = re.compile("NVX (?P<hash>.*)", re.IGNORECASE)
"""Exactly one blank: with none it is no scheme, and with two no hash follows."""


async def caller_of(
    parameters: Mapping[str, Any], request: Request, core: Core
) -> tuple[SessionPrincipal, Application]:
    """Say whose session or API key a call names, and in which application.

    Raises InvalidRequest about `hash` where none is there or it can't be one,
    NotAuthenticated where it is nobody's, or nobody's any more, NotPermitted
    for a delivery session's, Suspended for a key of who is shut out, and
    RateLimited.
    Source: docs/dialects/navixy.md, "Authentication".
    """
    try:
        principal = await core.identity.session(hash_of(parameters, request), FORM)
    except (InvalidRequest, NotAuthenticated, Suspended):
        core.rates.count_stranger(request.client_address)
        raise
    core.rates.count_request(principal.session.id)
    if principal.session.kind is SessionKind.GUEST:
        raise NotPermitted(CALLS_OF_USERS)
    return principal, await core.applications.get(principal.session.application_id)


async def user_of(
    parameters: Mapping[str, Any], request: Request, core: Core
) -> tuple[SessionPrincipal, Application]:
    """Say who signed in; otherwise as `caller_of`. API keys are not authenticated."""
    principal, application = await caller_of(parameters, request, core)
    if principal.session.kind is not SessionKind.SIGN_IN:
        raise NotAuthenticated
    return principal, application


def hash_of(parameters: Mapping[str, Any], request: Request) -> str:
    """Find the hash: the first that is there counts, even if it is a bad one.

    Raises InvalidRequest about `hash`.
    """
    found = parameters.get(PARAMETER)
    if found is None:
        header = _HEADER.fullmatch(request.headers.get("authorization", ""))
        found = header and header["hash"]
    if found is None:
        raise InvalidRequest([Problem((PARAMETER,), ProblemKind.MISSING, "present")])
    if not isinstance(found, str) or not _HASH.fullmatch(found):
        expected = "32 hexadecimal digits"
        raise InvalidRequest([Problem((PARAMETER,), ProblemKind.MALFORMED, expected)])
    return found
