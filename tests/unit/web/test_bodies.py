import json

import pytest
from tests.asgi_client import call
from tests.unit.web import stubs
from tests.unit.web.stubs import application, dialect, route

from heliograph.core.errors import InvalidRequest, ProblemKind
from heliograph.web.bodies import DRAIN_BYTES, MAX_DEPTH, MAX_UNSTORABLE, parse_json
from heliograph.web.media_types import admits_json, may_be_json


def _problems(raw: bytes):
    with pytest.raises(InvalidRequest) as caught:
        parse_json(raw)
    return [(problem.path, problem.kind) for problem in caught.value.problems]


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"{'a': 1}",
        b'{"a": NaN}',
        b'{"a": -Infinity}',
        b'{"a": 1e999}',
        b'"\xff"',
        b'"\x00"',
        b"1" * 5000,
        b"[" * 100_000 + b"]" * 100_000,
        b'{"a":' * 100_000,
        b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1),
    ],
)
def test_what_is_no_json_of_ours_is_one_problem(raw):
    assert _problems(raw) == [((), ProblemKind.NOT_JSON)]


def test_json_within_bounds_is_parsed():
    deep = b"[" * MAX_DEPTH + b"]" * MAX_DEPTH

    assert parse_json(b'\xef\xbb\xbf{"a": 1, "a": 2}') == {"a": 2}
    assert parse_json(b'["\\ud83d\\ude00", 1.5e3]') == ["\U0001f600", 1500.0]
    assert parse_json(b"[" + b"{}," * 500 + b"{}]") == [{}] * 501
    assert json.dumps(parse_json(deep)).encode() == deep


def test_what_cannot_be_stored_is_named_where_it_is():
    raw = b'{"a": ["x", "\\ud800"], "\\udfff": "y", "n": "\\u0000", "big": 9223372036854775808}'

    assert _problems(raw) == [
        (("a", 1), ProblemKind.MALFORMED),
        (("\udfff",), ProblemKind.MALFORMED),
        (("n",), ProblemKind.MALFORMED),
        (("big",), ProblemKind.TOO_LARGE),
    ]


def test_a_body_of_nothing_but_trouble_is_answered_briefly():
    raw = json.dumps({"k" * 10_000: ["\0"] * 1000}).encode()

    problems = _problems(raw)

    assert len(problems) == MAX_UNSTORABLE
    assert problems[1] == (("k" * 256, 1), ProblemKind.MALFORMED)


def test_the_largest_integers_pass():
    assert parse_json(b"[9223372036854775807, -9223372036854775808]")


@pytest.mark.parametrize(
    ("content_type", "expected"),
    [
        (None, True),
        ("", True),
        ("application/json; charset=utf-8", True),
        ("Application/JSON", True),
        ("application/vnd.layer-patch+json", True),
        ("text/plain", False),
        ("application/x-www-form-urlencoded", False),
    ],
)
def test_a_content_type_announces_json_or_not(content_type, expected):
    assert may_be_json(content_type) is expected


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        (None, True),
        ("*/*", True),
        ("text/html, application/*;q=0.1", True),
        ("application/problem+json", True),
        ("text/html", False),
        ("application/json;q=0", False),
        ("application/json; q=0.0", False),
    ],
)
def test_an_accept_header_admits_json_or_not(accept, expected):
    assert admits_json(accept) is expected


def _app(**limits):
    reading = route("POST", "/a", stubs.read_any)
    return application(dialect("one", reading), limits={"body_bytes": 1024, **limits})


@pytest.mark.anyio
async def test_an_announced_body_past_the_limit_is_drained_and_refused():
    chunks = [b"x" * 1000 for _ in range(10)]

    answer = await call(_app(), "POST", "/a", headers={"content-length": "10000"}, body=chunks)

    assert answer.status == 413
    assert answer.json()["code"] == "too_large"
    assert answer.header("connection") is None


@pytest.mark.anyio
async def test_an_unannounced_body_past_the_limit_is_refused():
    answer = await call(_app(), "POST", "/a", body=[b"[" + b" " * 1000, b" " * 1000 + b"]"])

    assert answer.status == 413


@pytest.mark.anyio
async def test_a_body_of_exactly_the_limit_is_read():
    body = b'"' + b"x" * 1022 + b'"'

    assert (await call(_app(), "POST", "/a", body=body)).status == 200


@pytest.mark.anyio
async def test_draining_ends_and_then_so_does_the_connection():
    chunks = [b"x" * 1_048_576] * (DRAIN_BYTES // 1_048_576 + 2)

    answer = await call(_app(), "POST", "/a", body=chunks)

    assert answer.status == 413
    assert answer.header("connection") == "close"


@pytest.mark.anyio
async def test_a_client_that_asks_first_is_refused_before_it_sends():
    headers = {"content-length": "99999999", "expect": "100-continue"}

    answer = await call(_app(), "POST", "/a", headers=headers)

    assert (answer.status, answer.header("connection")) == (413, "close")


@pytest.mark.anyio
async def test_a_dialect_may_have_its_own_limit():
    app = application(
        dialect("one", route("POST", "/a", stubs.read_any), max_body_bytes=3),
        limits={"body_bytes": 1024},
    )

    assert (await call(app, "POST", "/a", body=b"1234")).status == 413


@pytest.mark.anyio
@pytest.mark.parametrize(("announced", "status"), [("10", 408), ("5000", 413)])
async def test_a_body_that_does_not_arrive_is_given_up(announced, status):
    import asyncio

    app = _app(body_timeout_s=0.02)
    sent = []

    async def receive():
        await asyncio.Event().wait()

    async def send(message):
        sent.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/a",
        "query_string": b"",
        "headers": [(b"content-length", announced.encode())],
    }
    await app(scope, receive, send)

    assert sent[0]["status"] == status
    assert (b"connection", b"close") in sent[0]["headers"]
