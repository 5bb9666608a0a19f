"""What comes before every operation of the push service, in the documented order.

Source: docs/dialects/mobilefirst.md, "Requests".
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from urllib.parse import quote

from heliograph.dialects.mobilefirst.auth import callers
from heliograph.dialects.mobilefirst.errors.messages import language_of
from heliograph.dialects.mobilefirst.mapping.paging import Place, wire
from heliograph.web.errors import NotAcceptable, UnsupportedMediaType
from heliograph.web.responses import json_response

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.responses import Response

    from heliograph.core.core import Core
    from heliograph.core.model.application import Application
    from heliograph.core.model.identity import ClientPrincipal
    from heliograph.dialects.mobilefirst.auth.scopes import Operation
    from heliograph.dialects.mobilefirst.schemas.wire import Wire
    from heliograph.web.dialect import Route
    from heliograph.web.request import Request

APPLICATION = "/imfpush/v1/apps/{application_id}"

_JSON = "application/json"
_WITH_BODY = frozenset({"POST", "PUT"})


@dataclass(frozen=True, slots=True)
class Admission:
    """Who was let in, and to which application.

    url: the application's, as the caller named it. language: of messages.
    """

    principal: ClientPrincipal
    application: Application
    url: str
    language: str

    def place(self, collection: str) -> Place:
        """Answer where one of the application's collections is."""
        return Place(f"{self.url}/{collection}")


async def admit(
    request: Request,
    core: Core,
    operation: Operation,
    *,
    answers: str = _JSON,
    reads: str = _JSON,
) -> Admission:
    """Let a request in: its token, its scope, Accept, Content-Type, the application.

    answers, reads: the media types of the answer and of the body. Raises
    NotAuthenticated, NotPermitted, NotAcceptable, UnsupportedMediaType,
    NotFound: the first that applies, so that nobody learns more than is theirs.
    """
    name = request.path_params["application_id"]
    principal = await callers.caller_of(request, core, operation, name)
    check_media(request, answers=answers, reads=reads)
    application = await callers.application_of(principal, core, name)
    url = f"{request.door.public_url}/imfpush/v1/apps/{quote(name, safe='')}"
    language = language_of(request.headers.getlist("accept-language"))
    return Admission(principal, application, url, language)


def check_media(request: Request, *, answers: str = _JSON, reads: str = _JSON) -> None:
    """Let a request pass that can be read and answered.

    Raises NotAcceptable, UnsupportedMediaType.
    """
    if not _admits(request.headers.getlist("accept"), answers):
        raise NotAcceptable("Accept")
    if request.method in _WITH_BODY and not _is(request.headers.get("content-type", ""), reads):
        raise UnsupportedMediaType("Content-Type")


def answer(value: Wire, status: int = 200) -> Response:
    """Answer a document."""
    return json_response(wire(value), status)


def also_with_slash(routes: Sequence[Route]) -> tuple[Route, ...]:
    """Let collections be named with a slash at the end as well: both are documented."""
    collections = [route for route in routes if not route.path.endswith("}")]
    return (*routes, *(replace(route, path=f"{route.path}/") for route in collections))


def _admits(accept: Sequence[str], media_type: str) -> bool:
    ranges = [each for each in ",".join(accept).lower().split(",") if each.strip()]
    return not ranges or any(_is_within(media_range, media_type) for media_range in ranges)


def _is_within(media_range: str, media_type: str) -> bool:
    name, *parameters = (part.strip() for part in media_range.split(";"))
    is_refused = any(part.replace(" ", "").rstrip("0.") == "q=" for part in parameters)
    return name in ("*/*", "application/*", media_type) and not is_refused


def _is(content_type: str, media_type: str) -> bool:
    # Whatever follows is passed over: two SDKs write `charset = UTF-8`, with blanks.
    return content_type.partition(";")[0].strip().lower() == media_type
