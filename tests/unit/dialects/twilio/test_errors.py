from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any, cast

import pytest

from heliograph.core import errors as core_errors
from heliograph.core.errors import CoreError, InvalidRequest, Problem, ProblemKind
from heliograph.dialects.twilio.errors.rendering import render_error
from heliograph.web import errors as web_errors

if TYPE_CHECKING:
    from heliograph.web.errors import WebError

EXAMPLES: list[tuple[CoreError | WebError, int, int]] = [
    (InvalidRequest([Problem((), ProblemKind.NOT_JSON, "a JSON document")]), 400, 20001),
    (core_errors.InvalidToken([Problem(("token",), ProblemKind.TOO_SHORT, "x")]), 400, 20001),
    (core_errors.PayloadTooLarge(None, 1024), 400, 20001),
    (core_errors.NotAuthenticated(), 401, 20003),
    (core_errors.NotPermitted("registrations.write"), 403, 20003),
    (core_errors.NotFound("member", "mem_0"), 404, 20404),
    (core_errors.Conflict("alias", "demo_app"), 400, 20001),
    (core_errors.RateLimited(timedelta(seconds=3)), 429, 20429),
    (core_errors.Unavailable("database"), 503, 20503),
    (web_errors.EndpointNotFound("/else{where}"), 404, 20404),
    (web_errors.MethodNotAllowed(("GET", "POST")), 405, 20004),
    (web_errors.NotAcceptable("Accept"), 400, 20001),
    (web_errors.UnsupportedMediaType("Content-Type"), 400, 20001),
    (web_errors.RequestTimeout(), 408, 20001),
    (web_errors.InternalFailure(), 500, 20500),
]


def rendered(error: CoreError | WebError) -> tuple[Any, dict[str, Any]]:
    response = render_error(error, cast("Any", None), cast("Any", None))
    return response, json.loads(bytes(response.body))


@pytest.mark.parametrize(("error", "status", "code"), EXAMPLES, ids=repr)
def test_every_error_is_an_entry_of_the_envelope(
    error: CoreError | WebError, status: int, code: int
) -> None:
    response, body = rendered(error)

    (entry,) = body["errors"]
    assert response.status_code == status
    assert set(entry) == {"code", "message", "infoUrl", "context"}
    assert entry["code"] == code
    assert entry["infoUrl"] == f"https://www.twilio.com/docs/api/errors/{code}"
    assert entry["message"]
    assert "{" not in entry["message"]


@pytest.mark.parametrize(("error", "status", "code"), EXAMPLES, ids=repr)
def test_only_the_gateways_errors_speak_like_the_classic_api(
    error: CoreError | WebError, status: int, code: int
) -> None:
    _, body = rendered(error)

    classic = {name: value for name, value in body.items() if name != "errors"}
    assert bool(classic) == (status in {401, 403})
    if classic:
        (entry,) = body["errors"]
        assert classic == {
            "code": code,
            "message": entry["message"],
            "more_info": entry["infoUrl"],
            "status": status,
        }


def test_every_problem_has_an_entry_with_its_place() -> None:
    problems = [
        Problem(("token",), ProblemKind.MISSING, "present"),
        Problem(("to", 0, "token"), ProblemKind.TOO_SHORT, "1 or more characters"),
        Problem((), ProblemKind.WRONG_TYPE, "an object"),
    ]

    _, body = rendered(InvalidRequest(problems))

    assert [(entry["context"], entry["message"]) for entry in body["errors"]] == [
        ("$.token", "$.token must be present."),
        ("$.to[0].token", "$.to[0].token must be 1 or more characters."),
        (None, "The request body must be an object."),
    ]


def test_no_answer_names_more_than_100_problems() -> None:
    problem = Problem(("token",), ProblemKind.MISSING, "present")

    _, body = rendered(InvalidRequest([problem] * 10_000))

    assert len(body["errors"]) == 100


def test_a_challenge_and_waiting_times_are_in_the_headers() -> None:
    assert rendered(core_errors.NotAuthenticated())[0].headers["www-authenticate"] == (
        'Basic realm="Twilio API"'
    )
    assert rendered(core_errors.Unavailable("database"))[0].headers["retry-after"] == "2"


@pytest.mark.parametrize(("seconds", "told"), [(0, "1"), (0.2, "1"), (1.2, "2"), (60, "60")])
def test_a_limited_caller_learns_when_to_come_back(seconds: float, told: str) -> None:
    response, _ = rendered(core_errors.RateLimited(timedelta(seconds=seconds)))

    assert response.headers["retry-after"] == told


@pytest.mark.parametrize(
    ("kind", "noun"),
    [("member", "device registration"), ("application", "App"), ("alias", "alias")],
)
def test_things_are_called_as_the_vendor_calls_them(kind: str, noun: str) -> None:
    _, body = rendered(core_errors.NotFound(kind, "x"))

    assert body["errors"][0]["message"] == f"There is no such {noun}."


def test_a_key_that_no_text_can_hold_is_answered_all_the_same() -> None:
    _, body = rendered(InvalidRequest([Problem(("\udfff",), ProblemKind.MALFORMED, "text")]))

    assert body["errors"][0]["context"] == "$['?']"
