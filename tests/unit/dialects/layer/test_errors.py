from __future__ import annotations

import json
from datetime import timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from heliograph.core import errors as core_errors
from heliograph.core.errors import CoreError, InvalidRequest, Problem, ProblemKind
from heliograph.dialects.layer.errors import rendering, table
from heliograph.web import errors as web_errors
from heliograph.web.dialect import reply_for
from heliograph.web.errors import WebError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .conftest import Door

PUBLISHED = {
    1: (503, "service_unavailable"),
    2: (403, "invalid_app_id"),
    3: (400, "invalid_request_id"),
    4: (401, "authentication_required"),
    5: (403, "app_suspended"),
    6: (403, "user_suspended"),
    7: (429, "rate_limit_exceeded"),
    8: (408, "request_timeout"),
    9: (422, "invalid_operation"),
    10: (400, "invalid_request"),
    100: (500, "internal_server_error"),
    101: (403, "access_denied"),
    102: (404, "not_found"),
    104: (422, "missing_property"),
    105: (422, "invalid_property"),
    106: (404, "invalid_endpoint"),
    107: (406, "invalid_header"),
    108: (409, "conflict"),
    109: (405, "method_not_allowed"),
    111: (409, "id_in_use"),
}
"""All but 110, which needs users who block each other. Source: client/rest/errors.md."""

EXAMPLES: list[CoreError | WebError] = [
    InvalidRequest([Problem((), ProblemKind.NOT_JSON, "a JSON document")]),
    InvalidRequest([Problem(("type",), ProblemKind.NOT_ALLOWED, "one of 'apns' or 'gcm'")]),
    core_errors.InvalidToken([Problem(("token",), ProblemKind.TOO_SHORT, "1 to 4096 characters")]),
    core_errors.PayloadTooLarge(None, 1024),
    core_errors.NotAuthenticated(),
    core_errors.WrongLogin(),
    core_errors.NotPermitted("registrations.write"),
    core_errors.Suspended("user"),
    core_errors.Suspended("application"),
    core_errors.NotFound("application", "app_0"),
    core_errors.Conflict("registration", "reg_0"),
    core_errors.WrongState("notification", "ntf_0", "completed"),
    core_errors.KeyReused("key-0"),
    core_errors.QuotaReached("session key", 20),
    core_errors.RateLimited(timedelta(seconds=3)),
    core_errors.Unavailable("database"),
    web_errors.EndpointNotFound("/else{where}"),
    web_errors.MethodNotAllowed(("DELETE", "POST")),
    web_errors.NotAcceptable("Accept"),
    web_errors.UnsupportedMediaType("Content-Type"),
    web_errors.RequestTimeout(),
    web_errors.InternalFailure(),
]


def descendants(kind: type[Exception]) -> Iterator[type[Exception]]:
    for child in kind.__subclasses__():
        if child.__module__ == kind.__module__:
            yield child
            yield from descendants(child)


def rendered(error: CoreError | WebError, door: Door) -> tuple[int, dict[str, Any]]:
    request = SimpleNamespace(
        method="POST", route=None, door=SimpleNamespace(public_url="https://push.example.com")
    )
    response = rendering.render_error(error, cast("Any", request), door.core)
    return response.status_code, json.loads(bytes(response.body))


def test_there_is_an_example_of_every_error() -> None:
    known = {*descendants(CoreError), *descendants(WebError)}

    assert {type(example) for example in EXAMPLES} == known


@pytest.mark.parametrize("error", EXAMPLES, ids=repr)
def test_every_error_has_a_published_row_and_a_sentence(
    error: CoreError | WebError, door: Door
) -> None:
    status, body = rendered(error, door)

    assert PUBLISHED[body["code"]] == (status, body["id"])
    assert body["url"] == "https://push.example.com/docs/dialects/layer.md#errors"
    assert body["message"]
    assert "{error" not in body["message"]
    assert body.get("data") != {}


def test_every_published_row_is_used() -> None:
    replies = [*table.TABLE.values(), *table.FINER]

    assert {reply.number: (reply.status, reply.code) for reply in replies} == PUBLISHED


def test_every_row_has_its_own_sentence() -> None:
    assert set(table.TABLE) | {core_errors.PayloadTooLarge} == set(table.MESSAGES)
    assert all(reply_for(table.TABLE, example) for example in EXAMPLES)


def test_the_page_that_errors_link_to_names_them_all() -> None:
    page = rendering.error_page()

    for number, (status, name) in PUBLISHED.items():
        assert f"| {number} | `{name}` | {status} |" in page


@pytest.mark.parametrize(
    ("problems", "code", "name"),
    [
        ([("token", "wrong_type"), ("device_id", "missing")], 104, "device_id"),
        ([("type", "missing"), ("device_id", "missing")], 104, "type"),
        ([("type", "not_allowed"), ("device_id", "too_short")], 105, "type"),
        ([("token", "malformed")], 105, "token"),
    ],
)
def test_one_problem_is_named_and_missing_ones_first(
    problems: list[tuple[str, str]], code: int, name: str, door: Door
) -> None:
    found = [Problem((field,), ProblemKind(kind), "a string") for field, kind in problems]

    _, body = rendered(InvalidRequest(found), door)

    assert body["code"] == code
    assert body["data"] == {"property": name}
    assert name in body["message"]


def test_a_body_as_a_whole_has_no_property_to_name(door: Door) -> None:
    status, body = rendered(
        InvalidRequest([Problem((), ProblemKind.WRONG_TYPE, "an object")]), door
    )

    assert (status, body["code"]) == (400, 10)
    assert "data" not in body


def test_a_path_is_quoted_as_it_came(door: Door) -> None:
    _, body = rendered(web_errors.EndpointNotFound("/else{where}"), door)

    assert body["message"] == "The endpoint 'POST /else{where}' does not exist."
