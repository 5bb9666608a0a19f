"""CPU time of one Web Push message, beside the bare arithmetic and other houses' senders.

Whole: the provider's own way from a page of targets to requests that are ready to
leave, through rendering, padding, keys, encryption and VAPID headers; only the line to the
push service is one that takes them and answers 201. Bare: for each message what RFC 8291
asks `cryptography` for, and nothing else. Rounds alternate, so that a busy machine is busy
for all.
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import subprocess
import time
from datetime import UTC, datetime, timedelta
from hmac import digest
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from pywebpush import WebPusher

from bench.peers.node_packages import installed_node
from heliograph.config import WebPush
from heliograph.core.clock import SystemClock
from heliograph.core.ids import new_id
from heliograph.core.model.application import ProviderCredential, WebPushCredential
from heliograph.core.model.delivery import Target
from heliograph.core.model.notification import Content, Options
from heliograph.core.model.outcome import Accepted
from heliograph.core.model.registration import Environment, ProviderName
from heliograph.core.ports import Batch
from heliograph.outbound.guard import Guard
from heliograph.outbound.http2.messages import Reply
from heliograph.providers.webpush import WebPushProvider
from heliograph.providers.webpush.settings import new_key
from heliograph.simulators.webpush.browser import Subscription

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from heliograph.outbound.http2.messages import Headers, Request
    from heliograph.outbound.http2.sender import Origin

MESSAGES = int(os.environ.get("BENCH_MESSAGES", "3000"))
ROUNDS = 5
BROWSERS = 200
WARM_UP = 200
UNIT = "us CPU per message"
PATIENCE_S = 120
SERVICE = "https://fcm.googleapis.com"
CONTENT = Content(title="Breaking news", body="x" * 230, data={"id": 17})
NODE_PEER = Path(__file__).parent / "peers/web_push.mjs"

_CURVE = ec.SECP256R1()


class TakingLine:
    """Takes what is sent and says so: a push service at no distance and no cost."""

    is_closed = False

    def __init__(self) -> None:
        self.taken: list[Request] = []
        self._reply = Reply(201, {"location": f"{SERVICE}/m/1"}, b"")

    async def send(
        self, origin: Origin, headers: Headers, requests: Sequence[Request]
    ) -> list[Reply]:
        del origin, headers
        self.taken += requests
        return [self._reply] * len(requests)

    async def close(self) -> None:
        """Nothing is held."""


def run(say: Callable[[str], None]) -> dict[str, Any]:
    """Measure; raises RuntimeError where a message could not be read by its browser."""
    key = new_key()
    browsers = [Subscription.make(f"{SERVICE}/fcm/send/{n:0152d}", None) for n in range(BROWSERS)]
    provider, line, batch = _whole_parts(key, browsers)
    _check(provider, line, batch, browsers)
    text = json.dumps({"title": CONTENT.title, "body": CONTENT.body, "data": CONTENT.data})
    measures: dict[str, Callable[[], float]] = {
        "whole": lambda: _whole(provider, line, batch),
        "bare": lambda: _bare(browsers, text.encode()),
        "pywebpush": lambda: _pywebpush(browsers, text),
    }
    node = installed_node(say)
    if node is not None:
        vapid = {"contact": "mailto:a@example.com", "public": key.public, "private": key.private}
        measures["web-push (npm)"] = lambda: _web_push(node, browsers, text, vapid)
    seen: dict[str, list[float]] = {name: [] for name in measures}
    for number in range(ROUNDS):
        for name, measure in measures.items():
            seen[name].append(measure() / MESSAGES * 1e6)
            say(f"  {number + 1}/{ROUNDS} {name}: {seen[name][-1]:.1f} {UNIT}")
    median = {name: statistics.median(values) for name, values in seen.items()}
    whole, bare = median.pop("whole"), median.pop("bare")
    return {
        "value": round(whole, 2),
        "unit": UNIT,
        "bare": round(bare, 2),
        "peers": {name: round(value, 2) for name, value in median.items()},
        "ratio": {
            "bare": round(whole / bare, 3),
            **{name: round(whole / value, 3) for name, value in median.items()},
        },
        "rounds": {name: [round(value, 2) for value in values] for name, values in seen.items()},
        "messages": MESSAGES,
        "load_average": round(os.getloadavg()[0], 2),
    }


def _whole_parts(
    key: Any, browsers: list[Subscription]
) -> tuple[WebPushProvider, TakingLine, Batch]:
    now = datetime.now(UTC)
    provider = WebPushProvider(WebPush(), Guard(), SystemClock(), request_timeout_s=10)
    line = TakingLine()
    provider._lines = line  # type: ignore[assignment] # noqa: SLF001 - the network is not measured
    secret = WebPushCredential("mailto:a@example.com", (key,))
    credential = ProviderCredential(
        new_id(now), new_id(now), ProviderName.WEBPUSH, Environment.PRODUCTION, secret
    )
    targets = [_target(browsers[n % BROWSERS], key.public, now) for n in range(MESSAGES)]
    expires_at = now + timedelta(days=1)
    batch = Batch(credential, new_id(now), CONTENT, Options(), expires_at, None, targets)
    return provider, line, batch


def _target(browser: Subscription, public: str, now: datetime) -> Target:
    said = browser.to_json()
    return Target(
        id=new_id(now),
        bucket=0,
        recipient=0,
        provider=ProviderName.WEBPUSH,
        environment=None,
        token=said["endpoint"],
        token_hash=b"",
        attributes=json.dumps({**said["keys"], "vapid_key": public, "locale": "de"}),
        refreshed_ms=0,
        attempts=0,
        is_registered=True,
    )


def _check(
    provider: WebPushProvider, line: TakingLine, batch: Batch, browsers: list[Subscription]
) -> None:
    """Let every browser read its message before anything is measured."""
    _whole(provider, line, batch)
    by_path = {browser.endpoint.removeprefix(SERVICE): browser for browser in browsers}
    for request in line.taken:
        said = json.loads(by_path[request.path.decode()].read(request.body))
        if said["title"] != CONTENT.title:
            raise RuntimeError("a message was not what was meant")


def _whole(provider: WebPushProvider, line: TakingLine, batch: Batch) -> float:
    async def send() -> float:
        before = time.process_time()
        outcomes = await provider.send(batch, now=datetime.now(UTC))
        used_s = time.process_time() - before
        if not all(isinstance(outcome, Accepted) for outcome in outcomes):
            raise RuntimeError("a message was not taken")
        return used_s

    line.taken.clear()
    return asyncio.run(send())


def _bare(browsers: list[Subscription], text: bytes) -> float:
    keys = [(browser.public, browser.auth) for browser in browsers]
    record = text + b"\2"
    before = time.process_time()
    for number in range(MESSAGES):
        point, auth = keys[number % BROWSERS]
        key = ec.generate_private_key(_CURVE)
        sender = key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        other = ec.EllipticCurvePublicKey.from_encoded_point(_CURVE, point)
        shared = key.exchange(ec.ECDH(), other)
        salt = os.urandom(16)
        about = b"WebPush: info\0" + point + sender + b"\1"
        base = digest(digest(auth, shared, "sha256"), about, "sha256")
        extracted = digest(salt, base, "sha256")
        content_key = digest(extracted, b"Content-Encoding: aes128gcm\0\1", "sha256")[:16]
        nonce = digest(extracted, b"Content-Encoding: nonce\0\1", "sha256")[:12]
        AESGCM(content_key).encrypt(nonce, record, None)
    return time.process_time() - before


def _pywebpush(browsers: list[Subscription], text: str) -> float:
    """Encode alone, on subscriptions that were read before: it has no batch to prepare."""
    pushers = [WebPusher(browser.to_json()) for browser in browsers]
    before = time.process_time()
    for number in range(MESSAGES):
        pushers[number % BROWSERS].encode(text.encode())
    return time.process_time() - before


def _web_push(node: str, browsers: list[Subscription], text: str, vapid: dict[str, str]) -> float:
    order = {
        "count": MESSAGES,
        "warm_up": WARM_UP,
        "text": text,
        "subscriptions": [browser.to_json() for browser in browsers],
        "vapid": vapid,
    }
    done = subprocess.run(
        [node, str(NODE_PEER)],
        input=json.dumps(order),
        capture_output=True,
        text=True,
        check=True,
        timeout=PATIENCE_S,
    )
    return float(json.loads(done.stdout)["cpu_s"])
