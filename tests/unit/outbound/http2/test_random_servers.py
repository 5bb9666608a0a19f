"""Whatever a server does: one result for each request, and nothing processed twice."""

from __future__ import annotations

import asyncio
import ssl
from contextlib import suppress
from random import Random  # noqa: TC003 - hypothesis reads annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.conftest import examples
from tests.unit.outbound.http2.memory import MemoryDial, run
from tests.unit.outbound.http2.random_server import Ledger, RandomServer

from heliograph.outbound.http2 import Http2Sender
from heliograph.outbound.http2.messages import Lost, Reply, Request
from heliograph.outbound.http2.sender import Origin
from heliograph.outbound.http2.settings import SenderSettings

TLS = ssl.create_default_context()
SHARED = (
    ((b"authorization", b"a" * 100), (b"apns-topic", b"one")),
    ((b"authorization", b"a" * 100), (b"apns-topic", b"two"), (b"apns-priority", b"5")),
)


def batch(name: str, bodies: list[int]) -> list[Request]:
    return [
        Request(b"/%d" % n, b"b" * size, ((b"apns-id", b"%s-%d" % (name.encode(), n)),))
        for n, size in enumerate(bodies)
    ]


bodies = st.lists(st.sampled_from([0, 1, 20, 300, 3000]), min_size=1, max_size=12)


@settings(max_examples=examples(200), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    random=st.randoms(use_true_random=False),
    batches=st.lists(bodies, min_size=1, max_size=3),
    chaos=st.integers(0, 60),
    first_alone=st.booleans(),
    connections=st.integers(1, 4),
    early=st.integers(0, 2),
    cancel_after=st.one_of(st.none(), st.integers(0, 30)),
)
def test_every_request_has_one_result_and_none_is_doubled(
    random: Random,
    batches: list[list[int]],
    chaos: int,
    first_alone: bool,
    connections: int,
    early: int,
    cancel_after: int | None,
) -> None:
    ledger = Ledger(chaos)

    async def cancelled(sender: Http2Sender) -> None:
        if cancel_after is None:
            return
        task = asyncio.create_task(sender.send(SHARED[0], batch("c", [10] * 5)))
        for _ in range(cancel_after):
            await asyncio.sleep(0)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    async def main() -> list[list[Reply | Lost]]:
        sender = Http2Sender(
            Origin("push.test"),
            TLS,
            settings=SenderSettings(
                first_request_alone=first_alone,
                max_connections=connections,
                streams_before_settings=early,
            ),
            dial=MemoryDial(lambda: RandomServer(random, ledger, is_generous=early > 0)),
        )
        disturbance = asyncio.create_task(cancelled(sender))
        results = await asyncio.gather(
            *(sender.send(SHARED[n % 2], batch(str(n), sizes)) for n, sizes in enumerate(batches))
        )
        await disturbance
        await sender.aclose()
        return results

    results = run(main())

    assert all(count == 1 for count in ledger.processed.values())
    assert [len(one) for one in results] == [len(sizes) for sizes in batches]
    for number, (sizes, one) in enumerate(zip(batches, results, strict=True)):
        for index, (size, result) in enumerate(zip(sizes, one, strict=True)):
            push_id = b"%d-%d" % (number, index)
            check(ledger, push_id, size, result)


def check(ledger: Ledger, push_id: bytes, size: int, result: Reply | Lost) -> None:
    if isinstance(result, Reply):
        assert result.headers["apns-id"] == push_id.decode()
        assert result.headers["size"] == str(len(result.body))
        assert ledger.processed[push_id] == 1
        assert ledger.requests.get(push_id, b"b" * size) == b"b" * size
    else:
        assert "broke the protocol" not in result.detail
        assert "the time was up" not in result.detail
        if result.is_unprocessed:
            assert ledger.processed[push_id] == 0
