"""A closed-loop HTTP/1.1 loader: bytes made beforehand, one connection per worker.

Run as a process of its own: reads a pickled plan from standard input, writes
what it saw as JSON to standard output.
"""

from __future__ import annotations

import asyncio
import json
import pickle
import sys
import time
from dataclasses import dataclass

from bench.machine import percentile


@dataclass(frozen=True)
class Plan:
    """What to send. requests: whole HTTP requests. warm_up_s: not counted."""

    host: str
    port: int
    requests: list[bytes]
    connections: int
    warm_up_s: float
    seconds: float


class _Worker(asyncio.Protocol):
    """Sends the next request when the answer to the last one has come."""

    def __init__(self, run: _Run) -> None:
        self._run = run
        self._sent_at = 0.0
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._next()

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, separator, body = self._received.partition(b"\r\n\r\n")
        if not separator:
            return
        length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0] or 0)
        if len(body) < length:
            return
        self._received = b""
        self._run.saw(int(head[9:12]), self._sent_at)
        self._next()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the protocol's
        self._run.ended()

    def _next(self) -> None:
        request = self._run.next_request()
        if request is None:
            self._transport.close()
            return
        self._sent_at = time.perf_counter()
        self._transport.write(request)


class _Run:
    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._requests = iter(plan.requests)
        self._open = plan.connections
        self.done = asyncio.get_running_loop().create_future()
        self.started = time.perf_counter()
        self.latencies_ms: list[float] = []
        self.statuses: dict[int, int] = {}
        self.first_at = self.last_at = 0.0

    def next_request(self) -> bytes | None:
        if time.perf_counter() > self.started + self._plan.warm_up_s + self._plan.seconds:
            return None
        return next(self._requests, None)

    def saw(self, status: int, sent_at: float) -> None:
        now = time.perf_counter()
        self.statuses[status] = self.statuses.get(status, 0) + 1
        if sent_at >= self.started + self._plan.warm_up_s:
            self.first_at = self.first_at or sent_at
            self.last_at = now
            self.latencies_ms.append((now - sent_at) * 1000)

    def ended(self) -> None:
        self._open -= 1
        if not self._open:
            self.done.set_result(None)


async def _drive(plan: Plan) -> dict[str, object]:
    run = _Run(plan)
    loop = asyncio.get_running_loop()
    for _ in range(plan.connections):
        await loop.create_connection(lambda: _Worker(run), plan.host, plan.port)
    await run.done
    return {
        "per_s": len(run.latencies_ms) / (run.last_at - run.first_at),
        "count": sum(run.statuses.values()),
        "p50_ms": percentile(run.latencies_ms, 0.5),
        "p99_ms": percentile(run.latencies_ms, 0.99),
        "statuses": run.statuses,
    }


def main() -> None:
    """Run the plan on standard input."""
    plan: Plan = pickle.load(sys.stdin.buffer)
    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        print(json.dumps(runner.run(_drive(plan))))


if __name__ == "__main__":
    main()
