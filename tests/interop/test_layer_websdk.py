"""Layer's own SDK for browsers, in Node with a few shims, registers devices over a real socket.

Its web socket never opens. Its session is one that a back end minted, or one that it opens by
itself with an identity token.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import anyio.to_thread
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from tests.asgi_client import call
from tests.interop.conftest import NODE_FOLDER

from heliograph.config import Config, Listener
from heliograph.core.identity.issuers import IssuerDraft
from heliograph.core.ids import spell, uuid_text
from heliograph.core.model.identity import SessionForm
from heliograph.core.model.issuer import KeyAlgorithm
from heliograph.simulators.certificates import private_pem
from heliograph.web.server import Server
from heliograph.wiring import Stack

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

pytestmark = [pytest.mark.interop, pytest.mark.anyio]

IPHONE = {
    "deviceId": "iphone",
    "iosVersion": "9.0",
    "token": "105ebe3fcb7e93efda22257caaf5b9c465043f6d0b2abf3bc8ae7c939655e949",
    "bundleId": "com.example.app",
}
ANDROID = {"deviceId": "android", "token": "f4be7b9d:APA91bF04da2ce1af111b", "senderId": "12345"}
DONE = ""
"""What the SDK calls back with after 202 without a body."""

_PATIENCE_S = 60


@dataclass(frozen=True, slots=True)
class Site:
    """A server on a port of its own, and what its back end holds."""

    stack: Stack
    url: str
    registrations: str
    api_key: str
    session: str
    app_id: str
    provider: dict[str, str]

    async def registered(self) -> list[dict[str, Any]]:
        """List what the native API lists, by device."""
        key = {"Authorization": f"Bearer {self.api_key}"}
        answer = await call(self.stack.application, "GET", self.registrations, headers=key)
        assert answer.status == 200, answer
        return sorted(answer.json()["items"], key=lambda item: item["device_id"])


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    config = Config(data=tmp_path / "data", listener=Listener(host="127.0.0.1", port=0))
    stack = await Stack.open(config)
    server = Server(stack.application, config)
    serving = asyncio.create_task(server.serve())
    try:
        core = stack.core
        account = await core.applications.account()
        application = await core.applications.create(account.id, "demo")
        _, key = await core.applications.create_client(account.id, "back end")
        _, session = await core.identity.create_session(application, "ann", SessionForm.LAYER, None)
        operator = await core.identity.client(key)
        rsa_key = rsa.generate_private_key(65537, 2048)
        public = rsa_key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        keys = (("layer:///keys/1", KeyAlgorithm.RS256, public.decode()),)
        draft = IssuerDraft(SessionForm.LAYER, "layer:///providers/1", keys=keys)
        await core.issuers.add(operator, application, draft)
        provider = {
            "id": "layer:///providers/1",
            "keyId": "layer:///keys/1",
            "key": private_pem(rsa_key).decode(),
        }
        app_id = f"layer:///apps/staging/{uuid_text(application.id)}"
        place = f"/v1/applications/{spell('application', application.id)}/registrations"
        yield Site(stack, server.public_url, place, key, session, app_id, provider)
    finally:
        server.should_exit = True
        await serving
        await stack.stop()


@dataclass(frozen=True, slots=True)
class Told:
    """What the SDK's callbacks got, in the order of the calls, and what events it triggered."""

    told: list[Any]
    events: list[tuple[str, str | None]]

    def nonces(self) -> list[str | None]:
        return [value for name, value in self.events if name == "challenge"]


@dataclass(frozen=True, slots=True)
class Sdk:
    """The SDK, started anew for each list of calls."""

    site: Site
    program: str

    async def make(
        self, *calls: tuple[str, Any], has_session: bool = True, has_provider: bool = False
    ) -> Told:
        order = {
            "url": self.site.url,
            "app": self.site.app_id,
            "user": "ann",
            "session": self.site.session if has_session else None,
            "provider": self.site.provider if has_provider else None,
            "calls": calls,
        }
        done = await anyio.to_thread.run_sync(lambda: self._run(order))
        assert done.returncode == 0, done.stderr
        return Told(**json.loads(done.stdout))

    def _run(self, order: dict[str, Any]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.program, "layer.mjs"],
            cwd=NODE_FOLDER,
            input=json.dumps(order),
            capture_output=True,
            text=True,
            check=False,
            timeout=_PATIENCE_S,
        )


@pytest.fixture
def sdk(site: Site, node: str) -> Sdk:
    return Sdk(site, node)


async def test_an_iphone_and_an_android_phone_are_registered(sdk: Sdk) -> None:
    answer = await sdk.make(("registerIOSPushToken", IPHONE), ("registerAndroidPushToken", ANDROID))

    android, iphone = await sdk.site.registered()
    assert answer.told == [DONE, DONE]
    assert answer.nonces() == []
    assert {name: iphone[name] for name in ("device_id", "user_id", "provider")} == {
        "device_id": "iphone",
        "user_id": "ann",
        "provider": "apns",
    }
    assert iphone["attributes"] == {"bundle_id": "com.example.app", "os_version": "9.0"}
    assert (android["user_id"], android["provider"]) == ("ann", "fcm")
    assert android["attributes"] == {"sender_id": "12345"}


async def test_a_device_is_unregistered_through_the_queue_of_the_sdk(sdk: Sdk) -> None:
    answer = await sdk.make(
        ("registerIOSPushToken", IPHONE),
        ("registerAndroidPushToken", ANDROID),
        ("unregisterPushToken", "iphone"),
        ("unregisterPushToken", "never registered"),
    )

    (left,) = await sdk.site.registered()
    assert answer.told == [DONE] * 4
    assert left["device_id"] == "android"


async def test_a_device_id_with_a_percent_sign_names_the_same_device_twice(sdk: Sdk) -> None:
    # The SDK puts ids into the path as they are.
    phone = ANDROID | {"deviceId": "100%"}

    answer = await sdk.make(("registerAndroidPushToken", phone), ("unregisterPushToken", "100%"))

    assert answer.told == [DONE, DONE]
    assert await sdk.site.registered() == []


@pytest.mark.parametrize(
    "method", ["registerIOSPushToken", "registerAndroidPushToken", "unregisterPushToken"]
)
async def test_a_session_that_is_over_challenges_with_a_nonce(sdk: Sdk, method: str) -> None:
    site = sdk.site
    await site.stack.core.identity.end_session(site.session, SessionForm.LAYER)

    answer = await sdk.make((method, "iphone" if method.startswith("un") else IPHONE))

    (error,) = answer.told
    (nonce,) = answer.nonces()
    assert (error["status"], error["id"], error["code"]) == (401, "authentication_required", 4)
    # The SDK asks for its own user at the same time, and one of the two answers is the challenge.
    nonces = site.stack.core.nonces
    assert nonces.is_fresh(error["data"]["nonce"])
    assert nonces.is_fresh(nonce)
    assert ["deauthenticated", None] in answer.events
    assert await site.registered() == []


async def test_a_property_that_is_missing_is_named_to_the_callback(sdk: Sdk) -> None:
    without = {name: value for name, value in IPHONE.items() if name != "token"}

    answer = await sdk.make(("registerIOSPushToken", without), ("registerIOSPushToken", IPHONE))

    missing, done = answer.told
    assert (missing["status"], missing["id"], missing["code"]) == (422, "missing_property", 104)
    assert missing["data"] == {"property": "token"}
    assert done == DONE
    assert answer.nonces() == []


async def test_a_client_without_a_session_is_challenged_with_a_nonce(sdk: Sdk) -> None:
    answer = await sdk.make(has_session=False)

    (nonce,) = answer.nonces()
    assert nonce is not None
    assert sdk.site.stack.core.nonces.is_fresh(nonce)


async def test_the_whole_path_from_a_nonce_to_an_unregistered_phone(sdk: Sdk) -> None:
    answer = await sdk.make(
        ("registerIOSPushToken", IPHONE),
        ("registerAndroidPushToken", ANDROID),
        ("unregisterPushToken", "android"),
        has_session=False,
        has_provider=True,
    )

    (left,) = await sdk.site.registered()
    assert answer.told == [DONE] * 3
    assert (left["device_id"], left["user_id"]) == ("iphone", "ann")
    assert [name for name, _ in answer.events] == ["challenge", "authenticated"]


async def test_a_session_that_ended_is_opened_anew_by_the_nonce_of_the_401(sdk: Sdk) -> None:
    answer = await sdk.make(
        ("registerIOSPushToken", IPHONE),
        ("endSession", None),
        ("registerIOSPushToken", IPHONE),
        ("signedIn", 1),
        ("registerIOSPushToken", IPHONE),
        has_session=False,
        has_provider=True,
    )

    done, ended, refused, _, again = answer.told
    first, second = answer.nonces()
    assert (done, ended, again) == (DONE, 204, DONE)
    assert (refused["status"], refused["data"]) == (401, {"nonce": second})
    assert first != second
    (left,) = await sdk.site.registered()
    assert (left["device_id"], left["user_id"]) == ("iphone", "ann")
