"""Certificates come as files, which conformance cases in JSON can't hold."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from tests.asgi_client import Answer, call
from tests.conformance.mobilefirst.furnish import APP, furnish_mobilefirst

from heliograph.config import Config
from heliograph.core.clock import SystemClock
from heliograph.core.model.registration import Environment
from heliograph.providers.apns.certificates import SANDBOX_MARK
from heliograph.simulators.apns.certificates import make_push_certificate
from heliograph.web.server import Guard
from heliograph.wiring import Stack

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

pytestmark = pytest.mark.anyio

NOW = SystemClock().now()
MADE = make_push_certificate("com.example.app", now=NOW)
SETTINGS = f"/imfpush/v1/apps/{APP}/settings"


class Site:
    """A server, and a caller who may do everything."""

    def __init__(self, stack: Stack, bearer: str) -> None:
        self.stack = stack
        self._bearer = bearer

    async def call(self, method: str, path: str, body: bytes = b"", **headers: str) -> Answer:
        given = {"Authorization": f"Bearer {self._bearer}"} | headers
        application: Any = Guard(self.stack.application)
        return await call(application, method, path, headers=given, body=body)

    async def put(
        self, p12: bytes, password: str = MADE.password, *, is_sandbox: str = "false"
    ) -> Answer:
        parts = [
            b'--B\r\nContent-Disposition: form-data; name="certificate"; filename="push.p12"\r\n'
            b"Content-Type: application/x-pkcs12\r\n\r\n" + p12 + b"\r\n"
        ]
        for name, value in (("password", password), ("isSandBox", is_sandbox)):
            head = f'--B\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n'
            parts.append(f"{head}{value}\r\n".encode())
        body = b"".join(parts) + b"--B--\r\n"
        form = {"Content-Type": "multipart/form-data; boundary=B"}
        return await self.call("PUT", f"{SETTINGS}/apnsConf", body, **form)


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    stack = await Stack.open(Config(data=tmp_path / "data"))
    account = await stack.core.applications.account()
    application = await stack.core.applications.create(account.id, "demo")
    other = await stack.core.applications.create(account.id, "other")
    facts = await furnish_mobilefirst(stack, application, other)
    yield Site(stack, facts["mf_bearer"])
    await stack.stop()


async def test_a_certificate_is_set_shown_given_back_and_removed(site: Site) -> None:
    put = await site.put(MADE.p12)
    shown = await site.call("GET", f"{SETTINGS}/apnsConf")
    file = await site.call("GET", f"{SETTINGS}/apnsCert")
    removed = await site.call("DELETE", f"{SETTINGS}/apnsConf")
    gone = await site.call("GET", f"{SETTINGS}/apnsConf")

    until = (NOW + timedelta(days=800)).strftime("%Y-%m-%d")
    assert put.status == 200
    assert put.json()["validUntil"].startswith(until)
    assert shown.json() == put.json()
    assert (shown.json()["certificate"], shown.json()["isSandBox"]) == ("push.p12", "false")
    assert file.body == MADE.p12
    assert file.header("content-type") == "application/octet-stream"
    assert file.header("content-disposition") == "attachment; filename*=UTF-8''push.p12"
    assert removed.status == 204
    assert (gone.status, gone.json()["code"]) == (404, "FPWSE0003E")


async def test_the_form_of_a_certificate_is_described(site: Site) -> None:
    document = (await site.call("GET", "/imfpush/v1/swagger.json")).json()

    put = document["paths"]["/imfpush/v1/apps/{application_id}/settings/apnsConf"]["put"]
    content = put["requestBody"]["content"]
    schema = document["components"]["schemas"]["ApnsUpload"]
    assert content == {
        "multipart/form-data": {"schema": {"$ref": "#/components/schemas/ApnsUpload"}}
    }
    assert sorted(schema["required"]) == ["certificate", "isSandBox", "password"]
    assert schema["properties"]["certificate"]["format"] == "binary"


async def test_a_sandbox_certificate_makes_it_the_applications_world(site: Site) -> None:
    sandbox = make_push_certificate("com.example.app", marks=(SANDBOX_MARK,), now=NOW)
    await site.put(MADE.p12)
    await site.put(sandbox.p12, is_sandbox="TRUE")

    settings = await site.call("GET", SETTINGS)

    core = site.stack.core
    (application,) = [each for each in await core.applications.all_of() if each.name == "demo"]
    credentials = await core.applications.credentials_of(application.id, is_fresh=True)
    assert settings.json()["mode"] == "SANDBOX"
    assert [each.environment for each in credentials] == [Environment.SANDBOX]
    assert application.defaults.bundle_id == "com.example.app"
    assert application.defaults.environment is Environment.SANDBOX


async def test_a_wrong_password_is_named(site: Site) -> None:
    answer = await site.put(MADE.p12, "wrong")

    assert (answer.status, answer.json()["code"]) == (400, "FPWSE0005E")
    assert "password must be" in answer.json()["message"]


async def test_a_certificate_for_the_other_world_is_refused(site: Site) -> None:
    sandbox = make_push_certificate("com.example.app", marks=(SANDBOX_MARK,), now=NOW)

    answer = await site.put(sandbox.p12, is_sandbox="false")

    assert (answer.status, answer.json()["code"]) == (400, "FPWSE0005E")
    assert "isSandBox must be" in answer.json()["message"]


async def test_a_certificate_past_its_time_is_refused(site: Site) -> None:
    then = NOW - timedelta(days=400)
    old = make_push_certificate("com.example.app", now=then, lifetime=timedelta(days=30))

    answer = await site.put(old.p12)

    assert (answer.status, answer.json()["code"]) == (400, "FPWSE0005E")
    assert "expired on" in answer.json()["message"]


async def test_a_huge_file_is_refused_before_it_is_read(site: Site) -> None:
    answer = await site.call(
        "PUT",
        f"{SETTINGS}/apnsConf",
        b"x" * 2_000_000,
        **{
            "Content-Type": "multipart/form-data; boundary=B",
            "Content-Length": str(100 * 1024 * 1024),
        },
    )

    assert (answer.status, answer.json()["code"]) == (413, "FPWSE9413E")
