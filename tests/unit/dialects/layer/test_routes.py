from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, cast

import pytest
from starlette.requests import Request as StarletteRequest

from heliograph.core.errors import NotAuthenticated, RateLimited, Unavailable
from heliograph.core.model.registration import ProviderName, Slot
from heliograph.dialects.layer.routes import admission

if TYPE_CHECKING:
    from heliograph.web.request import Request

    from .conftest import Door

pytestmark = pytest.mark.anyio

BODY = {"token": "105ebe3f", "type": "apns", "device_id": "a7775566"}


async def test_a_token_is_registered_for_the_callers_device(door: Door) -> None:
    answer = await door.call("POST", "/push_tokens", BODY)

    (draft,) = door.registry.drafts
    assert (answer.status, answer.body) == (202, b"")
    assert (draft.provider, draft.token) == (ProviderName.APNS, "105ebe3f")
    assert draft.slot == Slot(by_user=True, device_id="a7775566")


async def test_a_device_is_emptied_for_the_caller_alone(door: Door) -> None:
    answer = await door.call("DELETE", "/push_tokens/a7775566")

    ((application_id, slot, owner),) = door.registry.emptied
    assert (answer.status, answer.body) == (202, b"")
    assert application_id == b"p" * 16
    assert slot == Slot(by_user=True, device_id="a7775566")
    assert getattr(owner, "member_id", None) == b"m" * 16


@pytest.mark.parametrize(
    ("path", "device_id"),
    [
        ("/push_tokens/a%2Fb", "a/b"),
        ("/push_tokens/a%252Fb", "a%2Fb"),
        ("/push_tokens/100%", "100%"),
        ("/push_tokens/%C3%A9", "é"),
        ("/push_tokens/a+b", "a+b"),
    ],
)
async def test_a_device_id_in_the_path_is_decoded_once(
    door: Door, path: str, device_id: str
) -> None:
    answer = await door.call("DELETE", path)

    assert answer.status == 202
    assert [slot.device_id for _, slot, _ in door.registry.emptied] == [device_id]


async def test_a_device_id_of_control_characters_is_an_invalid_property(door: Door) -> None:
    answer = await door.call("DELETE", "/push_tokens/%00%0A")

    assert (answer.status, answer.json()["code"]) == (422, 105)
    assert answer.json()["data"] == {"property": "device_id"}
    assert door.registry.emptied == []


@pytest.mark.parametrize("path", ["/push_tokens/", "/push_tokens/a/b"])
async def test_a_path_without_one_device_id_is_no_endpoint(door: Door, path: str) -> None:
    answer = await door.call("DELETE", path)

    assert (answer.status, answer.json()["id"]) == (404, "invalid_endpoint")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/push_tokens", "POST"),
        ("DELETE", "/push_tokens", "POST"),
        ("GET", "/push_tokens/a7775566", "DELETE"),
        ("GET", "/nonces?connection-test", "POST"),
    ],
)
async def test_another_method_is_not_allowed(
    door: Door, method: str, path: str, allowed: str
) -> None:
    answer = await door.call(method, path)

    assert (answer.status, answer.json()["id"]) == (405, "method_not_allowed")
    assert answer.header("allow") == allowed


async def test_a_nonce_needs_no_session_and_looks_at_none(door: Door) -> None:
    answers = [
        await door.call("POST", "/nonces", authorization=None),
        await door.call("POST", "/nonces", authorization="Layer session-token='stale'"),
    ]

    assert [answer.status for answer in answers] == [201, 201]
    assert all(door.core.nonces.is_fresh(answer.json()["nonce"]) for answer in answers)
    assert answers[0].json() != answers[1].json()


@pytest.mark.parametrize("method", ["POST", "DELETE"])
async def test_a_type_without_a_body_is_accepted(door: Door, method: str) -> None:
    path = {"POST": "/nonces", "DELETE": "/push_tokens/a7775566"}[method]

    answer = await door.call(method, path, content_type="application/json", content_length="0")

    assert answer.status in {201, 202}


async def test_a_probe_needs_neither_version_nor_session(door: Door) -> None:
    answer = await door.call("HEAD", "/ping?client=3.4.18", accept=None, authorization=None)

    assert (answer.status, answer.body) == (200, b"")


async def test_headers_that_sdks_add_change_nothing(door: Door) -> None:
    answer = await door.call(
        "POST",
        "/push_tokens",
        BODY,
        x_http_method_override="PATCH",
        layer_xdk_version="3.4.18",
        client_id="1c2b6a4e",
    )

    assert answer.status == 202
    assert len(door.registry.drafts) == 1


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"method": "PATCH", "accept": "*/*", "authorization": None, "body": b"{"}, 109),
        ({"path": "/push_tokens/a/b", "accept": "*/*", "authorization": None}, 106),
        ({"accept": "*/*", "authorization": None, "content_type": "text/plain"}, 107),
        ({"authorization": None, "content_type": "text/plain", "body": b"{"}, 4),
        ({"content_type": "text/plain", "body": b"{"}, 107),
        ({"body": b"{"}, 10),
        ({"body": {"type": "other"}}, 104),
        ({"body": BODY | {"type": "other"}}, 105),
    ],
)
async def test_checks_run_in_the_documented_order(
    door: Door, wrong: dict[str, Any], code: int
) -> None:
    answer = await door.call(**{"method": "POST", "path": "/push_tokens", "body": BODY} | wrong)

    assert answer.json()["code"] == code


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded"])
async def test_a_wrong_content_type_is_a_wrong_header(door: Door, content_type: str) -> None:
    answer = await door.call("POST", "/push_tokens", BODY, content_type=content_type)

    assert (answer.status, answer.json()["code"]) == (406, 107)
    assert answer.json()["data"] == {"header": "Content-Type"}


async def test_a_session_that_ends_meanwhile_is_challenged(door: Door) -> None:
    door.registry.failure = NotAuthenticated()

    answer = await door.call("POST", "/push_tokens", BODY)

    assert (answer.status, answer.json()["code"]) == (401, 4)
    assert door.core.nonces.is_fresh(answer.json()["data"]["nonce"])


async def test_a_store_that_does_not_answer_is_a_service_unavailable(door: Door) -> None:
    door.registry.failure = Unavailable("database")

    answer = await door.call("POST", "/push_tokens", BODY)

    assert (answer.status, answer.json()["code"]) == (503, 1)


async def test_a_limited_caller_learns_when_to_come_back(door: Door) -> None:
    door.registry.failure = RateLimited(timedelta(seconds=1.2))

    answer = await door.call("POST", "/push_tokens", BODY)

    assert (answer.status, answer.json()["code"]) == (429, 7)
    assert answer.header("retry-after") == "2"


async def test_too_large_a_body_is_refused_with_its_limit(door: Door) -> None:
    answer = await door.call("POST", "/push_tokens", b" " * 8193)

    assert (answer.status, answer.json()["code"]) == (400, 10)
    assert "8192 bytes" in answer.json()["message"]


async def test_a_preflight_allows_what_the_sdks_send(door: Door) -> None:
    answer = await door.call(
        "OPTIONS",
        "/push_tokens",
        accept=None,
        authorization=None,
        origin="https://app.example",
        access_control_request_method="POST",
    )

    allowed = set(answer.header("access-control-allow-headers").split(", "))
    assert answer.status == 204
    assert {"accept", "authorization", "content-type", "layer-xdk-version", "client-id"} <= allowed


@pytest.mark.parametrize(
    ("accept", "is_layers"),
    [("application/vnd.layer+json; version=9.9", True), ("application/json", False)],
)
async def test_what_nobody_matched_is_layers_if_it_asks_for_layers_type(
    accept: str, is_layers: bool
) -> None:
    request = StarletteRequest({"type": "http", "headers": [(b"accept", accept.encode())]})

    assert admission.claims_request(cast("Request", request)) is is_layers


async def test_a_page_of_another_origin_may_read_links_and_errors(door: Door) -> None:
    answer = await door.call("GET", "/push_tokens", origin="https://app.example")

    assert answer.status == 405
    assert answer.header("access-control-allow-origin") == "*"
    assert answer.header("access-control-expose-headers") == "link"
