from __future__ import annotations

import json
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from heliograph.core.errors import (
    InvalidRequest,
    InvalidToken,
    Problem,
    ProblemKind,
    Suspended,
)
from heliograph.dialects.navixy import errors
from heliograph.web.errors import EndpointNotFound, MethodNotAllowed, UnsupportedMediaType

if TYPE_CHECKING:
    from heliograph.core.errors import CoreError
    from heliograph.web.errors import WebError

PUBLISHED = {
    3: (400, "Wrong hash"),
    4: (400, "User or API key not found or session ended"),
    5: (400, "Wrong request format"),
    6: (500, "Unexpected error"),
    7: (400, "Invalid parameters"),
    9: (412, "Too large request"),
    11: (403, "Access denied"),
    13: (403, "Operation not permitted"),
    14: (503, "Database unavailable"),
    15: (429, "Too many requests (rate limit exceeded)"),
    102: (400, "Wrong login or password"),
    104: (400, "Logins limit exceeded"),
    105: (400, "Login attempts limit exceeded"),
    111: (400, "Wrong handler"),
    112: (400, "Wrong method"),
    201: (400, "Not found in database"),
    268: (402, "Over quota"),
    275: (403, "User is blocked"),
    276: (403, "Action is forbidden for received session type"),
}
"""As far as these calls use it. Source: docs/user-api/backend-api/errors.md of the vendor."""

RESOURCE = "/user/session/push_token"


def rendered(error: CoreError | WebError, prefix: str = "") -> tuple[int, str]:
    request = SimpleNamespace(door=SimpleNamespace(prefix=prefix))
    response = errors.render_error(error, cast("Any", request), cast("Any", None))
    body = json.loads(bytes(response.body))
    assert body["success"] is False
    return body["status"]["code"], body["status"]["description"]


def problem(*path: str) -> Problem:
    return Problem(path, ProblemKind.MALFORMED, "better")


def test_every_row_is_a_published_one() -> None:
    replies = [
        *errors.TABLE.values(),
        errors.WRONG_HASH,
        errors.TOO_MANY_LOGINS,
        errors.TOO_MANY_SESSIONS,
        errors.WRONG_SESSION,
        errors.DEALER_BLOCKED,
    ]

    assert {reply.number: (reply.status, reply.code) for reply in replies} == PUBLISHED


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (
            InvalidRequest([problem("token"), problem("parameters", "auth")]),
            (7, "Invalid parameters: token must be better; parameters.auth must be better"),
        ),
        (InvalidToken([problem("token")]), (7, "Invalid parameters: token must be better")),
        (InvalidRequest([problem()]), (5, "Wrong request format: the body must be better")),
        (
            InvalidRequest([problem(), problem("token")]),
            (7, "Invalid parameters: the body must be better; token must be better"),
        ),
        (
            InvalidRequest([problem("token"), problem("hash")]),
            (3, "Wrong hash: token must be better; hash must be better"),
        ),
        (
            InvalidRequest([problem("parameters", "hash")]),
            (7, "Invalid parameters: parameters.hash must be better"),
        ),
    ],
)
def test_what_is_wrong_decides_the_code_and_all_of_it_is_named(
    error: CoreError, expected: tuple[int, str]
) -> None:
    assert rendered(error) == expected


@pytest.mark.parametrize(
    ("path", "code"),
    [
        (f"{RESOURCE}/list", 112),
        (f"{RESOURCE}/list/", 112),
        (f"/v2{RESOURCE}/list", 112),
        (f"/v2{RESOURCE}/Bind/", 112),
        (RESOURCE, 112),
        (f"{RESOURCE}/", 112),
        (f"{RESOURCE}/bind/more", 111),
        (f"{RESOURCE}s/bind", 111),
        (f"/v3{RESOURCE}/bind", 111),
        ("/user/session/bind", 112),
        ("/user/session/delivery/delete", 112),
        ("/api/key/read", 112),
        ("/user", 112),
        ("/user/settings/read", 111),
        ("/api/keys/list", 111),
        ("", 111),
    ],
)
@pytest.mark.parametrize("prefix", ["", "/tracking"])
def test_an_unknown_action_is_told_from_an_unknown_resource(
    prefix: str, path: str, code: int
) -> None:
    assert rendered(EndpointNotFound(prefix + path), prefix)[0] == code


@pytest.mark.parametrize(("kind", "code"), [("user", 275), ("application", 11)])
def test_who_is_suspended_is_told_whether_it_is_the_user_or_the_application(
    kind: str, code: int
) -> None:
    assert rendered(Suspended(kind))[0] == code


def test_another_http_method_is_a_wrong_method() -> None:
    assert rendered(MethodNotAllowed(("GET", "POST"))) == (112, "Wrong method")


def test_a_body_of_another_type_is_told_which_to_take() -> None:
    code, description = rendered(UnsupportedMediaType("Content-Type"))

    assert code == 5
    assert description.startswith("Wrong request format: Content-Type must be")
