"""Settings whose credentials another API removes: MobileFirst shows them no more."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from tests.asgi_client import call
from tests.conformance.mobilefirst.furnish import APP, furnish_mobilefirst

from heliograph.config import Config
from heliograph.core.clock import SystemClock
from heliograph.core.ids import spell
from heliograph.simulators.apns.certificates import make_push_certificate
from heliograph.web.server import Guard
from heliograph.wiring import Stack

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.asgi_client import Answer

pytestmark = pytest.mark.anyio

SETTINGS = f"/imfpush/v1/apps/{APP}/settings"
MADE = make_push_certificate("com.example.app", now=SystemClock().now())
KEY = rsa.generate_private_key(65537, 2048)
SERVICE_ACCOUNT = json.dumps(
    {
        "type": "service_account",
        "project_id": "a-project",
        "private_key_id": "k1",
        "private_key": KEY.private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
        ).decode(),
        "client_email": "push@a-project.iam.gserviceaccount.com",
        "token_uri": "https://oauth2.googleapis.com/token",
    }
)
GCM = {"apiKey": SERVICE_ACCOUNT, "senderId": "123456"}
WNS = {"packageSID": "ms-app://s-1-15-2-1", "clientSecret": "secret"}
SMS = {
    "host": "sms.example.com",
    "name": "gw",
    "port": 80,
    "programName": "/send",
    "parameters": [],
}
FORM = (
    b'--B\r\nContent-Disposition: form-data; name="certificate"; filename="push.p12"\r\n\r\n'
    + MADE.p12
    + b'\r\n--B\r\nContent-Disposition: form-data; name="password"\r\n\r\n'
    + MADE.password.encode()
    + b'\r\n--B\r\nContent-Disposition: form-data; name="isSandBox"\r\n\r\nfalse\r\n--B--\r\n'
)
ALL: dict[str, tuple[str, str, bytes, tuple[str, ...]]] = {
    "gcmConf": ("fcm", "application/json", json.dumps(GCM).encode(), ("gcmConf", "gcmConfPublic")),
    "apnsConf": ("apns", "multipart/form-data; boundary=B", FORM, ("apnsConf", "apnsCert")),
    "wnsConf": ("wns", "application/json", json.dumps(WNS).encode(), ("wnsConf",)),
    "smsConf": ("sms", "application/json", json.dumps(SMS).encode(), ("smsConf",)),
}


class Site:
    """A server with an application of MobileFirst's, and a native back end of it."""

    def __init__(self, stack: Stack, bearer: str, key: str, credentials: str) -> None:
        self._stack = stack
        self._bearer = bearer
        self._key = key
        self._credentials = credentials

    async def mobilefirst(
        self, method: str, path: str, body: bytes = b"", media_type: str = "application/json"
    ) -> Answer:
        headers = {"Authorization": f"Bearer {self._bearer}", "Content-Type": media_type}
        return await self._call(method, f"{SETTINGS}/{path}", headers, body)

    async def native(self, method: str, path: str, body: bytes = b"") -> Answer:
        headers = {"Authorization": f"Bearer {self._key}", "Content-Type": "application/json"}
        return await self._call(method, f"{self._credentials}/{path}", headers, body)

    async def _call(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        application: Any = Guard(self._stack.application)
        return await call(application, method, path, headers=headers, body=body)


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    stack = await Stack.open(Config(data=tmp_path / "data"))
    applications = stack.core.applications
    account = await applications.account()
    application = await applications.create(account.id, "demo")
    other = await applications.create(account.id, "other")
    facts = await furnish_mobilefirst(stack, application, other)
    _, key = await applications.create_client(account.id, "back end")
    place = f"/v1/applications/{spell('application', application.id)}/credentials"
    yield Site(stack, facts["mf_bearer"], key, place)
    await stack.stop()


@pytest.mark.parametrize("name", ALL)
async def test_what_the_native_api_removed_was_never_configured(site: Site, name: str) -> None:
    provider, media_type, body, shown = ALL[name]
    put = await site.mobilefirst("PUT", name, body, media_type)
    before = [(await site.mobilefirst("GET", each)).status for each in shown]

    removed = await site.native("DELETE", provider)

    assert (put.status, removed.status) == (200, 204), (put.body, removed.body)
    assert before == [200] * len(shown)
    for each in shown:
        gone = await site.mobilefirst("GET", each)
        assert (gone.status, gone.json()["code"]) == (404, "FPWSE0003E")
    assert (await site.mobilefirst("DELETE", name)).status == 404


async def test_what_was_removed_does_not_come_back_with_another_credential(site: Site) -> None:
    await site.mobilefirst("PUT", "gcmConf", json.dumps(GCM).encode())
    await site.native("DELETE", "fcm")

    put = await site.native("PUT", "fcm", f'{{"service_account": {SERVICE_ACCOUNT}}}'.encode())

    assert put.status == 200, put.body
    assert (await site.mobilefirst("GET", "gcmConf")).status == 404


async def test_one_environment_that_is_left_keeps_what_is_shown(site: Site) -> None:
    _, media_type, body, _ = ALL["apnsConf"]
    await site.mobilefirst("PUT", "apnsConf", body, media_type)

    removed = await site.native("DELETE", "apns?environment=sandbox")

    assert removed.status == 404
    assert (await site.mobilefirst("GET", "apnsConf")).status == 200


async def test_a_key_of_the_old_api_is_kept_without_a_credential(site: Site) -> None:
    old = json.dumps({"apiKey": "AIzaSyLegacy", "senderId": "123456"}).encode()
    await site.mobilefirst("PUT", "gcmConf", json.dumps(GCM).encode())

    await site.mobilefirst("PUT", "gcmConf", old)

    assert (await site.mobilefirst("GET", "gcmConf")).json()["apiKey"] == "AIzaSyLegacy"
    assert (await site.mobilefirst("DELETE", "gcmConf")).status == 204
    assert (await site.mobilefirst("GET", "gcmConf")).status == 404
