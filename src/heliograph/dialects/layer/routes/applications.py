"""An application's own settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from heliograph.dialects.layer.auth.back_ends import back_end_of
from heliograph.dialects.layer.mapping import patches
from heliograph.dialects.layer.mapping.sessions import SETTINGS
from heliograph.dialects.layer.routes.admission import DOCUMENT, overridden, read_changes
from heliograph.web.dialect import Route
from heliograph.web.responses import empty_response

if TYPE_CHECKING:
    from starlette.responses import Response

    from heliograph.core.core import Core
    from heliograph.web.request import Request


async def patch_application(request: Request, core: Core) -> Response:
    """Say how long sessions last from now on; 202, empty."""
    principal, application = await back_end_of(request, core)
    settings = patches.to_settings(await read_changes(request))
    await core.applications.change_settings(principal, application, SETTINGS, settings)
    return empty_response(202)


_APPLICATION = "/apps/{app_uuid}"
_SOURCE = f"{DOCUMENT}#applications"

ROUTES = (
    Route(
        "PATCH",
        _APPLICATION,
        patch_application,
        source=_SOURCE,
        summary="Say how long sessions last",
        answers={202: None},
    ),
    Route(
        "POST",
        _APPLICATION,
        overridden(patch_application),
        source=_SOURCE,
        summary="Say how long sessions last: a POST that stands for a PATCH",
        answers={202: None},
    ),
)
