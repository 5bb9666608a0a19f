"""A real Firefox reads our messages. Slow: a browser starts; skipped where there is none."""

from __future__ import annotations

import asyncio
import json
import shutil
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from tests.interop import firefox

from heliograph.config import WebPush
from heliograph.core.model.notification import Content, Options
from heliograph.outbound.guard import Guard
from heliograph.providers.webpush.encryption import (
    LONGEST_PLAINTEXT_BYTES,
    Receiver,
    encrypt,
    padded,
    read_auth,
    read_point,
)
from heliograph.providers.webpush.request import build_message
from heliograph.providers.webpush.settings import endpoint_rule, new_key
from heliograph.providers.webpush.subscription import SubscriptionCheck

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.interop, pytest.mark.anyio, pytest.mark.timeout(180)]

ENDPOINT = "https://updates.push.services.mozilla.com/wpush/v2/heliograph"
READ, UNREADABLE = 100, 101


@pytest.fixture
def anyio_backend():
    return "asyncio"


@pytest.fixture
def program():
    found = shutil.which("firefox-esr") or shutil.which("firefox")
    if found is None:
        pytest.skip("Firefox is not installed: apt-get install firefox-esr")
    return found


async def test_firefox_reads_what_we_encrypt(program: str, tmp_path: Path) -> None:
    now = datetime.now(UTC)
    settings = WebPush(payload_limit_bytes=LONGEST_PLAINTEXT_BYTES)
    server = firefox.PushServer(ENDPOINT)
    async with (
        firefox.serving(server) as port,
        firefox.running(program, tmp_path, port) as address,
    ):
        origin = f"http://localhost:{port}"
        subscription = await firefox.subscribe(address, origin, new_key().public)
        keys = subscription["keys"]
        receiver = Receiver(read_point(keys["p256dh"]) or b"", read_auth(keys["auth"]) or b"")

        problems = SubscriptionCheck(Guard(), endpoint_rule(settings))(
            subscription["endpoint"], keys
        )
        content = Content("Hello", "Grüße", {"n": 1})
        message = build_message(content, Options(), settings, expires_at=now, now=now)
        codes = [await server.bring(encrypt(message.record, receiver))]
        said = [await asyncio.wait_for(server.received.get(), firefox.PATIENCE_S)]
        longest = b"x" * LONGEST_PLAINTEXT_BYTES
        full = padded(longest, multiple_bytes=1, limit_bytes=LONGEST_PLAINTEXT_BYTES)
        codes.append(await server.bring(encrypt(full, receiver)))
        said.append(await asyncio.wait_for(server.received.get(), firefox.PATIENCE_S))
        stranger = receiver._replace(auth=bytes(16))
        codes.append(await server.bring(encrypt(message.record, stranger)))

    assert subscription["endpoint"] == ENDPOINT
    assert problems == []
    assert codes == [READ, READ, UNREADABLE]
    assert json.loads(said[0]) == {"title": "Hello", "body": "Grüße", "data": {"n": 1}}
    assert said[1].encode() == longest
