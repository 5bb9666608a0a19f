"""Our sender as a process of its own: pushes what the order on standard input says."""

from __future__ import annotations

import asyncio
import gc
import json
import ssl
import sys
import time
from typing import Any

import uvloop

from heliograph.outbound.http2 import Http2Sender
from heliograph.outbound.http2.messages import Reply, Request
from heliograph.outbound.http2.sender import Origin
from heliograph.outbound.http2.settings import SenderSettings

PAGE = 1000
PAGES_AT_ONCE = 4


async def push(order: dict[str, Any]) -> dict[str, float]:
    """Push pages as the engine does; CPU seconds are this process's, user and system."""
    tls = ssl.create_default_context(cadata=order["ca"])
    tls.set_alpn_protocols(["h2"])
    settings = SenderSettings(
        first_request_alone=True, max_streams=order["in_flight"], max_connections=1
    )
    sender = Http2Sender(Origin("localhost", order["port"]), tls, settings=settings)
    await send_range(sender, order, 0, order["warm_up"])
    gc.collect()
    gc.freeze()
    before = time.process_time()
    accepted = await send_range(sender, order, order["warm_up"], order["count"])
    cpu_s = time.process_time() - before
    await sender.aclose()
    return {"cpu_s": cpu_s, "accepted": accepted, "failed": order["count"] - accepted}


async def send_range(sender: Http2Sender, order: dict[str, Any], first: int, count: int) -> int:
    """Send `count` pushes to tokens of their own; return how many were accepted."""
    shared = (
        (b"authorization", order["authorization"].encode()),
        (b"apns-topic", order["topic"].encode()),
        (b"apns-expiration", order["expiration"].encode()),
        (b"apns-push-type", b"alert"),
        (b"apns-priority", b"10"),
    )
    body = order["body"].encode()
    pages = iter(range(first, first + count, PAGE))

    async def work() -> int:
        accepted = 0
        for start in pages:
            requests = [
                Request(
                    b"/3/device/%064x" % number,
                    body,
                    ((b"apns-id", b"%08x-1111-4222-8333-444455556666" % number),),
                )
                for number in range(start, min(start + PAGE, first + count))
            ]
            results = await sender.send(shared, requests, timeout_s=60)
            accepted += sum(isinstance(r, Reply) and r.status == 200 for r in results)
        return accepted

    return sum(await asyncio.gather(*(work() for _ in range(PAGES_AT_ONCE))))


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        print(json.dumps(runner.run(push(json.load(sys.stdin)))))
