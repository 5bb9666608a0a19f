"""What an attacker sends, over a real socket: refused whole, in the dialect's own words."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from tests.system.hostile import BODIES, SECRETS, TARGETS, TOKEN
from tests.system.http_client import LAYER_TYPE
from tests.system.site import everything

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.system.conftest import Demo
    from tests.system.http_client import Answer, Api

pytestmark = pytest.mark.system

JSON = "content-type: application/json"
BIG = 10 * 1024 * 1024


@pytest.fixture(autouse=True)
def _nothing_is_half_done(demo: Demo) -> Iterator[None]:
    """Nothing is written by what is refused, nothing breaks, and no secret is logged."""
    before = everything(demo.native)
    yield
    assert everything(demo.native) == before
    assert demo.server.process.poll() is None
    assert "request_failed" not in demo.server.err
    assert "Traceback" not in demo.server.err
    for secret in (*SECRETS, demo.facts["native"]["api_key"]):
        assert secret not in demo.server.err
    assert demo.facts["layer"]["session_token"] not in demo.server.err


@pytest.fixture(params=["native", "layer"])
def dialect(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
def test_a_body_that_can_not_be_is_refused(demo: Demo, dialect: str, body: bytes) -> None:
    answer = _api(demo, dialect).raw("POST", _place(dialect), [JSON, _length(body)], body)

    _assert_refused(answer, dialect, {400, 422})


@pytest.mark.parametrize("path", ["/notifications", "/sessions", "/registrations/reg_x"])
@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
def test_a_body_that_can_not_be_is_refused_everywhere(demo: Demo, path: str, body: bytes) -> None:
    method = "PATCH" if "reg_x" in path else "POST"

    answer = demo.native.raw(method, path, [JSON, _length(body)], body)

    _assert_refused(answer, "native", {400, 404})


def test_all_problems_are_told_at_once(demo: Demo) -> None:
    body = {
        "provider": "pigeon",
        "token": 5,
        "user_id": "",
        "device_id": "x" * 257,
        "colour": "blue",
        "attributes": {"locale": 1, "categories": "news"},
    }

    answer = demo.native.post("/registrations", body)

    assert {problem["path"]: problem["kind"] for problem in answer.json()["problems"]} == {
        "provider": "not_allowed",
        "token": "wrong_type",
        "user_id": "too_short",
        "device_id": "too_long",
        "colour": "unknown_field",
        "attributes.locale": "wrong_type",
        "attributes.categories": "wrong_type",
    }


def test_all_unstorable_texts_of_a_notification_are_told_at_once(demo: Demo) -> None:
    body = (
        b'{"audience": {"users": ["\\ud800"]}, "content": {"title": "\\u0000", '
        b'"data": {"\\udfff": "x", "y": "\\ud800", "z": [123456789012345678901]}}}'
    )

    answer = demo.native.raw("POST", "/notifications", [JSON, _length(body)], body)

    paths = [problem["path"] for problem in answer.json()["problems"]]
    assert answer.status == 400
    assert paths == [
        "audience.users.0",
        "content.title",
        "content.data.?",
        "content.data.y",
        "content.data.z.0",
    ]


@pytest.mark.parametrize("framing", ["announced", "chunked"])
def test_a_body_past_the_limit_is_answered_so_that_its_sender_can_read_it(
    demo: Demo, dialect: str, framing: str
) -> None:
    body = json.dumps({"token": "x" * BIG}).encode()
    lines = (
        [JSON, _length(body)] if framing == "announced" else [JSON, "transfer-encoding: chunked"]
    )
    sent = [body] if framing == "announced" else [b"%x\r\n%s\r\n" % (len(body), body), b"0\r\n\r\n"]

    answer = _api(demo, dialect).raw("POST", _place(dialect), lines, sent)

    _assert_refused(answer, dialect, {413 if dialect == "native" else 400})
    assert b"1048576" in answer.body


def test_who_asks_before_sending_too_much_is_told_at_once(demo: Demo, dialect: str) -> None:
    lines = [JSON, f"content-length: {BIG}", "expect: 100-continue"]

    answer = _api(demo, dialect).raw("POST", _place(dialect), lines)

    _assert_refused(answer, dialect, {413 if dialect == "native" else 400})
    assert answer.headers["connection"] == "close"


@pytest.mark.parametrize(
    "announced", ["text/plain", "application/x-www-form-urlencoded", "json", ";"]
)
def test_a_body_that_is_announced_as_something_else_is_refused(
    demo: Demo, dialect: str, announced: str
) -> None:
    lines = [f"content-type: {announced}", "content-length: 2"]

    answer = _api(demo, dialect).raw("POST", _place(dialect), lines, b"{}")

    _assert_refused(answer, dialect, {415 if dialect == "native" else 406})


def test_a_packed_body_is_no_json(demo: Demo, dialect: str) -> None:
    import gzip

    body = gzip.compress(b'{"token": "packed"}')
    lines = [JSON, "content-encoding: gzip", _length(body)]

    answer = _api(demo, dialect).raw("POST", _place(dialect), lines, body)

    _assert_refused(answer, dialect, {400})


@pytest.mark.parametrize(
    "lines",
    [
        ["content-length: -1"],
        ["content-length: 2", "content-length: 3"],
        ["content-length: 2", "transfer-encoding: chunked"],
        ["content-length: two"],
        [b"x-\xff: a"],
        [b"authorization: \x00"],
    ],
    ids=str,
)
def test_a_head_that_could_be_read_in_two_ways_is_refused(
    demo: Demo, dialect: str, lines: Sequence[str | bytes]
) -> None:
    answer = _api(demo, dialect).raw("POST", _place(dialect), lines, b"{}")

    assert answer.status == 400
    assert answer.headers["connection"] == "close"


@pytest.mark.parametrize("method", ["DELETE", "GET"])
@pytest.mark.parametrize("target", TARGETS)
def test_a_path_is_taken_as_it_is(demo: Demo, dialect: str, method: str, target: str) -> None:
    answer = _api(demo, dialect).raw(method, _place(dialect) + target)

    # Layer's page: who forgets what never was is told that it is forgotten.
    assert answer.status in {400, 404, 405, 422} | ({202} if dialect == "layer" else set())
    assert "location" not in answer.headers


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "PUT", "PATCH", "TRACE", "CONNECT"])
def test_a_wrong_method_names_the_right_ones(demo: Demo, dialect: str, method: str) -> None:
    place = f"{_place(dialect)}/x" if dialect == "layer" else "/sessions"

    answer = _api(demo, dialect).raw(method, place)

    assert answer.status == 405
    assert answer.headers["allow"] == ("DELETE" if dialect == "layer" else "POST")
    assert bool(answer.body) == (method != "HEAD")


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=1001",
        "limit=x",
        "limit=",
        "limit=99999999999999999999",
        "limit=1&limit=1",
        "colour=blue",
        "LIMIT=1",
        "cursor=x",
        "cursor=%ff",
        "cursor=" + "A" * 22 + "%00",
        "user_id=",
        "user_id=%00",
        "user_id=%ED%A0%80",
        "user_id=" + "x" * 257,
        "provider=pigeon",
        "%ff=1",
        "&;=&",
    ],
)
def test_a_query_that_can_not_be_is_refused(demo: Demo, query: str) -> None:
    _assert_refused(demo.native.raw("GET", f"/registrations?{query}"), "native", {400})


@pytest.mark.parametrize(
    "credential",
    [
        b"",
        b"Bearer",
        b"Bearer  ",
        b"Basic YTpi",
        b"Digest x",
        b"Bearer \xe9\xff",
        b"Bearer hgk_unknown",
        b"Bearer hgs_unknown",
        b"Bearer " + b"x" * 20_000,
        b"Layer",
        b"Layer session-token",
        b"Layer session-token=''",
        b"Layer session-token='unknown'",
        b"Layer session-token='a' b",
        b"Bearer a, Bearer b",
    ],
    ids=lambda credential: str(credential[:24]),
)
def test_a_credential_that_proves_nothing_opens_nothing(
    demo: Demo, dialect: str, credential: bytes
) -> None:
    lines = [b"authorization: " + credential, JSON, "content-length: 2"]

    answer = _stranger(demo, dialect).raw("POST", _place(dialect), lines, b"{}")

    _assert_refused(answer, dialect, {401})


def test_a_credential_of_one_dialect_opens_no_other(demo: Demo) -> None:
    session, key = demo.facts["layer"]["session_token"], demo.facts["native"]["api_key"]
    layer, native = _stranger(demo, "layer"), _stranger(demo, "native")

    for credential in (f"Bearer {session}", f"Layer session-token='{session}'"):
        assert native.call("GET", "/registrations", authorization=credential).status == 401
    for credential in (f"Bearer {key}", f"Layer session-token='{key}'"):
        assert layer.call("DELETE", "/push_tokens/x", authorization=credential).status == 401


@pytest.mark.parametrize(
    "application", ["app_unknown", "app_" + "0" * 26, "", "%00", "%ff", "..", "app_" + "x" * 30_000]
)
def test_an_unknown_application_is_not_found(demo: Demo, application: str) -> None:
    key = demo.facts["native"]["api_key"]
    place = demo.api.at(f"/v1/applications/{application}", authorization=f"Bearer {key}")

    for path in ("/registrations", "/notifications"):
        _assert_refused(place.raw("GET", path), "native", {404})


def test_a_head_without_end_is_cut_off(demo: Demo, dialect: str) -> None:
    lines = [f"x-{number}: {'a' * 1000}" for number in range(400)]

    try:
        answer = _api(demo, dialect).raw("POST", _place(dialect), lines)
    except ConnectionError:
        return  # Cut off while we still talked, so that the answer was lost.

    assert answer.status == 431


def test_a_body_that_never_ends_holds_nobody_else_up(demo: Demo, dialect: str) -> None:
    held = [_api(demo, dialect).connection() for _ in range(20)]
    for connection in held:
        connection.putrequest("POST", "/push_tokens")
        connection.putheader("content-length", "1000")
        connection.endheaders(b"{")

    assert demo.native.get("/registrations").status == 200

    for connection in held:
        connection.close()


def _api(demo: Demo, dialect: str) -> Api:
    return demo.native if dialect == "native" else demo.layer


def _stranger(demo: Demo, dialect: str) -> Api:
    """The same place, without a credential."""
    if dialect == "layer":
        return demo.api.at("", accept=LAYER_TYPE)
    return demo.api.at(f"/v1/applications/{demo.facts['application']['id']}")


def _place(dialect: str) -> str:
    return "/registrations" if dialect == "native" else "/push_tokens"


def _length(body: bytes) -> str:
    return f"content-length: {len(body)}"


def _assert_refused(answer: Answer, dialect: str, statuses: set[int]) -> None:
    """A whole error of the dialect, which tells nothing of the inside nor of secrets."""
    assert answer.status in statuses, answer.body
    assert TOKEN.encode() not in answer.body
    assert b"Traceback" not in answer.body
    said = answer.json()
    if dialect == "native":
        assert answer.headers["content-type"] == "application/problem+json"
        assert said["status"] == answer.status
    else:
        assert set(said) - {"data"} == {"id", "code", "message", "url"}
