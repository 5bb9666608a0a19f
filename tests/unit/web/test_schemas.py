from typing import Annotated

import pytest
from pydantic import Field
from tests.asgi_client import call
from tests.unit.web import stubs
from tests.unit.web.stubs import application, dialect, route

from heliograph.core.errors import InvalidRequest, ProblemKind
from heliograph.web.schemas import Items, Label, Schema, Text, check

pytestmark = pytest.mark.anyio


@pytest.fixture
def app():
    return application(
        dialect(
            "one",
            route("POST", "/notes", stubs.read_note),
            route("GET", "/notes", stubs.read_query),
        )
    )


async def test_a_good_body_reaches_the_handler(app):
    answer = await call(app, "POST", "/notes", body=b'{"text": "hi"}')

    assert answer.json() == {"text": "hi", "count": 0}


async def test_every_problem_of_a_body_is_named(app):
    answer = await call(app, "POST", "/notes", body=b'{"text": "", "count": "1", "x": 1}')

    assert answer.status == 400
    assert answer.json()["problems"] == [
        ["text", "too_short", "1 or more characters"],
        ["count", "wrong_type", "an integer"],
        ["x", "unknown_field", "absent"],
    ]


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b"[]", ["", "wrong_type", "an object"]),
        (b"null", ["", "wrong_type", "an object"]),
        (b"{}", ["text", "missing", "present"]),
        (b'{"text": "' + b"x" * 257 + b'"}', ["text", "too_long", "at most 256 characters"]),
        (
            b'{"text": "a\\nb"}',
            ["text", "malformed", "free of control characters and lone surrogates"],
        ),
    ],
)
async def test_a_bad_body_says_what_it_must_be(app, body, problem):
    answer = await call(app, "POST", "/notes", body=body)

    assert answer.json()["problems"] == [problem]


class Bounded(Schema):
    """Fields whose length is looked at after their characters."""

    label: Annotated[Label, Field(max_length=2)] = "x"
    text: Annotated[Text, Field(min_length=1, max_length=2)] = "x"
    items: Annotated[Items[Label], Field(min_length=1, max_length=2)] = ("x",)


@pytest.mark.parametrize(
    ("field", "value", "kind", "expected"),
    [
        ("label", "xxx", ProblemKind.TOO_LONG, "at most 2 characters"),
        ("text", "xxx", ProblemKind.TOO_LONG, "at most 2 characters"),
        ("text", "", ProblemKind.TOO_SHORT, "1 or more characters"),
        ("items", ["x"] * 3, ProblemKind.TOO_MANY, "at most 2 items"),
        ("items", [], ProblemKind.TOO_SHORT, "1 or more items"),
    ],
)
async def test_a_text_has_characters_and_an_array_has_items(field, value, kind, expected):
    with pytest.raises(InvalidRequest) as caught:
        check({field: value}, Bounded)

    assert [(each.path, each.kind, each.expected) for each in caught.value.problems] == [
        ((field,), kind, expected)
    ]


async def test_an_array_with_a_bad_item_is_not_short_of_it():
    with pytest.raises(InvalidRequest) as caught:
        check({"items": [5]}, Bounded)

    assert [(each.path, each.kind) for each in caught.value.problems] == [
        (("items", 0), ProblemKind.WRONG_TYPE)
    ]


async def test_a_key_with_a_lone_surrogate_can_still_be_named(app):
    answer = await call(app, "POST", "/notes", body=b'{"text": "x", "\\ud800": 1}')

    assert answer.json()["problems"][0][:2] == ["?", "malformed"]


async def test_a_query_is_decoded_and_converted(app):
    answer = await call(app, "GET", "/notes?limit=7&name=a+%C3%A9%26")

    assert answer.json() == {"limit": 7, "name": "a é&"}


async def test_every_problem_of_a_query_is_named(app):
    answer = await call(app, "GET", "/notes?limit=11&name=%FF&name=a&name=b&what=1&%FE=1")

    assert sorted(problem[:2] for problem in answer.json()["problems"]) == [
        ["%FE", "malformed"],
        ["limit", "too_large"],
        ["name", "malformed"],
        ["name", "not_allowed"],
        ["what", "unknown_field"],
    ]
