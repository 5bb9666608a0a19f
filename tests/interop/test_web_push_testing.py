"""Our messages at the push service of npm's web-push-testing, over TLS and HTTP/1.1."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta

import pytest
from aiohttp import ClientSession
from pywebpush import WebPusher
from tests.interop.conftest import NODE_FOLDER

from heliograph.config import WebPush
from heliograph.core.clock import SystemClock
from heliograph.core.ids import new_id
from heliograph.core.model.application import ProviderCredential, WebPushCredential
from heliograph.core.model.delivery import Target
from heliograph.core.model.notification import Content, Options
from heliograph.core.model.outcome import Accepted, Rejected, TokenGone
from heliograph.core.model.registration import Environment, ProviderName
from heliograph.core.ports import Batch
from heliograph.outbound.guard import Guard
from heliograph.outbound.tls import plain_client_tls
from heliograph.providers.webpush import WebPushProvider
from heliograph.providers.webpush.settings import new_key
from heliograph.simulators.certificates import ensure_certificates
from heliograph.simulators.webpush.browser import Subscription

pytestmark = [pytest.mark.interop, pytest.mark.anyio]

_PATIENCE_S = 60


@pytest.fixture
def anyio_backend():
    return "asyncio"


@pytest.fixture
def certificates(tmp_path):
    return ensure_certificates(tmp_path, "localhost", now=datetime.now(UTC))


@pytest.fixture
async def service(node, certificates):
    """Run the push service; answers how to ask it something."""
    ca_file, server_file = certificates
    pem = server_file.read_text()
    process = await asyncio.create_subprocess_exec(
        node,
        "webpush.mjs",
        cwd=NODE_FOLDER,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(json.dumps({"certificate": pem, "key": pem}).encode() + b"\n")
    port = int(await asyncio.wait_for(process.stdout.readline(), _PATIENCE_S))
    tls = plain_client_tls(ca_file)

    async def ask(path, body):
        async with (
            ClientSession() as session,
            session.post(f"https://localhost:{port}{path}", json=body, ssl=tls) as reply,
        ):
            text = await reply.text()
        return json.loads(text) if text.startswith("{") else text

    yield ask
    process.stdin.close()
    await asyncio.wait_for(process.wait(), _PATIENCE_S)


@pytest.fixture
async def provider(certificates):
    made = WebPushProvider(
        WebPush(ca_file=certificates[0]),
        Guard(["127.0.0.0/8"]),
        SystemClock(),
        request_timeout_s=10,
    )
    yield made
    await made.close()


def batch_of(subscription, key):
    now = datetime.now(UTC)
    secret = WebPushCredential("mailto:ops@example.com", (key,))
    credential = ProviderCredential(
        new_id(now), new_id(now), ProviderName.WEBPUSH, Environment.PRODUCTION, secret
    )
    target = Target(
        id=new_id(now),
        bucket=0,
        recipient=0,
        provider=ProviderName.WEBPUSH,
        environment=None,
        token=subscription["endpoint"],
        token_hash=b"",
        attributes=json.dumps(subscription["keys"]),
        refreshed_ms=0,
        attempts=0,
        is_registered=True,
    )
    content = Content("Hello", "Grüße")
    expires_at = now + timedelta(hours=1)
    return Batch(credential, new_id(now), content, Options(), expires_at, None, [target])


async def subscribe(service, key):
    wanted = {"userVisibleOnly": "true", "applicationServerKey": key.public}
    return (await service("/subscribe", wanted))["data"]


async def test_our_message_is_taken_and_read(service, provider):
    key = new_key()
    subscription = await subscribe(service, key)

    (outcome,) = await provider.send(batch_of(subscription, key), now=datetime.now(UTC))

    read = await service("/get-notifications", {"clientHash": subscription["clientHash"]})
    assert isinstance(outcome, Accepted)
    assert [json.loads(text) for text in read["data"]["messages"]] == [
        {"title": "Hello", "body": "Grüße"}
    ]


async def test_an_expired_subscription_is_gone(service, provider):
    key = new_key()
    subscription = await subscribe(service, key)
    await service(f"/expire-subscription/{subscription['clientHash']}", {})

    (outcome,) = await provider.send(batch_of(subscription, key), now=datetime.now(UTC))

    assert isinstance(outcome, TokenGone)
    assert not outcome.is_ambiguous


async def test_another_key_than_the_subscriptions_is_refused(service, provider):
    subscription = await subscribe(service, new_key())

    (outcome,) = await provider.send(batch_of(subscription, new_key()), now=datetime.now(UTC))

    # Real services say 403.
    assert outcome == Rejected("HTTP 400")


def test_the_fakes_browser_reads_pywebpush():
    browser = Subscription.make("https://push.example.net/1", None)

    encoded = WebPusher(browser.to_json()).encode("Grüße".encode())

    assert browser.read(encoded["body"]) == "Grüße".encode()
