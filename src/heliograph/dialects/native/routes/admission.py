"""What comes before the operations: who calls, about which application, and what the path names."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from heliograph.core.ids import parse, spell
from heliograph.dialects.native import auth
from heliograph.web.errors import NotAcceptable
from heliograph.web.media_types import admits_json

if TYPE_CHECKING:
    from heliograph.core.core import Core
    from heliograph.core.ids import Id
    from heliograph.core.model.application import Application
    from heliograph.core.model.identity import Principal
    from heliograph.web.request import Request

APPLICATION = "/v1/applications/{app}"
PAGE = "docs/dialects/native.md"

NEVER_CACHED = {"cache-control": "no-store"}
"""For answers with a secret in them."""


def check_request(request: Request) -> None:
    """Refuse a caller whose Accept header rules JSON out; raises NotAcceptable."""
    if not admits_json(request.headers.get("accept")):
        raise NotAcceptable("Accept")


async def caller_of(request: Request, core: Core) -> tuple[Principal, Application]:
    """Say who calls, and about which application; raises NotAuthenticated, NotFound."""
    principal = await auth.principal_of(request, core)
    application = await core.applications.seen_by(principal, request.path_params["app"])
    return principal, application


def registration_id(request: Request) -> Id:
    """Read the registration that a path names; raises NotFound."""
    return parse("registration", request.path_params["id"])


def notification_id(request: Request) -> Id:
    """Read the notification that a path names; raises NotFound."""
    return parse("notification", request.path_params["id"])


def location_of(
    request: Request, application: Application, kind: str, thing_id: Id
) -> dict[str, str]:
    """Say where a thing that was made can be found."""
    parent = _address_of(request.door.public_url, application.id)
    return {"location": f"{parent}/{kind}s/{spell(kind, thing_id)}"}


@lru_cache(maxsize=1024)
def _address_of(public_url: str, application_id: Id) -> str:
    return f"{public_url}/v1/applications/{spell('application', application_id)}"
