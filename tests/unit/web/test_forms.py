from typing import Annotated

import pytest
from pydantic import Field
from tests.asgi_client import call
from tests.unit.web.stubs import application, dialect, route

from heliograph.core.errors import InvalidRequest, ProblemKind
from heliograph.web.forms import MAX_FIELDS, fields_of, read_form
from heliograph.web.media_types import may_be_form
from heliograph.web.responses import json_response
from heliograph.web.schemas import Label, Schema


class Order(Schema):
    name: Label
    count: Annotated[int, Field(ge=0)] = 0
    urgent: bool = False


async def read_order(request, core):
    return json_response((await request.read_form(Order)).model_dump())


async def read_last_order(request, core):
    return json_response((await request.read_form(Order, may_repeat=True)).model_dump())


@pytest.fixture
def app():
    return application(
        dialect(
            "one", route("POST", "/orders", read_order), route("PUT", "/orders", read_last_order)
        ),
        limits={"body_bytes": 1024},
    )


def problems_of(raw, schema=Order):
    with pytest.raises(InvalidRequest) as caught:
        read_form(raw, schema)
    return [(problem.field, problem.kind) for problem in caught.value.problems]


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"", {}),
        (b"&&", {}),
        (b"a", {"a": ""}),
        (b"a=", {"a": ""}),
        (b"=b", {"": "b"}),
        (b"a=b=c", {"a": "b=c"}),
        (b"a+b=c+d%2B%26", {"a b": "c d+&"}),
        (b"a=1;b=2", {"a": "1;b=2"}),
        (b"a=100%&b=%zz%2", {"a": "100%", "b": "%zz%2"}),
        (b"a=%C3%A9&b=\xc3\xa9", {"a": "é", "b": "é"}),
        (b"a=%00%0A", {"a": "\0\n"}),
        (b"a=1\r\n", {"a": "1\r\n"}),
    ],
)
def test_fields_are_decoded_and_blank_ones_kept(raw, expected):
    assert fields_of(raw) == (expected, [])


def test_a_field_that_is_not_utf_8_is_named_and_left_out():
    values, problems = fields_of(b"a=%FF&%FE=1&b=\xed\xa0\x80&c=1")

    assert values == {"c": "1"}
    assert [(problem.field, problem.kind) for problem in problems] == [
        ("a", ProblemKind.MALFORMED),
        ("%FE", ProblemKind.MALFORMED),
        ("b", ProblemKind.MALFORMED),
    ]


def test_a_repeated_field_is_a_problem_or_the_last_counts():
    values, problems = fields_of(b"a=1&a=2&b=3")

    assert values == {"a": "1", "b": "3"}
    assert [(problem.field, problem.kind) for problem in problems] == [
        ("a", ProblemKind.NOT_ALLOWED)
    ]
    assert fields_of(b"a=1&a=2&b=3", may_repeat=True) == ({"a": "2", "b": "3"}, [])


def test_too_many_fields_are_refused_before_they_are_read():
    most = b"&".join([b"a=1"] * MAX_FIELDS)

    with pytest.raises(InvalidRequest) as caught:
        fields_of(most + b"&a=1")

    assert [problem.kind for problem in caught.value.problems] == [ProblemKind.TOO_MANY]
    assert fields_of(most, may_repeat=True) == ({"a": "1"}, [])


def test_texts_become_what_the_schema_says():
    order = read_form(b"name=a+b&count=7&urgent=true", Order)

    assert order == Order(name="a b", count=7, urgent=True)


def test_every_problem_of_a_form_is_named_once():
    assert problems_of(b"name=%FF&count=x&count=1&urgent=maybe&what=1") == [
        ("name", ProblemKind.MALFORMED),
        ("count", ProblemKind.NOT_ALLOWED),
        ("urgent", ProblemKind.WRONG_TYPE),
        ("what", ProblemKind.UNKNOWN_FIELD),
    ]
    assert problems_of(b"name=a%00b&count=-1") == [
        ("name", ProblemKind.MALFORMED),
        ("count", ProblemKind.TOO_SMALL),
    ]
    assert problems_of(b"name=a&name=a") == [("name", ProblemKind.NOT_ALLOWED)]


@pytest.mark.parametrize(
    ("content_type", "expected"),
    [
        (None, True),
        ("", True),
        ("application/x-www-form-urlencoded", True),
        ("Application/X-WWW-Form-URLencoded ; charset = UTF-8", True),
        ("application/json", False),
        ("multipart/form-data; boundary=x", False),
    ],
)
def test_a_content_type_announces_a_form_or_not(content_type, expected):
    assert may_be_form(content_type) is expected


@pytest.mark.anyio
@pytest.mark.parametrize("content_type", [None, "application/x-www-form-urlencoded;charset=UTF-8"])
async def test_a_form_body_reaches_the_handler(app, content_type):
    headers = {} if content_type is None else {"Content-Type": content_type}

    answer = await call(app, "POST", "/orders", headers=headers, body=[b"name=a&cou", b"nt=2"])

    assert answer.json() == {"name": "a", "count": 2, "urgent": False}


@pytest.mark.anyio
async def test_of_a_repeated_field_the_last_counts_where_a_handler_says_so(app):
    answer = await call(app, "PUT", "/orders", body=b"name=a&name=b")

    assert answer.json()["name"] == "b"


@pytest.mark.anyio
async def test_a_form_past_the_limit_is_too_large(app):
    answer = await call(app, "POST", "/orders", body=b"name=" + b"a" * 1024)

    assert (answer.status, answer.json()["code"]) == (413, "too_large")


@pytest.mark.anyio
async def test_another_announced_type_is_not_read_as_a_form(app):
    headers = {"Content-Type": "application/json"}

    answer = await call(app, "POST", "/orders", headers=headers, body=b"name=a")

    assert (answer.status, answer.json()["code"]) == (500, "web")


@pytest.mark.anyio
async def test_every_problem_of_a_form_reaches_the_dialect(app):
    answer = await call(app, "POST", "/orders", body=b"count=x")

    assert [problem[:2] for problem in answer.json()["problems"]] == [
        ["name", "missing"],
        ["count", "wrong_type"],
    ]
