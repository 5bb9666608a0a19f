"""What a dialect is: routes, an error table, and how it renders errors."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

from starlette.responses import Response

from heliograph.core.core import Core
from heliograph.core.errors import CoreError
from heliograph.web.errors import WebError
from heliograph.web.request import Request

if TYPE_CHECKING:
    from heliograph.web.schemas import Schema

Handler = Callable[[Request, Core], Awaitable[Response]]

DEFAULT_CORS_HEADERS = ("authorization", "content-type")


@dataclass(frozen=True, slots=True)
class Route:
    """One operation of a dialect.

    path: literal segments and `{name}` parameters, each a whole segment.
    source: the document and section that this route follows. body, query,
    headers, answers: its schemas, for the OpenAPI document. body_type: of what
    media type the body is.
    """

    method: str
    path: str
    handler: Handler
    source: str
    summary: str = ""
    body: type[Schema] | None = None
    body_type: str = "application/json"
    query: type[Schema] | None = None
    headers: type[Schema] | None = None
    answers: Mapping[int, type[Schema] | None] = field(
        default_factory=lambda: MappingProxyType({200: None})
    )


@dataclass(frozen=True, slots=True)
class Reply:
    """How one kind of error is answered. code, number: the vendor's own names for it."""

    status: int
    code: str
    number: int | None = None


ErrorTable = Mapping[type[CoreError] | type[WebError], Reply]


@dataclass(frozen=True, slots=True)
class CorsPolicy:
    """What a page of another origin may send and read. Header names in lower case."""

    request_headers: tuple[str, ...] = DEFAULT_CORS_HEADERS
    exposed_headers: tuple[str, ...] = ()
    max_age_s: int = 86_400


@dataclass(frozen=True, slots=True, eq=False)
class Dialect:
    """One front door's language, the same as itself and no other.

    prefixes: paths whose unmatched requests this dialect answers; segments
    may be `{name}`, "/" means all that nobody else owns, the longest wins.
    claims_request: owns an unmatched request that no prefix but "/" owns.
    check_request: runs after routing and before the handler, and raises.
    """

    name: str
    routes: tuple[Route, ...]
    errors: ErrorTable
    render_error: Callable[[CoreError | WebError, Request, Core], Response]
    prefixes: tuple[str, ...]
    claims_request: Callable[[Request], bool] | None = None
    check_request: Callable[[Request], None] | None = None
    cors: CorsPolicy = field(default_factory=CorsPolicy)
    max_body_bytes: int | None = None


def reply_for(table: ErrorTable, error: CoreError | WebError) -> Reply:
    """Find an error's row by its class order: the most specific row wins.

    Raises LookupError for an error without a row; a test walks every error
    through every table, so that none is left.
    """
    for kind in type(error).__mro__:
        reply = table.get(kind)
        if reply is not None:
            return reply
    raise LookupError(type(error).__name__)
