"""Navixy's credential: the hash of a session, among the parameters or in `Authorization`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from heliograph.core.errors import InvalidRequest, Problem, ProblemKind
from heliograph.core.model.identity import SessionForm

if TYPE_CHECKING:
    from collections.abc import Mapping

    from heliograph.core.core import Core
    from heliograph.core.model.application import Application
    from heliograph.core.model.identity import SessionPrincipal
    from heliograph.web.request import Request

PARAMETER = "hash"

_HASH = re.compile("[0-9a-fA-F]{32}")
_HEADER = re.compile("NVX (?P<hash>.*)", re.IGNORECASE)
"""Exactly one blank: with none it is no scheme, and with two no hash follows."""


async def caller_of(
    parameters: Mapping[str, Any], request: Request, core: Core
) -> tuple[SessionPrincipal, Application]:
    """Say whose session a call names, and in which application.

    The first hash that is there counts, even if it is a bad one. Raises
    InvalidRequest about `hash` where none is there or it can't be one, and
    NotAuthenticated where it is nobody's, or nobody's any more.
    Source: docs/dialects/navixy.md, "Authentication".
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
    principal = await core.identity.session(found, SessionForm.NAVIXY)
    return principal, await core.applications.get(principal.session.application_id)
