"""Devices that come with a JWT of their own issuer, whose keys are on a server of its own.

Source: docs/dialects/native.md, "Issuers".
"""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from joserfc.jwk import RSAKey
from tests.asgi_client import call
from tests.conformance.signing import private_pem, token_of

from heliograph.core.identity.issuers import IssuerDraft
from heliograph.core.identity.key_cache import ASK_EVERY_S
from heliograph.core.ids import spell
from heliograph.core.model.identity import SessionForm
from heliograph.dialects.native import DIALECT
from heliograph.wiring import Stack

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.asgi_client import Answer
    from tests.conftest import FakeClock

    from heliograph.config import Config
    from heliograph.core.model.application import Application
    from heliograph.core.model.identity import ClientPrincipal
    from heliograph.core.model.issuer import Issuer

pytestmark = pytest.mark.anyio

NAME = "https://id.example.com"


@dataclass
class KeyServer:
    """Publishes keys by the names of who holds them."""

    names: list[str] = field(default_factory=list)
    status: int = 200
    asked: int = 0
    url: str = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            await reader.readuntil(b"\r\n\r\n")
            self.asked += 1
            keys = [
                {**RSAKey.import_key(private_pem(name)).as_dict(private=False), "kid": name}
                for name in self.names
            ]
            body = json.dumps({"keys": keys}).encode()
            head = f"HTTP/1.1 {self.status} X\r\ncontent-length: {len(body)}\r\n"
            writer.write(f"{head}connection: close\r\n\r\n".encode() + body)
            await writer.drain()
        writer.close()


@dataclass(frozen=True)
class Place:
    """An application that trusts the issuer behind the key server."""

    stack: Stack
    application: Application
    issuer: Issuer
    keys: KeyServer
    clock: FakeClock
    back_end: ClientPrincipal

    async def list(self, by: str, **claims: Any) -> Answer:
        return await self._call("GET", by, b"", claims)

    async def register(self, by: str) -> Answer:
        body = {"provider": "fcm", "token": "t", "device_id": "phone"}
        return await self._call("POST", by, json.dumps(body).encode(), {"jti": "the same"})

    async def _call(self, method: str, by: str, body: bytes, claims: dict[str, Any]) -> Answer:
        app = spell("application", self.application.id)
        # By the server's clock, which a test moves.
        offset = int(self.clock.now().timestamp()) - int(time.time())
        said = {"iss": NAME, "sub": "ann", "aud": app, "iat": offset, "exp": offset + 300}
        token = token_of(by, {"kid": by}, said | claims)
        headers = {"Authorization": f"Bearer {token}"}
        path = f"/v1/applications/{app}/registrations"
        return await call(self.stack.application, method, path, headers=headers, body=body)


@pytest.fixture
async def place(config: Config, clock: FakeClock) -> AsyncIterator[Place]:
    keys = KeyServer(["old"])
    server = await asyncio.start_server(keys.serve, "127.0.0.1", 0)
    keys.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/keys"
    inside = config.outbound.model_copy(update={"allowed_networks": ("127.0.0.0/8",)})
    config = config.model_copy(update={"outbound": inside})
    stack = await Stack.open(config, dialects=(DIALECT,), clock=clock)
    core = stack.core
    account = await core.applications.account()
    application = await core.applications.create(account.id, "demo")
    _, key = await core.applications.create_client(account.id, "back end")
    draft = IssuerDraft(SessionForm.NATIVE, NAME, jwks_url=keys.url)
    back_end = await core.identity.client(key)
    issuer = await core.issuers.add(back_end, application, draft)
    try:
        yield Place(stack, application, issuer, keys, clock, back_end)
    finally:
        await stack.stop()
        server.close()


async def test_a_published_key_opens_the_door(place: Place) -> None:
    assert (await place.list("old")).status == 200
    assert (await place.list("old")).status == 200
    assert place.keys.asked == 1


async def test_a_new_key_is_found_and_a_guess_is_not_asked_for_again(place: Place) -> None:
    await place.list("old")
    place.keys.names = ["old", "new"]
    assert (await place.list("new")).status == 401
    place.clock.advance(ASK_EVERY_S)

    assert (await place.list("new")).status == 200
    assert (await place.list("stranger")).status == 401
    assert (await place.list("stranger")).status == 401
    assert place.keys.asked == 2


async def test_an_issuer_that_does_not_answer_is_a_part_that_does_not_answer(place: Place) -> None:
    place.keys.status = 500

    assert (await place.list("old")).status == 503


async def test_a_user_has_one_standing_session_whatever_the_token(place: Place) -> None:
    for number in range(3):
        assert (await place.list("old", jti=str(number))).status == 200

    sessions = await place.stack.core.identity.sessions_of(place.application.id)
    assert [each.external_user_id for each in sessions] == ["ann"]


async def test_a_user_who_is_shut_out_is_refused_at_once(place: Place) -> None:
    core = place.stack.core
    assert (await place.list("old")).status == 200

    await core.members.suspend(place.back_end, place.application, "ann")
    assert (await place.list("old")).status == 403

    await core.members.resume(place.back_end, place.application, "ann")
    assert (await place.list("old")).status == 200


async def test_a_user_who_was_signed_out_has_a_new_session_by_the_same_token(place: Place) -> None:
    assert (await place.register("old")).status == 201

    await place.stack.core.sessions.sign_out(place.back_end, place.application, "ann")

    assert (await place.list("old")).json()["items"] == []
    assert (await place.register("old")).status == 201


async def test_a_token_that_was_believed_ends_all_the_same(place: Place) -> None:
    now_s = int(place.clock.now().timestamp())
    exp = now_s + 100 - int(time.time())
    assert (await place.list("old", exp=exp)).status == 200

    place.clock.advance(161)

    assert (await place.list("old", exp=exp, iat=exp - 100)).status == 401
