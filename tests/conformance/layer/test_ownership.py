"""Who holds which token after Layer's calls. Source: docs/dialects/layer.md, "Register"."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from tests.asgi_client import call

from heliograph.core.model.identity import SessionForm
from heliograph.core.model.listing import RegistrationFilter
from heliograph.dialects.layer import DIALECT
from heliograph.wiring import Stack

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.conftest import FakeClock

    from heliograph.config import Config
    from heliograph.core.model.application import Application

pytestmark = pytest.mark.anyio


@dataclass(frozen=True)
class Phone:
    """A caller with a session of its own. Every call is a second later than the last."""

    stack: Stack
    clock: FakeClock
    session: str

    async def register(self, device_id: str, token: str, kind: str = "apns") -> None:
        body = {"token": token, "type": kind, "device_id": device_id}
        await self._call("POST", "/push_tokens", json.dumps(body).encode())

    async def unregister(self, device_id: str) -> None:
        await self._call("DELETE", f"/push_tokens/{device_id}")

    async def _call(self, method: str, path: str, body: bytes = b"") -> None:
        self.clock.advance(1)
        headers = {
            "Accept": "application/vnd.layer+json; version=1.0",
            "Authorization": f"Layer session-token='{self.session}'",
            "Content-Type": "application/json",
        }
        answer = await call(self.stack.application, method, path, headers=headers, body=body)
        assert (answer.status, answer.body) == (202, b"")


@dataclass(frozen=True)
class App:
    """One application and its users."""

    stack: Stack
    clock: FakeClock
    application: Application

    async def phone_of(self, user_id: str) -> Phone:
        _, session = await self.stack.core.identity.create_session(
            self.application, user_id, SessionForm.LAYER, None
        )
        return Phone(self.stack, self.clock, session)

    async def held(self) -> set[tuple[str | None, str | None, str]]:
        """Every token: whose, on which device, which."""
        rows = await self.stack.store.registry.find(
            self.application.id, RegistrationFilter(), after=None, limit=100
        )
        return {(row.external_user_id, row.device_id, row.token) for row in rows}


@pytest.fixture
async def app(config: Config, clock: FakeClock) -> AsyncIterator[App]:
    stack = await Stack.open(config, dialects=(DIALECT,), clock=clock)
    account = await stack.core.applications.account()
    try:
        yield App(stack, clock, await stack.core.applications.create(account.id, "demo"))
    finally:
        await stack.stop()


async def test_a_device_has_one_token_whatever_its_type(app: App) -> None:
    ann = await app.phone_of("ann")

    await ann.register("phone", "old", "apns")
    await ann.register("phone", "new", "gcm")
    await ann.register("phone", "new", "gcm")

    assert await app.held() == {("ann", "phone", "new")}


async def test_a_user_has_a_token_on_each_device(app: App) -> None:
    ann = await app.phone_of("ann")

    await ann.register("phone", "t1")
    await ann.register("tablet", "t2")

    assert await app.held() == {("ann", "phone", "t1"), ("ann", "tablet", "t2")}


async def test_a_device_with_two_users_keeps_a_token_for_each(app: App) -> None:
    ann, bob = await app.phone_of("ann"), await app.phone_of("bob")

    await ann.register("phone", "t1")
    await bob.register("phone", "t2")

    assert await app.held() == {("ann", "phone", "t1"), ("bob", "phone", "t2")}


async def test_a_token_moves_with_the_phone_to_its_new_user(app: App) -> None:
    ann, bob = await app.phone_of("ann"), await app.phone_of("bob")

    await ann.register("phone", "t1")
    await bob.register("phone", "t1")

    assert await app.held() == {("bob", "phone", "t1")}


async def test_a_token_moves_to_the_users_newest_device(app: App) -> None:
    ann = await app.phone_of("ann")

    await ann.register("phone", "t1")
    await ann.register("restored-phone", "t1")

    assert await app.held() == {("ann", "restored-phone", "t1")}


async def test_only_the_callers_token_for_the_device_is_forgotten(app: App) -> None:
    ann, bob = await app.phone_of("ann"), await app.phone_of("bob")
    await ann.register("phone", "t1")
    await ann.register("tablet", "t2")
    await bob.register("phone", "t3")

    await ann.unregister("phone")
    await ann.unregister("phone")

    assert await app.held() == {("ann", "tablet", "t2"), ("bob", "phone", "t3")}


async def test_another_session_of_the_user_may_forget_a_device(app: App) -> None:
    await (await app.phone_of("ann")).register("phone", "t1")

    await (await app.phone_of("ann")).unregister("phone")

    assert await app.held() == set()


async def test_a_device_id_with_a_slash_is_found_again(app: App) -> None:
    ann = await app.phone_of("ann")
    await ann.register("a/b", "t1")

    await ann.unregister("a%2Fb")

    assert await app.held() == set()


async def test_registering_past_25_evicts_the_least_recently_registered(app: App) -> None:
    ann, bob = await app.phone_of("ann"), await app.phone_of("bob")
    await bob.register("phone", "b")
    for number in range(25):
        await ann.register(f"d{number}", f"t{number}")
    app.clock.advance(3600)
    await ann.register("d0", "t0")

    await ann.register("d25", "t25")

    left = {device_id for user, device_id, _ in await app.held() if user == "ann"}
    assert left == {"d0", *(f"d{number}" for number in range(2, 26))}
    assert ("bob", "phone", "b") in await app.held()


async def test_a_session_that_expires_forgets_nothing(app: App) -> None:
    ann = await app.phone_of("ann")
    await ann.register("phone", "t1")

    app.clock.advance(366 * 86_400)

    assert await app.held() == {("ann", "phone", "t1")}


async def test_a_session_that_is_ended_takes_its_tokens_along(app: App) -> None:
    first, second = await app.phone_of("ann"), await app.phone_of("ann")
    await first.register("phone", "t1")
    await second.register("tablet", "t2")

    await app.stack.core.identity.end_session(first.session, SessionForm.LAYER)

    assert await app.held() == {("ann", "tablet", "t2")}
