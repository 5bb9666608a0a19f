"""Small dialects that show what the web layer does with theirs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, cast

from pydantic import Field

from heliograph.config import Config
from heliograph.core.errors import CoreError, InvalidRequest, NotFound, PayloadTooLarge
from heliograph.web.application import Application
from heliograph.web.dialect import CorsPolicy, Dialect, Reply, Route, reply_for
from heliograph.web.door import OpenDoor
from heliograph.web.errors import EndpointNotFound, MethodNotAllowed, RequestTimeout, WebError
from heliograph.web.responses import json_response
from heliograph.web.schemas import Label, Schema

if TYPE_CHECKING:
    from starlette.responses import Response

    from heliograph.core.core import Core
    from heliograph.web.request import Request

NO_CORE = cast("Core", None)


class Note(Schema):
    text: Label
    count: int = 0


class NoteQuery(Schema):
    limit: Annotated[int, Field(ge=1, le=10)] = 5
    name: str | None = None


TABLE = {
    CoreError: Reply(400, "refused"),
    InvalidRequest: Reply(400, "invalid"),
    PayloadTooLarge: Reply(413, "too_large"),
    NotFound: Reply(404, "missing"),
    WebError: Reply(500, "web"),
    EndpointNotFound: Reply(404, "nowhere"),
    MethodNotAllowed: Reply(405, "otherwise"),
    RequestTimeout: Reply(408, "slow"),
}


async def show(request: Request, core: Core) -> Response:
    return json_response(
        {
            "door": request.door.dialect.name,
            "params": request.path_params,
            "client": request.client_address,
            "url": request.door.public_url,
        }
    )


async def read_note(request: Request, core: Core) -> Response:
    note = await request.read(Note)
    return json_response(note.model_dump())


async def read_any(request: Request, core: Core) -> Response:
    return json_response({"got": await request.json()})


async def read_query(request: Request, core: Core) -> Response:
    return json_response(request.query(NoteQuery).model_dump())


async def break_down(request: Request, core: Core) -> Response:
    raise RuntimeError("token=secret-value")


async def not_found(request: Request, core: Core) -> Response:
    raise NotFound("note", "1")


def route(method: str, path: str, handler: Any = show) -> Route:
    return Route(method, path, handler, source="tests")


def dialect(name: str, *routes: Route, prefixes: tuple[str, ...] = ("/",), **more: Any) -> Dialect:
    def render_error(error: CoreError | WebError, request: Request, core: Core) -> Response:
        reply = reply_for(TABLE, error)
        problems = [
            [problem.field, problem.kind, problem.expected]
            for problem in getattr(error, "problems", ())
        ]
        return json_response(
            {"by": name, "code": reply.code, "problems": problems}, status=reply.status
        )

    more.setdefault("cors", CorsPolicy(exposed_headers=("link",)))
    return Dialect(
        name=name,
        routes=routes,
        errors=TABLE,
        render_error=render_error,
        prefixes=prefixes,
        **more,
    )


def application(*doors: OpenDoor | Dialect, **config: Any) -> Application:
    opened = [door if isinstance(door, OpenDoor) else OpenDoor(door) for door in doors]
    return Application(NO_CORE, opened, Config(**config))
