"""Every dialect says what its document says, and every route and error row has a case."""

from __future__ import annotations

from functools import cache
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from tests.conformance.runner import RAISED, Case, load_cases, play, raising

from heliograph.config import Config
from heliograph.core.errors import CoreError
from heliograph.web.application import Application
from heliograph.web.dialect import Dialect, Reply, Route, reply_for
from heliograph.web.door import doors_of
from heliograph.web.errors import WebError
from heliograph.web.request import Request
from heliograph.web.router import Match, build_table, segments_of
from heliograph.web.server import Guard
from heliograph.wiring import DIALECTS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conformance.conftest import Site

CASES = list(load_cases())
ROUTES = [(dialect, route) for dialect in DIALECTS for route in dialect.routes]
ROWS = [(dialect, kind) for dialect in DIALECTS for kind in dialect.errors]


@pytest.mark.anyio
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.label)
async def test_case(site: Site, case: Case) -> None:
    application: Any = Guard(site.stack.application)
    if "raised" in case.document:
        error = RAISED[case.document["raised"]]
        dialects = [
            raising(dialect, error) if dialect.name == case.dialect else dialect
            for dialect in DIALECTS
        ]
        doors = doors_of(site.config, dialects)
        application = Application(site.stack.core, doors, site.config)

    await play(application, case, site.variables)


def test_every_case_cites_its_source_and_has_a_name() -> None:
    silent = [
        case.label
        for case in CASES
        if not (case.document.get("source") and case.document.get("name"))
    ]

    assert CASES
    assert silent == []


@pytest.mark.parametrize(
    ("dialect", "route"), ROUTES, ids=[f"{d.name} {r.method} {r.path}" for d, r in ROUTES]
)
def test_every_route_has_a_case(dialect: Dialect, route: Route) -> None:
    assert any(found is route for found in _routes_with_a_case(dialect.name))


@pytest.mark.parametrize(
    ("dialect", "kind"), ROWS, ids=[f"{d.name} {kind.__name__}" for d, kind in ROWS]
)
def test_every_error_row_has_a_case(dialect: Dialect, kind: type[Exception]) -> None:
    reply = dialect.errors[kind]

    assert any(
        _shows(case.document["expect"], reply) for case in CASES if case.dialect == dialect.name
    )


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.name)
def test_every_error_has_a_row_and_a_rendering(dialect: Dialect) -> None:
    (door,) = doors_of(Config(), [dialect])
    # As much of a core as rendering an error asks for.
    core: Any = SimpleNamespace(nonces=SimpleNamespace(new=lambda: "a-nonce"))
    scope = {"type": "http", "method": "GET", "path": "/", "query_string": b"", "headers": []}

    for kind in _all_errors():
        error = RAISED[kind.__name__]
        request = Request(
            dict(scope), None, door=door, route=None, limits=None, client_address=None
        )
        response = dialect.render_error(error, request, core)

        assert response.status_code >= 400
        assert reply_for(dialect.errors, error)


def test_no_two_dialects_answer_one_request() -> None:
    build_table(doors_of(Config(), DIALECTS))


@cache
def _routes_with_a_case(dialect: str) -> list[Route]:
    table = build_table(doors_of(Config(), DIALECTS))
    found = [
        table.find(None, case.document["request"]["method"], segments)
        for case in CASES
        if case.dialect == dialect
        for segments in [_segments_of(case)]
        if segments is not None
    ]
    return [match.route for match in found if isinstance(match, Match)]


def _segments_of(case: Case) -> list[str] | None:
    return segments_of(case.document["request"]["path"].partition("?")[0].encode())


def _all_errors() -> Iterator[type[CoreError | WebError]]:
    waiting: list[type[CoreError | WebError]] = [CoreError, WebError]
    while waiting:
        subclasses = waiting.pop().__subclasses__()
        for kind in subclasses:
            if kind.__module__.startswith("heliograph."):
                yield kind
        waiting += subclasses


def _shows(expected: dict[str, Any], reply: Reply) -> bool:
    """Say whether an expectation is this row: its status, and its code where it has a body."""
    values = list(_values(expected.get("body")))
    is_named = reply.code in values or (reply.number is not None and reply.number in values)
    return expected["status"] == reply.status and is_named


def _values(value: Any) -> Iterator[Any]:
    match value:
        case dict():
            for inner in value.values():
                yield from _values(inner)
        case list():
            for inner in value:
                yield from _values(inner)
        case _:
            yield value
