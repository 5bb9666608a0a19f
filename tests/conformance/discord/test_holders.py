"""Who holds which token after Discord's calls. Source: docs/dialects/discord.md."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from tests.asgi_client import call
from tests.conftest import cheap_passwords

from heliograph.core.ids import new_id
from heliograph.core.model.identity import SessionForm
from heliograph.core.model.listing import RegistrationFilter
from heliograph.core.model.registration import ProviderName, TokenKind
from heliograph.dialects.discord import DIALECT, mapping
from heliograph.dialects.discord.auth import SYNC_TOKEN_LIFE
from heliograph.wiring import Stack

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from tests.asgi_client import Answer
    from tests.conftest import FakeClock

    from heliograph.config import Config
    from heliograph.core.model.application import Application
    from heliograph.core.model.identity import Session
    from heliograph.core.model.registration import Registration

pytestmark = pytest.mark.anyio

DEVICES = "/api/v9/users/@me/devices"


@dataclass(frozen=True)
class Phone:
    """A caller with a login of its own. Every call is a second later than the last."""

    stack: Stack
    clock: FakeClock
    session: Session
    login: str

    async def register(self, token: str, provider: str = "apns", **more: Any) -> None:
        answer = await self.call("POST", DEVICES, provider=provider, token=token, **more)
        assert (answer.status, answer.body) == (204, b"")

    async def unregister(self, token: str, provider: str = "apns") -> None:
        answer = await self.call("DELETE", DEVICES, provider=provider, token=token)
        assert (answer.status, answer.body) == (204, b"")

    async def sync_token(self) -> str:
        answer = await self.call("GET", f"{DEVICES}/sync-token")
        assert answer.status == 200
        return str(answer.json()["token"])

    async def sync(
        self, token: str, listed: Sequence[str], provider: str = "apns", **more: Any
    ) -> list[str]:
        body = {"provider": provider, "token": token, "push_sync_tokens": listed, **more}
        answer = await self.call("PUT", f"{DEVICES}/sync", **body)
        assert answer.status == 200
        return list(answer.json()["invalid_push_sync_tokens"])

    async def sign_out(self) -> None:
        await self.stack.core.identity.end_session(self.login, SessionForm.DISCORD)

    async def call(self, method: str, path: str, **body: Any) -> Answer:
        self.clock.advance(1)
        headers = {"Authorization": self.login, "Content-Type": "application/json"}
        content = json.dumps(body).encode() if body else b""
        return await call(self.stack.application, method, path, headers=headers, body=content)


@dataclass(frozen=True)
class App:
    """One application and its users."""

    stack: Stack
    clock: FakeClock
    application: Application

    async def phone_of(self, user_id: str) -> Phone:
        session, login = await self.stack.core.identity.create_session(
            self.application, user_id, SessionForm.DISCORD, None
        )
        return Phone(self.stack, self.clock, session, login)

    async def rows(self) -> Sequence[Registration]:
        return await self.stack.store.registry.find(
            self.application.id, RegistrationFilter(), after=None, limit=100
        )

    async def held(self) -> list[tuple[str | None, str, str]]:
        """Every token: whose, which, by Discord's word for its provider."""
        return sorted(
            (row.external_user_id, row.token, row.attributes["discord_provider"])
            for row in await self.rows()
        )

    async def row_of(self, user_id: str) -> Registration:
        (row,) = [row for row in await self.rows() if row.external_user_id == user_id]
        return row


@pytest.fixture
async def app(config: Config, clock: FakeClock) -> AsyncIterator[App]:
    stack = await Stack.open(config, dialects=(DIALECT,), clock=clock, passwords=cheap_passwords())
    account = await stack.core.applications.account()
    try:
        yield App(stack, clock, await stack.core.applications.create(account.id, "demo"))
    finally:
        await stack.stop()


async def test_a_user_has_every_token_that_was_registered(app: App) -> None:
    ann = await app.phone_of("ann")

    await ann.register("t1")
    await ann.register("t2", "gcm")
    await ann.register("t1")

    assert await app.held() == [("ann", "t1", "apns"), ("ann", "t2", "gcm")]


async def test_a_token_has_every_user_who_registered_it(app: App) -> None:
    ann, bob = await app.phone_of("ann"), await app.phone_of("bob")

    await ann.register("t")
    await bob.register("t")

    assert await app.held() == [("ann", "t", "apns"), ("bob", "t", "apns")]


async def test_a_pushkit_token_is_a_registration_of_its_own(app: App) -> None:
    ann = await app.phone_of("ann")

    await ann.register("t", voip_provider="apns_voip", voip_token="v")

    rows = {row.token: row for row in await app.rows()}
    assert {token: row.kind for token, row in rows.items()} == {
        "t": TokenKind.ALERT,
        "v": TokenKind.VOIP,
    }
    assert all(row.session_id == ann.session.id for row in rows.values())


async def test_a_token_for_alerts_and_for_calls_is_two_registrations(app: App) -> None:
    ann = await app.phone_of("ann")

    await ann.register("t", voip_provider="apns_voip", voip_token="t")

    assert await app.held() == [("ann", "t", "apns"), ("ann", "t", "apns_voip")]
    assert {row.provider for row in await app.rows()} == {ProviderName.APNS}


async def test_half_a_pair_leaves_no_second_registration(app: App) -> None:
    ann = await app.phone_of("ann")

    await ann.register("t", voip_provider="apns_voip")
    await ann.register("t", voip_token="v")

    assert await app.held() == [("ann", "t", "apns")]


async def test_a_token_of_one_service_and_kind_keeps_the_last_word(app: App) -> None:
    ann = await app.phone_of("ann")

    await ann.register("t", "gcm")
    await ann.register("t", "meta_horizon")
    await ann.register("t", "apns")
    await ann.register("t", "apns_internal")

    assert await app.held() == [("ann", "t", "apns_internal"), ("ann", "t", "meta_horizon")]


async def test_registering_again_brings_it_up_to_date(app: App) -> None:
    first, second = await app.phone_of("ann"), await app.phone_of("ann")
    await first.register("t", bundle_id="com.example.one")

    await second.register("t", bypass_server_throttling_supported=True)

    row = await app.row_of("ann")
    assert (row.session_id, row.silent_after) == (second.session.id, second.session.expires_at)
    assert row.attributes == {
        "discord_provider": "apns",
        "bypass_server_throttling_supported": True,
    }


async def test_only_the_callers_registration_is_forgotten(app: App) -> None:
    ann, bob = await app.phone_of("ann"), await app.phone_of("bob")
    await ann.register("t")
    await bob.register("t")
    await ann.register("u")

    await ann.unregister("t")
    await ann.unregister("t")

    assert await app.held() == [("ann", "u", "apns"), ("bob", "t", "apns")]


async def test_a_pushkit_token_is_forgotten_by_the_plain_provider(app: App) -> None:
    ann = await app.phone_of("ann")
    await ann.register("t", voip_provider="apns_voip", voip_token="v")

    await ann.unregister("v")

    assert await app.held() == [("ann", "t", "apns")]


async def test_a_token_of_both_kinds_is_forgotten_one_by_one(app: App) -> None:
    ann = await app.phone_of("ann")
    await ann.register("t", voip_provider="apns_voip", voip_token="t")

    await ann.unregister("t")
    after_one = await app.held()
    await ann.unregister("t")

    assert after_one == [("ann", "t", "apns_voip")]
    assert await app.held() == []


@pytest.mark.parametrize("wrong", [("t", "apns_voip"), ("t", "gcm"), ("u", "apns"), ("T", "apns")])
async def test_another_token_kind_or_service_is_left_alone(
    app: App, wrong: tuple[str, str]
) -> None:
    ann = await app.phone_of("ann")
    await ann.register("t")

    await ann.unregister(*wrong)

    assert await app.held() == [("ann", "t", "apns")]


async def test_a_session_that_ends_takes_its_registrations_along(app: App) -> None:
    first, second, bob = [await app.phone_of(user) for user in ("ann", "ann", "bob")]
    await first.register("t1", voip_provider="apns_voip", voip_token="v")
    await second.register("t2")
    await bob.register("t1")

    await first.sign_out()

    assert await app.held() == [("ann", "t2", "apns"), ("bob", "t1", "apns")]


async def test_a_synchronized_token_belongs_to_exactly_the_listed_and_the_caller(app: App) -> None:
    ann, bob, eve = [await app.phone_of(user) for user in ("ann", "bob", "eve")]
    await eve.register("t")
    await eve.register("other")
    await bob.register("t", "gcm")

    invalid = await ann.sync("t", [await bob.sync_token()])

    assert invalid == []
    assert await app.held() == [
        ("ann", "t", "apns"),
        ("bob", "t", "apns"),
        ("bob", "t", "gcm"),
        ("eve", "other", "apns"),
    ]


async def test_an_account_that_is_left_out_loses_the_token(app: App) -> None:
    ann, bob = await app.phone_of("ann"), await app.phone_of("bob")
    listed = [await ann.sync_token(), await bob.sync_token()]
    await ann.sync("t", listed)

    await ann.sync("t", listed[:1])

    assert await app.held() == [("ann", "t", "apns")]


async def test_a_token_for_calls_survives_what_happens_to_it_as_one_for_alerts(app: App) -> None:
    ann, bob = await app.phone_of("ann"), await app.phone_of("bob")
    await ann.register("t", "apns_voip")
    await bob.register("t", "apns_voip")

    await ann.sync("t", [])

    assert await app.held() == [
        ("ann", "t", "apns"),
        ("ann", "t", "apns_voip"),
        ("bob", "t", "apns_voip"),
    ]


async def test_a_pushkit_token_can_be_synchronized(app: App) -> None:
    ann, bob = await app.phone_of("ann"), await app.phone_of("bob")

    await ann.sync("v", [await bob.sync_token()], "apns_internal_voip", bundle_id="com.example")

    assert {row.kind for row in await app.rows()} == {TokenKind.VOIP}
    assert {row.attributes["bundle_id"] for row in await app.rows()} == {"com.example"}
    assert len(await app.rows()) == 2


async def test_only_the_callers_registration_is_the_callers_sessions(app: App) -> None:
    ann, bob = await app.phone_of("ann"), await app.phone_of("bob")
    await ann.sync("t", [await bob.sync_token(), await ann.sync_token()])

    row = await app.row_of("bob")
    await ann.sign_out()

    assert (row.session_id, row.silent_after) == (None, None)
    assert await app.held() == [("bob", "t", "apns")]


async def test_what_a_users_own_session_registered_still_ends_with_it(app: App) -> None:
    ann, bob = await app.phone_of("ann"), await app.phone_of("bob")
    await bob.register("t")
    await ann.sync("t", [await bob.sync_token()])

    row = await app.row_of("bob")
    await bob.sign_out()

    assert (row.session_id, row.silent_after) == (bob.session.id, bob.session.expires_at)
    assert await app.held() == [("ann", "t", "apns")]


async def test_a_listed_user_whose_session_is_over_hears_again(app: App) -> None:
    bob = await app.phone_of("bob")
    await bob.register("t")
    app.clock.advance((bob.session.expires_at - app.clock.now()).total_seconds() - 10)
    sync_token = await bob.sync_token()
    app.clock.advance(10)
    ann = await app.phone_of("ann")

    assert await ann.sync("t", [sync_token]) == []

    assert (await app.row_of("bob")).silent_after is None


async def test_a_sync_token_is_good_for_sixty_days(app: App) -> None:
    bob = await app.phone_of("bob")
    sync_token = await bob.sync_token()
    life_s = SYNC_TOKEN_LIFE.total_seconds()
    assert life_s == 60 * 86_400

    app.clock.advance(life_s - 2)
    early = await (await app.phone_of("ann")).sync("t", [sync_token])
    late = await (await app.phone_of("ann")).sync("t", [sync_token])

    assert (early, late) == ([], [sync_token])
    assert await app.held() == [("ann", "t", "apns")]


async def test_a_sync_token_of_another_application_is_none(app: App) -> None:
    account = await app.stack.core.applications.account()
    other = await app.stack.core.applications.create(account.id, "other")
    foreign = await App(app.stack, app.clock, other).phone_of("bob")
    ann = await app.phone_of("ann")
    sync_token = await foreign.sync_token()

    assert await ann.sync("t", [sync_token]) == [sync_token]

    assert await app.held() == [("ann", "t", "apns")]


@pytest.mark.parametrize("has_alias", [False, True])
async def test_a_sync_token_of_a_user_who_is_not_there_is_none(app: App, has_alias: bool) -> None:
    core, ann = app.stack.core, await app.phone_of("ann")
    snowflake, nobody = "852892297661906993", new_id(app.clock.now())
    if has_alias:
        await core.aliases.set("snowflake", app.application.account_id, nobody, snowflake)
    signed = mapping.to_signed_part(snowflake, app.clock.now())
    mac = core.signer.mac("discord-sync", app.application.id + signed.encode())
    sync_token = mapping.from_sync_token(signed, mac)

    assert await ann.sync("t", [sync_token]) == [sync_token]

    assert await app.held() == [("ann", "t", "apns")]


async def test_every_call_makes_a_sync_token_for_the_same_snowflake(app: App) -> None:
    ann, bob = await app.phone_of("ann"), await app.phone_of("bob")

    first, second, other = await ann.sync_token(), await ann.sync_token(), await bob.sync_token()

    assert first != second
    assert first.split(".")[0] == second.split(".")[0] != other.split(".")[0]
    assert await ann.sync("t", [first, second]) == []


async def test_a_caller_who_signs_out_meanwhile_changes_nothing(app: App) -> None:
    ann, bob = await app.phone_of("ann"), await app.phone_of("bob")
    await bob.register("t")
    sync_token = await ann.sync_token()
    await app.stack.store.identity.end_session(ann.session.id, now=app.clock.now())

    answer = await ann.call(
        "PUT", f"{DEVICES}/sync", provider="apns", token="t", push_sync_tokens=[sync_token]
    )

    assert (answer.status, answer.json()["code"]) == (401, 0)
    assert await app.held() == [("bob", "t", "apns")]
