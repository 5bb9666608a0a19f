"""Who holds which token after Navixy's calls. Source: docs/dialects/navixy.md, "Bind"."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from tests.asgi_client import call
from tests.conftest import cheap_passwords

from heliograph.core.model.identity import SessionForm
from heliograph.core.model.listing import RegistrationFilter
from heliograph.dialects.navixy import DIALECT
from heliograph.wiring import Stack

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from tests.conftest import FakeClock

    from heliograph.config import Config
    from heliograph.core.model.application import Application
    from heliograph.core.model.registration import Registration

pytestmark = pytest.mark.anyio

LIFE = timedelta(days=7)


@dataclass(frozen=True)
class Phone:
    """A caller with a session of its own. Every call is two minutes later than the last."""

    stack: Stack
    clock: FakeClock
    hash: str

    async def bind(self, token: str, **more: Any) -> int:
        parameters = {"application": "navixy_android_viewer", "token": token} | more
        return await self._call("bind", parameters)

    async def delete(self) -> int:
        return await self._call("delete", {})

    async def _call(self, action: str, parameters: dict[str, Any]) -> int:
        """Answer 0 for success, else the code."""
        self.clock.advance(120)
        path = f"/v2/user/session/push_token/{action}"
        body = json.dumps({"hash": self.hash, **parameters}).encode()
        answer = await call(self.stack.application, "POST", path, body=body)
        content = answer.json()
        return 0 if content["success"] else content["status"]["code"]


@dataclass(frozen=True)
class App:
    """One application and its users."""

    stack: Stack
    clock: FakeClock
    application: Application

    async def phone_of(self, user_id: str) -> Phone:
        _, session_hash = await self.stack.core.identity.create_session(
            self.application, user_id, SessionForm.NAVIXY, LIFE
        )
        return Phone(self.stack, self.clock, session_hash)

    async def rows(self) -> Sequence[Registration]:
        return await self.stack.store.registry.find(
            self.application.id, RegistrationFilter(), after=None, limit=100
        )

    async def held(self) -> list[tuple[str | None, str]]:
        """Every token: whose, which."""
        return sorted((row.external_user_id, row.token) for row in await self.rows())


@pytest.fixture
async def app(config: Config, clock: FakeClock) -> AsyncIterator[App]:
    stack = await Stack.open(config, dialects=(DIALECT,), clock=clock, passwords=cheap_passwords())
    account = await stack.core.applications.account()
    try:
        yield App(stack, clock, await stack.core.applications.create(account.id, "demo"))
    finally:
        await stack.stop()


async def test_a_session_has_one_token_and_the_latest_replaces_all_of_it(app: App) -> None:
    keys = {
        "p256dh": "BNcRdreALRFXTkOOUHK1EtK2wtaz5Ry4YfYCA_0QTpQtUbVlUls0VJXg7A8u"
        "-Ts1XbjhazAkj7I99e8QcYP7DkM",
        "auth": "tBHItJI5svbpez7KI4CCXg==",
    }
    ann = await app.phone_of("ann")
    url = "https://fcm.googleapis.com/fcm/send/1"
    assert await ann.bind(url, application="w3c_pushapi", parameters=keys, category_filter="a") == 0
    (browser,) = await app.rows()

    assert await ann.bind("new", application="navixy_iphone_viewer") == 0

    (phone,) = await app.rows()
    assert (browser.provider, browser.attributes) == ("webpush", {"category_filter": "a", **keys})
    assert (phone.provider, phone.token) == ("apns", "new")
    assert phone.attributes == {"category_filter": "*"}


async def test_binding_the_same_token_anew_resets_the_filter(app: App) -> None:
    ann = await app.phone_of("ann")
    await ann.bind("t1", category_filter="-history_rule")

    await ann.bind("t1")

    (row,) = await app.rows()
    assert row.attributes == {"category_filter": "*"}


async def test_each_session_of_a_user_has_a_token(app: App) -> None:
    phone, tablet = await app.phone_of("ann"), await app.phone_of("ann")

    await phone.bind("t1")
    await tablet.bind("t2")

    assert await app.held() == [("ann", "t1"), ("ann", "t2")]


@pytest.mark.parametrize("user", ["ann", "bob"])
async def test_a_token_moves_to_the_session_that_binds_it_last(app: App, user: str) -> None:
    first, second = await app.phone_of("ann"), await app.phone_of(user)
    await first.bind("t1")

    await second.bind("t1")

    assert await app.held() == [(user, "t1")]
    assert await first.delete() == 201
    assert await app.held() == [(user, "t1")]


async def test_a_wrong_request_leaves_the_binding_as_it_was(app: App) -> None:
    ann = await app.phone_of("ann")
    await ann.bind("t1", category_filter="a")

    assert await ann.bind("t2", category_filter=5) == 7

    (row,) = await app.rows()
    assert (row.token, row.attributes) == ("t1", {"category_filter": "a"})


async def test_a_session_deletes_its_own_token_alone(app: App) -> None:
    phone, tablet = await app.phone_of("ann"), await app.phone_of("ann")
    await phone.bind("t1")
    await tablet.bind("t2")

    assert [await phone.delete(), await phone.delete()] == [0, 201]

    assert await app.held() == [("ann", "t2")]


async def test_a_session_that_ends_forgets_its_token(app: App) -> None:
    ann = await app.phone_of("ann")
    await ann.bind("t1")

    await app.stack.core.identity.end_session(ann.hash, SessionForm.NAVIXY)

    assert await app.held() == []
    assert await ann.bind("t1") == 4


async def test_a_session_that_expires_silences_its_token(app: App) -> None:
    ann = await app.phone_of("ann")
    end = app.clock.now() + LIFE

    await ann.bind("t1")
    app.clock.advance(LIFE.total_seconds())

    (row,) = await app.rows()
    assert row.silent_after == end
    assert [await ann.bind("t2"), await ann.delete()] == [4, 4]
    assert await app.held() == [("ann", "t1")]
