from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import pytest
from structlog.testing import capture_logs

from heliograph.core.errors import NotAuthenticated, RateLimited, Unavailable
from heliograph.core.model.registration import ProviderName, Slot

from .conftest import BIND, BODY, DELETE, HASH, LIMIT_BYTES, SESSION, NavixyDoor, outcome

if TYPE_CHECKING:
    from tests.conftest import FakeClock

pytestmark = pytest.mark.anyio

FORM = "application/x-www-form-urlencoded"


async def test_json_a_form_and_a_query_bind_alike(door: NavixyDoor) -> None:
    fields = urlencode(BODY)

    answers = [
        await door.call("POST", BIND, BODY),
        await door.call("POST", BIND, fields.encode(), content_type=FORM),
        await door.call("GET", f"{BIND}?{fields}"),
    ]

    first, second, third = door.registry.drafts
    assert [(answer.status, answer.json()) for answer in answers] == [(200, {"success": True})] * 3
    assert first == second == third
    assert (first.provider, first.token) == (ProviderName.FCM, "f4be7b9d")


async def test_a_session_is_emptied_for_its_user_alone(door: NavixyDoor) -> None:
    await door.call("POST", BIND, BODY)

    answer = await door.call("GET", f"{DELETE}?hash={HASH}")

    ((application_id, slot, owner),) = door.registry.emptied
    assert (answer.status, answer.json()) == (200, {"success": True})
    assert (application_id, slot) == (SESSION.application_id, Slot(session_id=SESSION.id))
    assert getattr(owner, "member_id", None) == SESSION.member_id


async def test_what_is_not_bound_is_not_found(door: NavixyDoor) -> None:
    assert outcome(await door.call("POST", DELETE, {"hash": HASH})) == (400, 201)


async def test_a_body_in_pieces_is_read_whole(door: NavixyDoor) -> None:
    pieces = [b'{"hash": "' + HASH[:5].encode(), HASH[5:].encode(), b'"}']

    assert outcome(await door.call("POST", DELETE, pieces)) == (400, 201)


@pytest.mark.parametrize("authorization", [f"NVX {HASH}", ""])
async def test_a_body_that_is_too_large_comes_first(door: NavixyDoor, authorization: str) -> None:
    body = {**BODY, "more": "x" * LIMIT_BYTES}

    answer = await door.call("POST", BIND, body, authorization=authorization)

    assert outcome(answer) == (412, 9)
    assert str(LIMIT_BYTES) in answer.json()["status"]["description"]


@pytest.mark.parametrize(
    ("failure", "expected"),
    [
        (Unavailable("database"), (503, 14)),
        (RateLimited(timedelta(seconds=1)), (429, 15)),
        (NotAuthenticated(), (400, 4)),
    ],
)
@pytest.mark.parametrize("path", [BIND, DELETE])
async def test_what_the_registry_refuses_is_answered(
    door: NavixyDoor, path: str, failure: Exception, expected: tuple[int, int]
) -> None:
    door.registry.failure = failure

    assert outcome(await door.call("POST", path, BODY)) == expected


async def test_nothing_is_written_for_a_wrong_request(door: NavixyDoor) -> None:
    for body in ({**BODY, "token": " "}, {**BODY, "application": "x"}, {**BODY, "hash": "x"}):
        assert (await door.call("POST", BIND, body)).status == 400

    assert door.registry.drafts == []


async def test_no_answer_and_no_log_quotes_a_secret(door: NavixyDoor) -> None:
    token = "secret\ntoken"
    with capture_logs() as logs:
        answers = [
            await door.call("POST", BIND, {**BODY, "token": token}),
            await door.call("POST", BIND, {**BODY, "hash": "secret"}),
            await door.call("GET", f"{BIND}?hash={HASH}&application=secret&token=secret"),
        ]

    assert [answer.status for answer in answers] == [400] * 3
    assert not any(b"secret" in answer.body or HASH.encode() in answer.body for answer in answers)
    assert "secret" not in str(logs)


async def test_a_door_beneath_a_prefix_answers_alike(clock: FakeClock) -> None:
    door = NavixyDoor(clock, prefix="/tracking")

    assert outcome(await door.call("POST", f"/tracking{BIND}", BODY)) == (200, 0)
    assert outcome(await door.call("POST", f"/tracking/v2{BIND}/", BODY)) == (200, 0)
    assert outcome(await door.call("POST", "/tracking/user/session/push_token/x")) == (400, 112)
    assert outcome(await door.call("POST", "/tracking/v2/tracker/list")) == (400, 111)
