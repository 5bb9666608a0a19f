"""What Layer's Platform API does beyond its answers. Source: docs/dialects/layer.md."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from tests.asgi_client import call

from heliograph.core.errors import NotAuthenticated, Suspended
from heliograph.core.ids import uuid_text
from heliograph.core.model.audience import Users
from heliograph.core.model.identity import ClientPrincipal, SessionForm
from heliograph.core.model.listing import RegistrationFilter
from heliograph.core.model.registration import ProviderName
from heliograph.dialects.layer import DIALECT
from heliograph.dialects.layer.auth.applications import APPLICATION_ALIAS
from heliograph.wiring import Stack

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.asgi_client import Answer
    from tests.conftest import FakeClock

    from heliograph.config import Config
    from heliograph.core.model.application import Application
    from heliograph.core.model.notification import Notification

pytestmark = pytest.mark.anyio

REQUEST_ID = {"If-None-Match": "f3cc7b32-3c92-11e4-baad-164230d1df67"}


@dataclass(frozen=True)
class BackEnd:
    """A customer's back end."""

    stack: Stack
    application: Application
    principal: ClientPrincipal
    key: str

    async def call(
        self, method: str, path: str, body: Any = None, app: str | None = None, **headers: str
    ) -> Answer:
        place = app or uuid_text(self.application.id)
        kind = "vnd.layer-patch+json" if method == "PATCH" else "json"
        sent = {
            "Accept": "application/vnd.layer+json; version=1.1",
            "Authorization": f"Bearer {self.key}",
            "Content-Type": f"application/{kind}",
        } | headers
        raw = b"" if body is None else json.dumps(body).encode()
        answer = await call(
            self.stack.application, method, f"/apps/{place}{path}", headers=sent, body=raw
        )
        assert answer.status < 300, answer
        return answer

    async def phone_of(self, user_id: str, kind: str = "apns") -> str:
        """Sign a user in and register a phone; answers the session."""
        _, session = await self.stack.core.identity.create_session(
            self.application, user_id, SessionForm.LAYER, None
        )
        body = {"token": f"{user_id}-{kind}", "type": kind, "device_id": f"{user_id}-{kind}"}
        answer = await call(
            self.stack.application,
            "POST",
            "/push_tokens",
            headers={
                "Accept": "application/vnd.layer+json; version=1.0",
                "Authorization": f"Layer session-token='{session}'",
            },
            body=json.dumps(body).encode(),
        )
        assert answer.status == 202
        return session

    async def sent(self) -> list[Notification]:
        """Every notification, by what it says."""
        found, _ = await self.stack.core.notifications.recent(
            self.principal, self.application, before=None, limit=100
        )
        return sorted(found, key=lambda each: (each.content.body or "", repr(each.audience)))

    async def held(self) -> set[str]:
        rows = await self.stack.store.registry.find(
            self.application.id, RegistrationFilter(), after=None, limit=100
        )
        return {row.token for row in rows}


@pytest.fixture
async def back_end(config: Config, clock: FakeClock) -> AsyncIterator[BackEnd]:
    stack = await Stack.open(config, dialects=(DIALECT,), clock=clock)
    core = stack.core
    account = await core.applications.account()
    application = await core.applications.create(account.id, "demo")
    _, key = await core.applications.create_client(account.id, "back end")
    try:
        yield BackEnd(stack, application, await core.identity.client(key), key)
    finally:
        await stack.stop()


async def test_a_badge_is_pushed_to_the_users_apple_devices_alone(back_end: BackEnd) -> None:
    await back_end.phone_of("ann", "apns")
    await back_end.phone_of("ann", "gcm")
    await back_end.phone_of("bob", "apns")

    await back_end.call("PUT", "/users/ann/badge", {"external_unread_count": 13})

    (push,) = await back_end.sent()
    assert push.content.badge == 13
    assert push.audience == Users(("ann",), (ProviderName.APNS,))


async def test_a_badge_goes_with_the_pushes_that_follow(back_end: BackEnd) -> None:
    await back_end.call("PUT", "/users/ann/badge", {"external_unread_count": 2})

    body = {"recipients": ["ann", "bob"], "notification": {"text": "Hi"}}
    await back_end.call("POST", "/notifications", body)

    _, badged, plain = await back_end.sent()
    assert (badged.audience, plain.audience) == (Users(("ann",)), Users(("bob",)))
    assert badged.content.overrides["apns"] == {"aps": {"badge": 2}}
    assert plain.content.overrides == {}


async def test_a_request_that_is_repeated_sends_nothing_again(back_end: BackEnd) -> None:
    said = {"text": "Hi", "recipients": [{"user_id": "bob", "text": "Hallo"}]}
    body = {"recipients": ["ann", "bob"], "notification": said}

    await back_end.call("POST", "/notifications", body, **REQUEST_ID)
    await back_end.call("POST", "/notifications", body, **REQUEST_ID)

    assert [each.content.body for each in await back_end.sent()] == ["Hallo", "Hi"]


async def test_a_badge_that_changed_meanwhile_makes_no_repeated_request_a_new_one(
    back_end: BackEnd,
) -> None:
    body = {"recipients": ["ann", "bob"], "notification": {"text": "Hi"}}

    await back_end.call("POST", "/notifications", body, **REQUEST_ID)
    await back_end.call("PUT", "/users/bob/badge", {"external_unread_count": 2})
    await back_end.call("POST", "/notifications", body, **REQUEST_ID)

    _, said = await back_end.sent()
    assert said.audience == Users(("ann", "bob"))


async def test_an_announcement_that_is_repeated_is_the_same(back_end: BackEnd) -> None:
    body = {"recipients": ["ann"], "sender": {"name": "Us"}, "parts": [{"body": "Hi"}]}

    first = await back_end.call("POST", "/announcements", body, **REQUEST_ID)
    second = await back_end.call("POST", "/announcements", body, **REQUEST_ID)

    assert first.json() == second.json()
    (push,) = await back_end.sent()
    assert (push.content.title, push.content.body) == ("Us", "Hi")


async def test_a_suspended_user_has_neither_sessions_nor_tokens(back_end: BackEnd) -> None:
    session = await back_end.phone_of("ann")
    await back_end.phone_of("bob")
    identity = back_end.stack.core.identity

    change = [{"operation": "set", "property": "suspended", "value": True}]
    await back_end.call("PATCH", "/users/ann", change)

    assert await back_end.held() == {"bob-apns"}
    with pytest.raises(NotAuthenticated):
        await identity.session(session, SessionForm.LAYER)
    for form in SessionForm:
        with pytest.raises(Suspended):
            await identity.create_session(back_end.application, "ann", form, None)


async def test_how_long_sessions_last_counts_for_those_to_come(back_end: BackEnd) -> None:
    change = [{"operation": "set", "property": "session_ttl_in_seconds", "value": 3600}]

    await back_end.call("PATCH", "", change)

    application = await back_end.stack.core.applications.get(back_end.application.id)
    assert application.settings["layer"] == {"session_ttl_in_seconds": 3600}


async def test_an_application_keeps_the_id_that_it_had_at_layer(back_end: BackEnd) -> None:
    former = "24f43c32-4d95-11e4-b3a2-0fd00000020d"
    place = back_end.application
    aliases = back_end.stack.core.aliases
    await aliases.set(APPLICATION_ALIAS, place.account_id, place.id, former)
    await back_end.stack.core.identity.create_user(place, "ann")

    answer = await back_end.call("GET", "/users/ann/badge", app=former)

    assert answer.json()["external_unread_count"] == 0
