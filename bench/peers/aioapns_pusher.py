"""Pushes with aioapns what the order on standard input says."""

from __future__ import annotations

import asyncio
import json
import logging
import ssl
import sys
import time
from typing import Any

import uvloop
from aioapns import APNs, NotificationRequest, PushType
from aioapns.connection import APNsProductionClientProtocol, APNsTLSClientProtocol


def sender_to(order: dict[str, Any]) -> APNs:
    """Make its client for our server, which is not where it looks by itself.

    It opens up to ten connections: on one alone, 500 pushes are more than a window of 65,535
    bytes takes, and it waits a second each time, five times at the most if left alone.
    """
    logging.getLogger("aioapns").setLevel(logging.CRITICAL)  # else a line for each of these waits
    tls = ssl.create_default_context(cadata=order["ca"])
    for protocol in (APNsProductionClientProtocol, APNsTLSClientProtocol):
        protocol.APNS_SERVER, protocol.APNS_PORT = "localhost", order["port"]
    return APNs(
        key=order["key"],
        key_id="ABCDE12345",
        team_id="FGHIJ67890",
        topic=order["topic"],
        max_connection_attempts=100,
        ssl_context=tls,
    )


async def push(order: dict[str, Any]) -> dict[str, float]:
    """Push with one task for each push in flight."""
    sender = sender_to(order)
    message = json.loads(order["body"])

    async def send_range(first: int, count: int) -> int:
        numbers = iter(range(first, first + count))

        async def work() -> int:
            accepted = 0
            for number in numbers:
                request = NotificationRequest(
                    f"{number:064x}",
                    message,
                    notification_id=f"{number:08x}-1111-4222-8333-444455556666",
                    time_to_live=3600,
                    priority=10,
                    push_type=PushType.ALERT,
                )
                accepted += (await sender.send_notification(request)).is_successful
            return accepted

        return sum(await asyncio.gather(*(work() for _ in range(order["in_flight"]))))

    await send_range(0, 1)
    await send_range(1, order["warm_up"] - 1)
    before = time.process_time()
    accepted = await send_range(order["warm_up"], order["count"])
    cpu_s = time.process_time() - before
    return {"cpu_s": cpu_s, "accepted": accepted, "failed": order["count"] - accepted}


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        print(json.dumps(runner.run(push(json.load(sys.stdin)))))
