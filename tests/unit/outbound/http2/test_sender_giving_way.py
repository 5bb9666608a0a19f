"""Small batches before large ones."""

from __future__ import annotations

import asyncio
from typing import Any

from tests.unit.outbound.http2.memory import H2Server, MemoryDial, run
from tests.unit.outbound.http2.pushing import SHARED, pushes, sender_to

from heliograph.core.right_of_way import LONGEST_S, RightOfWay
from heliograph.outbound.http2.messages import Lost, Reply, Request


def test_a_single_push_does_not_wait_for_a_broadcast() -> None:
    async def main() -> None:
        dial = MemoryDial(lambda: H2Server(max_concurrent_streams=1))
        sender = sender_to(dial)
        broadcast = asyncio.create_task(sender.send(SHARED, pushes(200)))
        await asyncio.sleep(0)

        [reply] = await sender.send(SHARED, pushes(1))

        assert isinstance(reply, Reply)
        assert not broadcast.done()
        assert len(await broadcast) == 200
        await sender.aclose()

    run(main())


def test_a_broadcast_starts_nothing_until_a_small_send_that_was_asked_for_has_left() -> None:
    async def main() -> None:
        has_begun = asyncio.Event()

        def never(*_: Any) -> None:
            has_begun.set()

        way = RightOfWay(asyncio.get_running_loop().time)
        dial = MemoryDial(lambda: H2Server(never, max_concurrent_streams=2000))
        sender = sender_to(dial, way=way)
        broadcast = asyncio.create_task(sender.send(SHARED, pushes(900)))
        await has_begun.wait()
        [server] = dial.servers

        way.ask()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        begun = len(server.requests)
        await asyncio.sleep(LONGEST_S / 2)
        waited = len(server.requests)
        code = asyncio.create_task(sender.send(SHARED, [Request(b"/code", b"")]))
        await asyncio.sleep(LONGEST_S / 4)

        paths = [headers[b":path"] for headers, _ in server.requests.values()]
        assert 0 < begun == waited < 900
        assert paths.index(b"/code") == begun
        assert len(paths) == 901
        broadcast.cancel()
        code.cancel()
        await sender.aclose()

    run(main())


def test_a_broadcast_goes_on_where_the_small_send_never_comes() -> None:
    async def main() -> None:
        way = RightOfWay(asyncio.get_running_loop().time)
        sender = sender_to(MemoryDial(H2Server), way=way)
        broadcast = asyncio.create_task(sender.send(SHARED, pushes(1000)))
        for _ in range(50):
            way.ask()
            await asyncio.sleep(0)

        assert len(await broadcast) == 1000
        await sender.aclose()

    run(main())


def test_a_sender_closes_while_a_broadcast_waits() -> None:
    async def main() -> None:
        way = RightOfWay(asyncio.get_running_loop().time)
        sender = sender_to(MemoryDial(H2Server), way=way)
        await sender.send(SHARED, pushes(20))
        broadcast = asyncio.create_task(sender.send(SHARED, pushes(1000)))
        way.ask()
        await asyncio.sleep(LONGEST_S / 2)

        await sender.aclose()

        assert all(isinstance(each, Lost) for each in await broadcast)

    run(main())
