from __future__ import annotations

import json
from typing import Any

import pytest

from heliograph.core.errors import InvalidRequest, ProblemKind
from heliograph.dialects.navixy.schemas import PushToken
from heliograph.web.schemas import check

PHONE = {"application": "navixy_iphone_viewer", "token": "t"}
KEYS = {"p256dh": "BNcR", "auth": "tBH"}
BROWSER = {"application": "w3c_pushapi", "token": "https://push.example.net/1"}


def problems_of(body: dict[str, Any]) -> list[tuple[str, ProblemKind]]:
    with pytest.raises(InvalidRequest) as caught:
        check(body, PushToken)
    return [(problem.field, problem.kind) for problem in caught.value.problems]


def test_every_problem_is_named_at_once() -> None:
    assert problems_of({"token": "", "category_filter": 1, "parameters": []}) == [
        ("application", ProblemKind.MISSING),
        ("token", ProblemKind.TOO_SHORT),
        ("category_filter", ProblemKind.WRONG_TYPE),
    ]
    assert problems_of({**BROWSER, "token": " ", "parameters": {"auth": ""}}) == [
        ("token", ProblemKind.TOO_SHORT),
        ("parameters.p256dh", ProblemKind.MISSING),
        ("parameters.auth", ProblemKind.MALFORMED),
    ]


@pytest.mark.parametrize("parameters", [None, 1, "x", [], {"p256dh": 1}, "{"])
def test_a_phones_parameters_are_not_looked_at(parameters: object) -> None:
    assert check({**PHONE, "parameters": parameters}, PushToken).parameters is None


@pytest.mark.parametrize("parameters", [KEYS, json.dumps(KEYS), {**KEYS, "expires": None}])
def test_a_browsers_keys_are_an_object_or_its_text(parameters: object) -> None:
    body = check({**BROWSER, "parameters": parameters}, PushToken)

    assert body.parameters is not None
    assert body.parameters.model_dump() == KEYS


@pytest.mark.parametrize(
    ("parameters", "kind"),
    [
        (None, ProblemKind.MISSING),
        ("null", ProblemKind.MISSING),
        ("", ProblemKind.MALFORMED),
        ("{", ProblemKind.MALFORMED),
        ("[object Object]", ProblemKind.MALFORMED),
        ("[]", ProblemKind.WRONG_TYPE),
        (5, ProblemKind.WRONG_TYPE),
        ([], ProblemKind.WRONG_TYPE),
    ],
)
def test_a_browser_without_an_object_is_told_so(parameters: object, kind: ProblemKind) -> None:
    assert problems_of({**BROWSER, "parameters": parameters}) == [("parameters", kind)]


@pytest.mark.parametrize("key", ["", " ", "=", "a b", "a\n", "ä", "a" * 257])
def test_a_key_is_base64(key: str) -> None:
    assert [
        field for field, _ in problems_of({**BROWSER, "parameters": {**KEYS, "auth": key}})
    ] == ["parameters.auth"]
