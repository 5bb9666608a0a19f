"""Credentials with keys and files in them, which conformance cases in JSON can't hold."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from tests.asgi_client import Answer, call

from heliograph.config import Config
from heliograph.core.clock import SystemClock
from heliograph.core.errors import NotFound
from heliograph.core.ids import spell
from heliograph.core.model.identity import ClientPrincipal
from heliograph.core.model.registration import Environment, ProviderName
from heliograph.simulators.apns.certificates import make_push_certificate
from heliograph.web.server import Guard
from heliograph.wiring import Stack

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

    from heliograph.core.model.application import Application

pytestmark = pytest.mark.anyio

MADE = make_push_certificate("com.example.app", now=SystemClock().now())


def pem_of(key: PrivateKeyTypes) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


APNS_KEY = {
    "key_id": "KEY1234567",
    "team_id": "TEAM123456",
    "key": pem_of(ec.generate_private_key(ec.SECP256R1())),
}
CERTIFICATE = {"file": base64.b64encode(MADE.p12).decode(), "password": MADE.password}
SERVICE_ACCOUNT = {
    "type": "service_account",
    "project_id": "a-project",
    "private_key_id": "k1",
    "private_key": pem_of(rsa.generate_private_key(65537, 2048)),
    "client_email": "push@a-project.iam.gserviceaccount.com",
    "token_uri": "https://oauth2.googleapis.com/token",
}


class Site:
    """A server with one application, and its back end."""

    def __init__(self, stack: Stack, application: Application, key: str) -> None:
        self.stack = stack
        self.application = application
        self._key = key

    async def call(self, method: str, path: str = "", body: Any = None) -> Answer:
        headers = {"Authorization": f"Bearer {self._key}", "Content-Type": "application/json"}
        place = f"/v1/applications/{spell('application', self.application.id)}/credentials{path}"
        content = b"" if body is None else json.dumps(body).encode()
        application: Any = Guard(self.stack.application)
        return await call(application, method, place, headers=headers, body=content)

    async def sent_by(self) -> set[tuple[ProviderName, Environment]]:
        """What of the application's a sender finds."""
        found = await self.stack.core.applications.credentials_of(
            self.application.id, is_fresh=True
        )
        return {(each.provider, each.environment) for each in found}


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    stack = await Stack.open(Config(data=tmp_path / "data"))
    account = await stack.core.applications.account()
    application = await stack.core.applications.create(account.id, "demo")
    _, key = await stack.core.applications.create_client(account.id, "back end")
    yield Site(stack, application, key)
    await stack.stop()


@pytest.mark.parametrize(
    ("provider", "body"),
    [
        ("apns", {"key": APNS_KEY}),
        ("apns", {"certificate": CERTIFICATE}),
        ("fcm", {"service_account": SERVICE_ACCOUNT}),
    ],
)
async def test_a_credential_is_what_is_sent_by_and_shows_no_secret(
    site: Site, provider: str, body: dict[str, Any]
) -> None:
    put = await site.call("PUT", f"/{provider}", body)
    listed = await site.call("GET")

    assert (put.status, put.json()["provider"], put.json()["is_own"]) == (200, provider, True)
    assert listed.json() == {"items": [put.json()]}
    assert await site.sent_by() == {(ProviderName(provider), Environment.PRODUCTION)}
    said = put.body + listed.body
    assert not any(secret in said for secret in (b"PRIVATE", b"BEGIN", b"KEY1234567"))


async def test_each_environment_has_its_own(site: Site) -> None:
    for environment in ("production", "sandbox"):
        body = {"key": APNS_KEY, "environment": environment}
        assert (await site.call("PUT", "/apns", body)).status == 200

    both = await site.sent_by()
    gone = await site.call("DELETE", "/apns?environment=sandbox")

    assert both == {(ProviderName.APNS, each) for each in Environment}
    assert gone.status == 204
    assert await site.sent_by() == {(ProviderName.APNS, Environment.PRODUCTION)}


async def test_a_certificate_leaves_an_applications_defaults_alone(site: Site) -> None:
    await site.call("PUT", "/apns", {"certificate": CERTIFICATE})

    known = await site.stack.core.applications.get(site.application.id)
    assert known.defaults == site.application.defaults


async def test_a_wrong_password_is_told(site: Site) -> None:
    wrong = CERTIFICATE | {"password": "not-its-own"}

    refused = await site.call("PUT", "/apns", {"certificate": wrong})

    assert (refused.status, refused.json()["code"]) == (400, "invalid_request")
    assert b"not-its-own" not in refused.body
    assert await site.sent_by() == set()


@pytest.mark.parametrize(
    ("provider", "body", "paths"),
    [
        ("apns", {"key": APNS_KEY | {"key_id": "k"}}, ["key.key_id"]),
        ("apns", {"key": APNS_KEY | {"key": "none"}}, ["key.key"]),
        ("apns", {"certificate": CERTIFICATE | {"file": "bm9uZQ=="}}, ["certificate.file"]),
        ("apns", {"certificate": CERTIFICATE | {"password": "x"}}, ["certificate.password"]),
        (
            "fcm",
            {"service_account": SERVICE_ACCOUNT | {"type": "user", "project_id": 7}},
            ["service_account.type", "service_account.project_id"],
        ),
        (
            "fcm",
            {"service_account": SERVICE_ACCOUNT | {"private_key": "none"}},
            ["service_account.private_key"],
        ),
        ("fcm", {"service_account": SERVICE_ACCOUNT, "environment": "sandbox"}, ["environment"]),
        ("wns", {"identity": {"client_id": "x", "client_secret": "y"}}, ["identity.client_id"]),
        (
            "sms",
            {
                "gateway": {
                    "host": "10.0.0.1",
                    "port": 443,
                    "path": "/send?to=",
                    "parameters": [{"name": "to", "value": "a b", "encode": False}],
                }
            },
            ["gateway.host", "gateway.path", "gateway.parameters.0.value"],
        ),
    ],
)
async def test_what_a_provider_refuses_is_named_by_its_place_in_the_body(
    site: Site, provider: str, body: dict[str, Any], paths: list[str]
) -> None:
    refused = await site.call("PUT", f"/{provider}", body)

    assert refused.status == 400
    assert [each["path"] for each in refused.json()["problems"]] == paths


async def test_what_was_removed_meanwhile_is_not_found(site: Site) -> None:
    core = site.stack.core
    [client] = await core.applications.clients_of()
    place = (ProviderName.APNS, Environment.PRODUCTION)

    with pytest.raises(NotFound):
        await core.provider_settings.own_of(ClientPrincipal(client), site.application, *place)
