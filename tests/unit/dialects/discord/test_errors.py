from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heliograph.core import errors as core_errors
from heliograph.core.errors import CoreError, InvalidRequest, Problem, ProblemKind
from heliograph.dialects.discord import errors
from heliograph.web import errors as web_errors
from heliograph.web.bodies import parse_json
from heliograph.web.errors import WebError

if TYPE_CHECKING:
    from collections.abc import Iterator

EXAMPLES: list[CoreError | WebError] = [
    InvalidRequest([Problem((), ProblemKind.NOT_JSON, "a JSON document")]),
    InvalidRequest([Problem(("provider",), ProblemKind.NOT_ALLOWED, "one of 'apns' or 'gcm'")]),
    core_errors.InvalidToken([Problem(("token",), ProblemKind.TOO_SHORT, "1 to 4096 characters")]),
    core_errors.PayloadTooLarge(None, 1024),
    core_errors.NotAuthenticated(),
    core_errors.WrongLogin(),
    core_errors.NotPermitted("registrations.write"),
    core_errors.Suspended("user"),
    core_errors.Suspended("application"),
    core_errors.NotFound("application", "app_0"),
    core_errors.Conflict("registration", "reg_0"),
    core_errors.QuotaReached("session key", 20),
    core_errors.KeyReused("key-1"),
    core_errors.WrongState("notification", "ntf_0", "completed"),
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


def rendered(error: CoreError | WebError) -> tuple[int, dict[str, Any]]:
    request = SimpleNamespace(method="POST", door=SimpleNamespace(prefix=""))
    response = errors.render_error(error, cast("Any", request), cast("Any", None))
    return response.status_code, json.loads(bytes(response.body))


def test_there_is_an_example_of_every_error() -> None:
    known = {*descendants(CoreError), *descendants(WebError)}

    assert {type(example) for example in EXAMPLES} == known


@pytest.mark.parametrize("error", EXAMPLES, ids=repr)
def test_every_error_has_a_message_and_a_code(error: CoreError | WebError) -> None:
    status, body = rendered(error)

    replies = [*errors.TABLE.values(), errors.NOT_JSON]
    shown = (status, body["message"], body.get("code"))
    assert shown in [(reply.status, reply.code, reply.number) for reply in replies]
    assert ("errors" in body) == (body.get("code") == 50035)


def leaves(*problems: Problem) -> dict[str, Any]:
    status, body = rendered(InvalidRequest(problems))
    assert (status, body["message"], body["code"]) == (400, "Invalid Form Body", 50035)
    tree: dict[str, Any] = body["errors"]
    return tree


def test_every_problem_stands_where_it_is() -> None:
    tree = leaves(
        Problem(("provider",), ProblemKind.MISSING, "present"),
        Problem(("list", 3), ProblemKind.WRONG_TYPE, "a string"),
        Problem(("list",), ProblemKind.TOO_MANY, "25 or fewer in length"),
        Problem(("list", 3), ProblemKind.MALFORMED, "printable"),
    )

    assert tree == {
        "provider": {
            "_errors": [{"code": "BASE_TYPE_REQUIRED", "message": "This field is required"}]
        },
        "list": {
            "3": {
                "_errors": [
                    {"code": "BASE_TYPE_STRING", "message": "Must be a string."},
                    {"code": "BASE_TYPE_INVALID", "message": "Must be printable."},
                ]
            },
            "_errors": [
                {"code": "BASE_TYPE_BAD_LENGTH", "message": "Must be 25 or fewer in length."}
            ],
        },
    }


@pytest.mark.parametrize("kind", [kind for kind in ProblemKind if kind != ProblemKind.NOT_JSON])
def test_every_kind_of_problem_has_a_code(kind: ProblemKind) -> None:
    (leaf,) = leaves(Problem(("x",), kind, "otherwise"))["x"]["_errors"]

    assert leaf["code"]
    assert leaf["message"]


def test_choices_are_listed() -> None:
    tree = leaves(Problem(("x",), ProblemKind.NOT_ALLOWED, "one of 'a', 'b_c' or 'd'"))

    (leaf,) = tree["x"]["_errors"]
    assert leaf == {
        "code": "BASE_TYPE_CHOICES",
        "message": "Value must be one of ('a', 'b_c', 'd').",
    }


@pytest.mark.parametrize(
    ("path", "is_retired"),
    [
        ("/api/v3", True),
        ("/api/v4/", True),
        ("/api/v5/users/@me\n/x", True),
        ("/api/v2", False),
        ("/api/v30/x", False),
        ("/api/v3x", False),
        ("/x/api/v3", False),
        ("/v3", False),
    ],
)
def test_retired_versions_are_bad_requests(path: str, is_retired: bool) -> None:
    status, body = rendered(web_errors.EndpointNotFound(path))

    assert (status, body["code"]) == ((400, 50041) if is_retired else (404, 0))


_NAMES = st.sampled_from(["_errors", "_errors_", "x", "0", "\\ud800"])
_DOCUMENTS = st.recursive(
    st.just('"\\u0000"'),
    lambda inner: (
        st.dictionaries(_NAMES, inner, max_size=3).map(
            lambda fields: "{" + ",".join(f'"{key}":{value}' for key, value in fields.items()) + "}"
        )
        | st.lists(inner, max_size=3).map(lambda items: "[" + ",".join(items) + "]")
    ),
    max_leaves=12,
)


@given(_DOCUMENTS)
def test_whatever_a_body_calls_its_fields_can_be_answered(document: str) -> None:
    refusals: list[InvalidRequest] = []
    try:
        parse_json(document.encode())
    except InvalidRequest as error:
        refusals.append(error)

    assert [rendered(refusal)[0] for refusal in refusals] in ([], [400])


def test_a_wrong_login_is_told_at_both_fields_and_a_wrong_password_at_its_own() -> None:
    request = SimpleNamespace(method="PATCH", door=SimpleNamespace(prefix=""))
    response = errors.render_error(
        core_errors.WrongLogin(), cast("Any", request), cast("Any", None)
    )

    _, at_login = rendered(core_errors.WrongLogin())
    changing = json.loads(bytes(response.body))

    leaf = {"_errors": [errors.WRONG_LOGIN]}
    assert at_login["errors"] == {"login": leaf, "password": leaf}
    assert changing["errors"] == {"password": {"_errors": [errors.WRONG_PASSWORD]}}


@pytest.mark.parametrize(
    ("counted", "is_global", "scope"),
    [(core_errors.Counted.REQUESTS, True, "global"), (core_errors.Counted.LOGINS, False, "user")],
)
def test_who_is_limited_learns_by_what_and_until_when(
    counted: core_errors.Counted, *, is_global: bool, scope: str
) -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    core: Any = SimpleNamespace(clock=SimpleNamespace(now=lambda: now))
    error = core_errors.RateLimited(timedelta(seconds=1.25), limit=50, counted=counted)

    response = errors.render_error(error, cast("Any", SimpleNamespace(method="POST")), core)

    body = json.loads(bytes(response.body))
    limits = {name: value for name, value in response.headers.items() if "ratelimit" in name}
    assert (body["retry_after"], body["global"]) == (1.25, is_global)
    assert response.headers["retry-after"] == "2"
    assert limits.pop("x-ratelimit-global", None) == ("true" if is_global else None)
    assert limits == {
        "x-ratelimit-bucket": counted.value,
        "x-ratelimit-limit": "50",
        "x-ratelimit-remaining": "0",
        "x-ratelimit-reset": f"{now.timestamp() + 1.25:.3f}",
        "x-ratelimit-reset-after": "1.250",
        "x-ratelimit-scope": scope,
    }
