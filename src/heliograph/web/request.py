"""A request as handlers see it: decoded path, checked body, checked query."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

from starlette.datastructures import Headers
from starlette.requests import Request as StarletteRequest

from heliograph.web import bodies, forms
from heliograph.web.errors import UnsupportedMediaType
from heliograph.web.media_types import may_be_form, may_be_json
from heliograph.web.schemas import Schema, check

if TYPE_CHECKING:
    from starlette.types import Receive, Scope

    from heliograph.web.bodies import BodyLimits
    from heliograph.web.dialect import Route
    from heliograph.web.door import OpenDoor

S = TypeVar("S", bound=Schema)


class _IndexedHeaders(Headers):
    """Headers that are looked up by name, of which a request needs half a dozen."""

    def __init__(self, raw: list[tuple[bytes, bytes]]) -> None:
        self._list = raw
        # The first of a repeated header counts, as in Starlette's own.
        self._first = dict(reversed(raw))

    def get(self, key: str, default: Any = None) -> Any:
        """Answer a header's first value."""
        value = self._first.get(_on_the_wire(key))
        return default if value is None else value.decode("latin-1")


# They are spelled in the code, all of them.
@cache
def _on_the_wire(name: str) -> bytes:
    return name.lower().encode("latin-1")


class Request(StarletteRequest):
    """One HTTP request, at one door.

    path_params: each raw segment decoded exactly once. client_address: the
    peer's, or what a trusted proxy says it is. route: None where none fits.
    is_body_left: part of the body was given up unread, so that the
    connection can't be used again.
    """

    def __init__(
        self,
        scope: Scope,
        receive: Receive,
        *,
        door: OpenDoor,
        route: Route | None,
        limits: BodyLimits,
        client_address: str | None,
    ) -> None:
        super().__init__(scope, receive)
        self._headers = _IndexedHeaders(scope["headers"])
        self.door = door
        self.route = route
        self.client_address = client_address
        self.is_body_left = False
        self._limits = limits

    async def body(self) -> bytes:
        """Read the whole body, once, within the door's limits.

        Raises PayloadTooLarge, RequestTimeout, ClientDisconnect.
        """
        if not hasattr(self, "_body"):
            self._body = await bodies.read_body(self, self._limits)
        return self._body

    async def json(self) -> Any:
        """Read the body as JSON, whatever its announced type; raises InvalidRequest."""
        return bodies.parse_json(await self.body())

    async def read(self, schema: type[S]) -> S:
        """Read a JSON body into a schema.

        Raises InvalidRequest with every problem, PayloadTooLarge, and
        UnsupportedMediaType for an announced type that is not JSON.
        """
        if not may_be_json(self.headers.get("content-type")):
            raise UnsupportedMediaType("Content-Type")
        return check(await self.json(), schema)

    async def read_form(self, schema: type[S], *, may_repeat: bool = False) -> S:
        """Read an `application/x-www-form-urlencoded` body into a schema.

        may_repeat: of a repeated field the last counts. Raises InvalidRequest
        with every problem, PayloadTooLarge, and UnsupportedMediaType for an
        announced type that is not a form's.
        """
        if not may_be_form(self.headers.get("content-type")):
            raise UnsupportedMediaType("Content-Type")
        return forms.read_form(await self.body(), schema, may_repeat=may_repeat)

    def query(self, schema: type[S]) -> S:
        """Read the query string into a schema.

        Raises InvalidRequest naming every unknown, repeated or bad parameter.
        """
        return forms.read_form(self.scope["query_string"], schema)
