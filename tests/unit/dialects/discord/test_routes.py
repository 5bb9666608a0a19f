from __future__ import annotations

import base64
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from heliograph.core import access
from heliograph.core.errors import NotAuthenticated, RateLimited, Unavailable
from heliograph.core.model.registration import ProviderName, Slot, TokenKind
from heliograph.dialects.discord.routes import PLACES, ROUTES

from .conftest import DEVICES, NOW, PRINCIPAL, TOKEN, Door

if TYPE_CHECKING:
    from tests.conftest import FakeClock

pytestmark = pytest.mark.anyio

BODY = {"provider": "apns", "token": "t"}
PAIR = BODY | {"voip_provider": "apns_voip", "voip_token": "v"}
SYNC = BODY | {"push_sync_tokens": []}


def test_every_operation_is_at_every_place() -> None:
    assert PLACES == (
        "",
        "/api",
        "/api/v6",
        "/api/v7",
        "/api/v8",
        "/api/v9",
        "/api/v10",
    )
    assert len({(route.method, route.path) for route in ROUTES}) == 10 * len(PLACES)


@pytest.mark.parametrize("place", PLACES)
async def test_a_device_is_registered_wherever_the_base_url_ends(door: Door, place: str) -> None:
    answer = await door.call("POST", f"{place}/users/@me/devices", BODY)

    ((draft,),) = door.registry.written
    assert (answer.status, answer.body) == (204, b"")
    assert (draft.provider, draft.token) == (ProviderName.APNS, "t")


async def test_a_pair_is_written_in_one_piece(door: Door) -> None:
    answer = await door.call("POST", DEVICES, PAIR)

    ((alert, voip),) = door.registry.written
    assert (answer.status, door.registry.exact) == (204, [False])
    assert (alert.token, voip.token) == ("t", "v")


@pytest.mark.parametrize("body", [BODY, PAIR])
@pytest.mark.parametrize(
    ("failure", "status", "code"),
    [
        (Unavailable("database"), 503, 0),
        (NotAuthenticated(), 401, 0),
        (RateLimited(timedelta(seconds=1.25)), 429, None),
    ],
)
async def test_what_fails_is_not_acknowledged(
    door: Door, body: dict[str, str], failure: Exception, status: int, code: int | None
) -> None:
    door.registry.failure = failure

    answer = await door.call("POST", DEVICES, body)

    assert (answer.status, answer.json().get("code")) == (status, code)
    assert door.registry.written == []


async def test_a_limited_caller_learns_when_to_come_back(door: Door) -> None:
    door.registry.failure = RateLimited(timedelta(seconds=1.25))

    answer = await door.call("PUT", f"{DEVICES}/sync", SYNC)

    assert answer.json() == {
        "message": "You are being rate limited.",
        "retry_after": 1.25,
        "global": False,
    }
    assert answer.header("retry-after") == "2"
    assert answer.header("x-ratelimit-scope") == "user"
    assert answer.header("x-ratelimit-remaining") is None


async def test_a_token_is_looked_for_until_it_is_found(door: Door) -> None:
    await door.call("DELETE", DEVICES, BODY)
    missed = list(door.registry.emptied)
    door.registry.is_filled = True
    door.registry.emptied.clear()

    answer = await door.call("DELETE", DEVICES, BODY)

    owner = access.member_of(PRINCIPAL)
    alert = (Slot(by_user=True, by_token=True), owner, ProviderName.APNS, "t")
    voip = (Slot(by_user=True, by_token=True, kind=TokenKind.VOIP), *alert[1:])
    assert answer.status == 204
    assert missed == [alert, voip]
    assert door.registry.emptied == [alert]


async def test_a_sync_token_has_the_published_form(door: Door) -> None:
    answer = await door.call("GET", f"{DEVICES}/sync-token")

    first, second, third = answer.json()["token"].split(".")
    assert answer.status == 200
    snowflake = base64.urlsafe_b64decode(first + "=" * (-len(first) % 4)).decode("ascii")
    assert len(snowflake) == 19
    assert snowflake.isdecimal()
    assert base64.urlsafe_b64decode(second + "==") == int(NOW.timestamp()).to_bytes(4, "big")
    assert len(third) == 27


async def test_a_token_is_synchronized_exactly(door: Door) -> None:
    own = (await door.call("GET", f"{DEVICES}/sync-token")).json()["token"]
    listed = ["bad", own, TOKEN, own, "bad"]

    answer = await door.call("PUT", f"{DEVICES}/sync", SYNC | {"push_sync_tokens": listed})

    ((draft,),) = door.registry.written
    assert answer.json() == {"invalid_push_sync_tokens": ["bad", TOKEN, "bad"]}
    assert door.registry.exact == [True]
    assert draft.owner == access.member_of(PRINCIPAL)


async def test_leave_that_is_revoked_while_it_is_used_is_invalid(door: Door) -> None:
    own = (await door.call("GET", f"{DEVICES}/sync-token")).json()["token"]
    door.registry.revoked_meanwhile.add(PRINCIPAL.session.member_id)

    answer = await door.call("PUT", f"{DEVICES}/sync", SYNC | {"push_sync_tokens": [own, "bad"]})

    assert answer.json() == {"invalid_push_sync_tokens": [own, "bad"]}


@pytest.mark.parametrize("position", range(59))
async def test_a_sync_token_with_one_letter_changed_is_invalid(door: Door, position: int) -> None:
    own = (await door.call("GET", f"{DEVICES}/sync-token")).json()["token"]
    other = "A" if own[position] != "A" else "B"
    changed = own[:position] + other + own[position + 1 :]

    answer = await door.call("PUT", f"{DEVICES}/sync", SYNC | {"push_sync_tokens": [changed]})

    assert answer.json() == {"invalid_push_sync_tokens": [changed]}


async def test_a_sync_token_expires(door: Door, clock: FakeClock) -> None:
    own = (await door.call("GET", f"{DEVICES}/sync-token")).json()["token"]
    body = SYNC | {"push_sync_tokens": [own]}

    clock.advance(60 * 86_400 - 1)
    before = await door.call("PUT", f"{DEVICES}/sync", body)
    clock.advance(1)
    after = await door.call("PUT", f"{DEVICES}/sync", body)

    assert before.json() == {"invalid_push_sync_tokens": []}
    assert after.json() == {"invalid_push_sync_tokens": [own]}


@pytest.mark.parametrize("header", [None, "", " ", "Bot", f"Bearer {TOKEN}", f"{TOKEN} x", "x"])
async def test_who_brings_no_login_token_is_not_signed_in(door: Door, header: str | None) -> None:
    answer = await door.call("POST", DEVICES, BODY, authorization=header)

    assert answer.status == 401
    assert answer.json() == {"message": "401: Unauthorized", "code": 0}


@pytest.mark.parametrize("header", [f"Bot {TOKEN}", "Bot x", "bot  x"])
async def test_bots_are_refused(door: Door, header: str) -> None:
    answer = await door.call("POST", DEVICES, BODY, authorization=header)

    assert answer.status == 403
    assert answer.json() == {"message": "Bots cannot use this endpoint", "code": 20001}


@pytest.mark.parametrize(
    ("wrong", "expected"),
    [
        ({"method": "PATCH", "authorization": None, "body": b"{"}, (405, 0)),
        ({"path": "/api/v5/users/@me/devices", "authorization": None}, (400, 50041)),
        ({"path": "/api/v11/users/@me/devices", "authorization": None}, (404, 0)),
        ({"authorization": None, "content_type": "text/plain", "body": b"{"}, (401, 0)),
        ({"content_type": "text/plain", "body": b"{"}, (400, 50035)),
        ({"body": b"{"}, (400, 50109)),
        ({"body": {}}, (400, 50035)),
    ],
)
async def test_checks_run_in_the_documented_order(
    door: Door, wrong: dict[str, Any], expected: tuple[int, int]
) -> None:
    answer = await door.call(**{"method": "POST", "path": DEVICES, "body": BODY} | wrong)

    assert (answer.status, answer.json()["code"]) == expected
    assert door.registry.written == []


async def test_versions_are_retired_below_a_doors_prefix_too(clock: FakeClock) -> None:
    door = Door(clock, prefix="/chat")

    retired = await door.call("POST", "/chat/api/v3/users/@me/devices", BODY)
    spoken = await door.call("POST", "/chat/api/v6/users/@me/devices", BODY)

    assert (retired.status, retired.json()["code"]) == (400, 50041)
    assert spoken.status == 204


async def test_ten_thousand_sync_tokens_are_one_problem(door: Door) -> None:
    body = SYNC | {"push_sync_tokens": [f"t{number}" for number in range(10_000)]}

    answer = await door.call("PUT", f"{DEVICES}/sync", body)

    (leaf,) = answer.json()["errors"]["push_sync_tokens"]["_errors"]
    assert answer.status == 400
    assert leaf["code"] == "BASE_TYPE_BAD_LENGTH"
    assert door.registry.written == []
