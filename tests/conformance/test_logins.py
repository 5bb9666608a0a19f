"""Logins at doors: which application's they are, and how often a password may be tried."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from tests.asgi_client import call
from tests.conftest import cheap_passwords

from heliograph.config import Door
from heliograph.core.ids import Id, spell
from heliograph.core.model.identity import ALL_SCOPES, ApiClient, ClientPrincipal, SessionForm
from heliograph.dialects.discord import mapping as discord
from heliograph.dialects.navixy import mapping as navixy
from heliograph.wiring import Stack

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.asgi_client import Answer
    from tests.conftest import FakeClock

    from heliograph.config import Config
    from heliograph.core.model.application import Application

pytestmark = pytest.mark.anyio

PASSWORDS = {"one": "password of one", "two": "password of two"}
FORMS = (SessionForm.DISCORD, SessionForm.NAVIXY)
DOORS = (
    ("discord", "/one", "one"),
    ("discord", "/two", "two"),
    ("navixy", "/one", "one"),
    ("navixy", "/two", "two"),
    ("navixy", "/none", None),
    ("discord", "/none", None),
    ("native", "", None),
)


@dataclass(frozen=True)
class House:
    """Two applications, each with a user of the same login, and doors of their own."""

    stack: Stack
    clock: FakeClock
    applications: dict[str, Application]

    async def call(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        content = b"" if body is None else json.dumps(body).encode()
        client = headers.pop("client", "192.0.2.1")
        sent = {"content-type": "application/json"} | headers
        return await call(
            self.stack.application, method, path, headers=sent, body=content, client=client
        )

    async def log_in(self, door: str, password: str, login: str = "ann", **more: str) -> Answer:
        body = {"login": login, "password": password}
        return await self.call("POST", f"{door}/auth/login", body, **more)

    async def sign_in(self, door: str, password: str, login: str = "ann", **more: str) -> Answer:
        body = {"login": login, "password": password}
        return await self.call("POST", f"{door}/user/auth", body, **more)


@pytest.fixture
async def house(config: Config, clock: FakeClock) -> AsyncIterator[House]:
    stack = await Stack.open(config, clock=clock, passwords=cheap_passwords())
    account = await stack.core.applications.account()
    applications = {}
    for name, password in PASSWORDS.items():
        made = applications[name] = await stack.core.applications.create(account.id, name)
        operator = ApiClient(Id(bytes(16)), account.id, "operator", ALL_SCOPES, clock.now())
        for form in FORMS:
            await stack.core.logins.create(
                ClientPrincipal(operator), made, form, "ann", password, f"ann of {name}"
            )
    await stack.stop()
    places = tuple(
        Door(
            dialect=dialect,
            prefix=prefix,
            application=spell("application", applications[name].id) if name else None,
        )
        for dialect, prefix, name in DOORS
    )
    closed = tuple(Door(dialect=name, is_open=False) for name in ("layer", "twilio", "mobilefirst"))
    config = config.model_copy(update={"doors": (*places, *closed)})
    stack = await Stack.open(config, clock=clock, passwords=cheap_passwords())
    try:
        yield House(stack, clock, applications)
    finally:
        await stack.stop()


async def test_a_login_is_that_of_the_doors_application(house: House) -> None:
    for name, password in PASSWORDS.items():
        logged_in = await house.log_in(f"/{name}", password)
        signed_in = await house.sign_in(f"/{name}", password)
        me = await house.call("GET", f"/{name}/users/@me", authorization=logged_in.json()["token"])
        known = await house.call("GET", f"/{name}/user/get_info?hash={signed_in.json()['hash']}")

        assert me.json()["username"] == f"ann of {name}"
        assert known.json()["user_info"]["title"] == f"ann of {name}"


async def test_a_password_of_another_doors_login_is_wrong(house: House) -> None:
    logged_in = await house.log_in("/one", PASSWORDS["two"])
    signed_in = await house.sign_in("/two", PASSWORDS["one"])

    assert (logged_in.status, logged_in.json()["code"]) == (400, 50035)
    assert (signed_in.status, signed_in.json()["status"]["code"]) == (400, 102)


async def test_a_door_without_an_application_knows_no_logins(house: House) -> None:
    logged_in = await house.log_in("/none", PASSWORDS["one"])
    signed_in = await house.sign_in("/none", PASSWORDS["one"])

    assert (logged_in.status, logged_in.json()["code"]) == (404, 0)
    assert (signed_in.status, signed_in.json()["status"]["code"]) == (400, 201)


async def test_the_eleventh_attempt_at_a_login_waits_even_with_the_password(house: House) -> None:
    for number in range(10):
        answer = await house.log_in("/one", "a wrong one", client=f"192.0.2.{number}")
        assert answer.status == 400

    refused = await house.log_in("/one", PASSWORDS["one"], client="192.0.2.99")
    elsewhere = await house.log_in("/two", PASSWORDS["two"], client="192.0.2.99")
    house.clock.advance(900)
    later = await house.log_in("/one", PASSWORDS["one"], client="192.0.2.99")

    limits = {name: value for name, value in refused.headers if name.startswith("x-ratelimit")}
    assert refused.status == 429
    assert refused.json() == {
        "message": "You are being rate limited.",
        "retry_after": 900.0,
        "global": False,
    }
    assert refused.header("retry-after") == "900"
    assert (limits["x-ratelimit-limit"], limits["x-ratelimit-remaining"]) == ("10", "0")
    assert (limits["x-ratelimit-scope"], limits["x-ratelimit-bucket"]) == ("user", "logins")
    assert (elsewhere.status, later.status) == (200, 200)


async def test_names_that_nobody_has_are_counted_like_others(house: House) -> None:
    answers = [await house.sign_in("/one", "a wrong one", login="nobody") for _ in range(11)]

    codes = [answer.json()["status"]["code"] for answer in answers]
    assert codes == [102] * 10 + [105]
    assert answers[-1].status == 400
    assert answers[-1].header("retry-after") == "900"


async def test_a_success_forgets_the_attempts_before(house: House) -> None:
    for _ in range(2):
        for _ in range(9):
            await house.log_in("/one", "a wrong one")
        assert (await house.log_in("/one", PASSWORDS["one"])).status == 200


async def test_who_signs_in_for_every_call_is_told_to_renew_at_last(house: House) -> None:
    core, one = house.stack.core, house.applications["one"]
    first = (await house.sign_in("/one", PASSWORDS["one"])).json()["hash"]
    for form, more in zip(FORMS, (1000, 998), strict=True):
        opened = (core.identity.create_session(one, "ann of one", form, None) for _ in range(more))
        await asyncio.gather(*opened)

    last = await house.sign_in("/one", PASSWORDS["one"])
    refused = await house.sign_in("/one", PASSWORDS["one"])
    wrong = await house.sign_in("/one", "a wrong one")
    elsewhere = await house.sign_in("/two", PASSWORDS["two"])
    at_discord = await house.log_in("/one", PASSWORDS["one"])
    renewed = await house.call("GET", f"/one/user/session/renew?hash={first}")
    await house.call("GET", f"/one/user/logout?hash={first}")
    after = await house.sign_in("/one", PASSWORDS["one"])
    house.clock.advance(30 * 86_400)
    much_later = await house.sign_in("/one", PASSWORDS["one"])

    assert [answer.json()["success"] for answer in (last, elsewhere, renewed)] == [True] * 3
    assert refused.status == 400
    assert refused.json()["status"] == {"code": 104, "description": "Logins limit exceeded"}
    assert wrong.json()["status"]["code"] == 102
    assert (at_discord.status, at_discord.json()) == (409, {"message": "409: Conflict", "code": 0})
    assert [answer.json()["success"] for answer in (after, much_later)] == [True, True]


async def test_one_address_tries_so_many_logins(house: House) -> None:
    for number in range(100):
        answer = await house.sign_in("/one", "x", login=f"user {number}")
        assert answer.json()["status"]["code"] == 102

    refused = await house.sign_in("/one", PASSWORDS["one"])
    elsewhere = await house.sign_in("/one", PASSWORDS["one"], client="192.0.2.2")

    assert refused.json()["status"]["code"] == 105
    assert elsewhere.status == 200


async def test_the_fifty_first_request_of_a_second_waits(house: House) -> None:
    token = (await house.log_in("/one", PASSWORDS["one"])).json()["token"]
    session_hash = (await house.sign_in("/one", PASSWORDS["one"])).json()["hash"]

    discords = [await house.call("GET", "/one/users/@me", authorization=token) for _ in range(51)]
    navixys = [
        await house.call("GET", f"/one/user/get_info?hash={session_hash}") for _ in range(51)
    ]
    house.clock.advance(1)
    later = await house.call("GET", "/one/users/@me", authorization=token)

    limited = discords.pop()
    assert {answer.status for answer in discords} == {200}
    assert (limited.status, limited.json()["global"]) == (429, True)
    assert limited.header("x-ratelimit-global") == "true"
    assert limited.header("x-ratelimit-scope") == "global"
    assert {answer.status for answer in navixys[:-1]} == {200}
    assert (navixys[-1].status, navixys[-1].json()["status"]["code"]) == (429, 15)
    assert later.status == 200


async def test_strangers_are_counted_by_address(house: House) -> None:
    answers = [
        await house.call("GET", "/one/users/@me", authorization="no.such.token") for _ in range(51)
    ]
    others = await house.call("GET", "/one/users/@me", authorization="x", client="192.0.2.7")

    assert [answer.status for answer in answers] == [401] * 50 + [429]
    assert others.status == 401


@pytest.mark.parametrize(("sync", "held"), [("add", ["ann", "bob"]), ("exact", ["bob"])])
async def test_an_application_may_choose_that_synchronizing_only_adds(
    house: House, sync: str, held: list[str]
) -> None:
    core, one = house.stack.core, house.applications["one"]
    operator = ApiClient(Id(bytes(16)), one.account_id, "operator", ALL_SCOPES, core.clock.now())
    await core.applications.change_settings(
        ClientPrincipal(operator), one, discord.SECTION, {discord.SYNC: sync}
    )
    tokens = {}
    for user in ("ann", "bob"):
        _, tokens[user] = await core.identity.create_session(one, user, FORMS[0], None)
    device = {"provider": "gcm", "token": "t"}

    await house.call("POST", "/one/users/@me/devices", device, authorization=tokens["ann"])
    body = {**device, "push_sync_tokens": []}
    await house.call("PUT", "/one/users/@me/devices/sync", body, authorization=tokens["bob"])

    assert await house_held(house) == held


async def test_a_partners_app_goes_by_its_own_id(house: House) -> None:
    core, one = house.stack.core, house.applications["one"]
    operator = ApiClient(Id(bytes(16)), one.account_id, "operator", ALL_SCOPES, core.clock.now())
    apps = {"acme_ios": {"provider": "apns", "bundle_id": "com.acme"}}
    _, session_hash = await core.identity.create_session(one, "ann", FORMS[1], None)
    body = {"hash": session_hash, "application": "acme_ios", "token": "t"}

    before = await house.call("POST", "/one/user/session/push_token/bind", body)
    await core.applications.change_settings(
        ClientPrincipal(operator), one, navixy.SECTION, {navixy.APPLICATIONS: apps}
    )
    after = await house.call("POST", "/one/user/session/push_token/bind", body)

    [row] = await rows_of(house)
    assert before.json()["status"]["code"] == 7
    assert after.json() == {"success": True}
    assert (row.provider, row.attributes["bundle_id"]) == ("apns", "com.acme")
    assert row.attributes[navixy.PARTNERS_WORD] == "acme_ios"


async def test_a_session_lives_thirty_days_however_much_it_is_used(house: House) -> None:
    session_hash = (await house.sign_in("/one", PASSWORDS["one"])).json()["hash"]
    info = f"/one/user/get_info?hash={session_hash}"

    for _ in range(29):
        house.clock.advance(86_400)
        assert (await house.call("GET", info)).status == 200
    renewed = await house.call("GET", f"/one/user/session/renew?hash={session_hash}")
    house.clock.advance(29 * 86_400)
    still = await house.call("GET", info)
    house.clock.advance(86_400)
    over = await house.call("GET", info)

    assert (renewed.json(), still.status) == ({"success": True}, 200)
    assert over.json()["status"]["code"] == 4


async def rows_of(house: House) -> Any:
    from heliograph.core.model.listing import RegistrationFilter

    return await house.stack.store.registry.find(
        house.applications["one"].id, RegistrationFilter(), after=None, limit=10
    )


async def house_held(house: House) -> list[str]:
    return sorted(str(row.external_user_id) for row in await rows_of(house))
