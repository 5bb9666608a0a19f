from __future__ import annotations

import asyncio
from typing import Any

import pytest
from tests.unit.outbound.http2.memory import H2Server, MemoryDial, run
from tests.unit.outbound.http2.pushing import SHARED, ids, never, pushes, sender_to

from heliograph.outbound.http2.messages import Lost, Reply, Request
from heliograph.outbound.http2.sender import Origin
from heliograph.outbound.http2.settings import SenderSettings


def test_replies_come_in_the_order_of_the_requests() -> None:
    async def main() -> None:
        dial = MemoryDial(lambda: H2Server(max_concurrent_streams=7))
        sender = sender_to(dial)

        results = await sender.send(SHARED, pushes(600))

        assert ids(results) == [str(n) for n in range(600)]
        assert len(dial.servers) == 1
        await sender.aclose()

    run(main())


def test_requests_need_not_be_alike() -> None:
    async def main() -> None:
        seen: list[tuple[bytes | None, bytes | None, bytes]] = []

        def reply(server: Any, stream_id: int, headers: Any, body: bytes) -> None:
            seen.append((headers.get(b"apns-id"), headers.get(b"x"), body))
            server.reply(stream_id, headers, b"")

        sender = sender_to(MemoryDial(lambda: H2Server(reply)))
        shapes = [
            (b"1", None, b"a"),
            (b"22", None, b"a"),
            (None, None, b"bb"),
            (b"1", b"2", b"a"),
            (b"1", None, b""),
            (None, b"1", b"a" * 20_000),
            (b"1", None, b"a"),
        ]
        requests = [
            Request(
                b"/%d" % n,
                body,
                tuple((k, v) for k, v in ((b"apns-id", one), (b"x", two)) if v is not None),
            )
            for n, (one, two, body) in enumerate(shapes * 3)
        ]

        results = await sender.send(SHARED, requests)

        assert all(isinstance(result, Reply) for result in results)
        assert sorted(seen, key=repr) == sorted(shapes * 3, key=repr)
        await sender.aclose()

    run(main())


def test_an_empty_batch_opens_no_connection() -> None:
    async def main() -> None:
        dial = MemoryDial(H2Server)
        sender = sender_to(dial)

        assert await sender.send(SHARED, []) == []
        assert dial.servers == []
        await sender.aclose()

    run(main())


def test_the_frames_of_one_loop_turn_leave_in_one_write() -> None:
    async def main() -> None:
        dial = MemoryDial(H2Server)
        sender = sender_to(dial)
        await sender.send(SHARED, pushes(1))
        transport = dial.servers[0].transport
        before = len(transport.writes)

        await asyncio.gather(sender.send(SHARED, pushes(30)), sender.send(SHARED, pushes(30)))

        assert len(transport.writes) == before + 1
        await sender.aclose()

    run(main())


def test_the_first_request_goes_alone_until_one_was_accepted() -> None:
    async def main() -> None:
        seen: list[int] = []

        def reply(server: Any, stream_id: int, headers: Any, body: bytes) -> None:
            seen.append(server.h2.open_inbound_streams)
            server.reply(stream_id, headers, body, b"403" if stream_id == 1 else b"200")

        dial = MemoryDial(lambda: H2Server(reply))
        sender = sender_to(dial, first_request_alone=True)

        results = await sender.send(SHARED, pushes(20))

        assert [r.status for r in results if isinstance(r, Reply)] == [403, *[200] * 19]
        assert seen[:2] == [1, 1]
        assert max(seen) > 1
        await sender.aclose()

    run(main())


def test_a_lowered_stream_limit_is_obeyed_at_once() -> None:
    async def main() -> None:
        def reply(server: Any, stream_id: int, headers: Any, body: bytes) -> None:
            if stream_id == 1:
                limit = {3: 1}  # MAX_CONCURRENT_STREAMS
                server.h2.update_settings(limit)
                server.most_open = 0
            server.reply(stream_id, headers, body)

        dial = MemoryDial(lambda: H2Server(reply, max_concurrent_streams=1))
        sender = sender_to(dial)

        results = await sender.send(SHARED, pushes(30))

        assert len(ids(results)) == 30
        assert dial.servers[0].most_open == 1
        await sender.aclose()

    run(main())


def test_a_body_larger_than_every_window_arrives_whole() -> None:
    async def main() -> None:
        bodies: list[bytes] = []

        def reply(server: Any, stream_id: int, headers: Any, body: bytes) -> None:
            bodies.append(body)
            server.reply(stream_id, headers, b"")

        dial = MemoryDial(lambda: H2Server(reply, initial_window_size=1000))
        sender = sender_to(dial)
        body = bytes(range(256)) * 1000

        [result] = await sender.send(SHARED, pushes(1, body))

        assert isinstance(result, Reply)
        assert bodies == [body]
        await sender.aclose()

    run(main())


def test_large_replies_come_whole_because_windows_are_granted_again() -> None:
    async def main() -> None:
        waiting: dict[int, bytes] = {}

        def reply(server: Any, stream_id: int, headers: Any, body: bytes) -> None:
            server.h2.send_headers(stream_id, [(b":status", b"200")])
            waiting[stream_id] = b"r" * 150_000

        class Slow(H2Server):
            def receive(self, data: bytes) -> None:
                super().receive(data)
                for stream_id in [*waiting]:
                    size = min(self.h2.local_flow_control_window(stream_id), 16_000)
                    part, waiting[stream_id] = (
                        waiting[stream_id][:size],
                        waiting[stream_id][size:],
                    )
                    if part:
                        self.h2.send_data(stream_id, part, end_stream=not waiting[stream_id])
                    if not waiting[stream_id]:
                        del waiting[stream_id]
                if waiting:
                    asyncio.get_running_loop().call_soon(self.receive, b"")
                self.flush()

        dial = MemoryDial(lambda: Slow(reply))
        sender = sender_to(dial, max_body_bytes=200_000)

        results = await sender.send(SHARED, pushes(20))

        assert all(isinstance(r, Reply) and len(r.body) == 150_000 for r in results)
        await sender.aclose()

    run(main())


def test_a_reply_over_the_limit_is_lost_and_the_connection_goes_on() -> None:
    async def main() -> None:
        def reply(server: Any, stream_id: int, headers: Any, body: bytes) -> None:
            server.reply(stream_id, headers, b"r" * (5000 if stream_id == 1 else 100))

        dial = MemoryDial(lambda: H2Server(reply))
        sender = sender_to(dial, max_body_bytes=100)

        first, second = await sender.send(SHARED, pushes(2))

        assert first == Lost(is_unprocessed=False, detail="the reply is over the size limit")
        assert isinstance(second, Reply)
        assert len(dial.servers) == 1
        await sender.aclose()

    run(main())


def test_a_cancelled_batch_is_reset_and_leaves_the_connection_usable() -> None:
    async def main() -> None:
        def reply(server: Any, stream_id: int, headers: Any, body: bytes) -> None:
            if stream_id > 5:
                server.reply(stream_id, headers, body)

        dial = MemoryDial(lambda: H2Server(reply, max_concurrent_streams=3))
        sender = sender_to(dial)
        task = asyncio.create_task(sender.send(SHARED, pushes(10)))
        await asyncio.sleep(0.2)

        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        results = await sender.send(SHARED, pushes(2))

        assert ids(results) == ["0", "1"]
        assert dial.servers[0].resets == [1, 3, 5]
        assert len(dial.servers[0].order) == 5
        await sender.aclose()

    run(main())


def test_a_header_list_over_the_servers_limit_is_lost_not_raised() -> None:
    async def main() -> None:
        dial = MemoryDial(lambda: H2Server(max_header_list_size=1000))
        sender = sender_to(dial)
        big = Request(b"/" + b"x" * 2000, b"{}")

        big_result, small_result = await sender.send(SHARED, [big, *pushes(1)])

        detail = "headers over the server's limit"
        assert big_result == Lost(is_unprocessed=True, detail=detail)
        assert isinstance(small_result, Reply)
        await sender.aclose()

    run(main())


def test_back_pressure_holds_requests_back() -> None:
    async def main() -> None:
        dial = MemoryDial(H2Server)
        sender = sender_to(dial)
        await sender.send(SHARED, pushes(1))
        server = dial.servers[0]
        connection = server.transport.protocol

        connection.pause_writing()
        task = asyncio.create_task(sender.send(SHARED, pushes(5)))
        await asyncio.sleep(1)
        held_back = len(server.order)
        connection.resume_writing()

        assert held_back == 1
        assert len(ids(await task)) == 5
        await sender.aclose()

    run(main())


def test_a_thousand_requests_start_in_slices() -> None:
    async def main() -> None:
        dial = MemoryDial(lambda: H2Server(max_concurrent_streams=5000))
        sender = sender_to(dial)

        results = await sender.send(SHARED, pushes(2000))

        assert ids(results) == [str(n) for n in range(2000)]
        assert dial.servers[0].most_open == 250
        await sender.aclose()

    run(main())


def test_headers_larger_than_a_frame_are_continued() -> None:
    async def main() -> None:
        seen: list[bytes] = []

        def reply(server: Any, stream_id: int, headers: Any, body: bytes) -> None:
            seen.append(headers[b"big"])
            server.reply(stream_id, headers, body)

        sender = sender_to(MemoryDial(lambda: H2Server(reply)))
        big = ((b"big", b"v" * 40_000),)

        results = await sender.send(big, pushes(2))

        assert ids(results) == ["0", "1"]
        assert seen == [b"v" * 40_000] * 2
        await sender.aclose()

    run(main())


def test_closing_settles_everything_and_says_goodbye() -> None:
    async def main() -> None:
        dial = MemoryDial(lambda: H2Server(never, max_concurrent_streams=2))
        sender = sender_to(dial)
        task = asyncio.create_task(sender.send(SHARED, pushes(3)))
        await asyncio.sleep(0.2)

        await sender.aclose()

        results = await task
        assert [isinstance(r, Lost) and r.is_unprocessed for r in results] == [False, False, True]
        assert len(dial.servers[0].goaways) == 1
        [late] = await sender.send(SHARED, pushes(1))
        assert late == Lost(is_unprocessed=True, detail="the sender is closed")

    run(main())


def test_closing_ends_a_connection_attempt() -> None:
    async def dial(*_: Any) -> None:
        await asyncio.sleep(100)

    async def main() -> None:
        sender = sender_to(dial, connect_timeout_s=200)
        task = asyncio.create_task(sender.send(SHARED, pushes(1), timeout_s=300))
        await asyncio.sleep(1)

        await sender.aclose()

        [result] = await task
        assert isinstance(result, Lost)
        assert result.is_unprocessed

    run(main())


@pytest.mark.parametrize(
    ("origin", "authority"),
    [
        (Origin("a.test"), b"a.test"),
        (Origin("a.test", 2197), b"a.test:2197"),
        (Origin("::1", 8443), b"[::1]:8443"),
    ],
)
def test_the_authority_names_an_unusual_port(origin: Origin, authority: bytes) -> None:
    assert origin.authority == authority


@pytest.mark.parametrize(
    "wrong",
    [
        {"dead_peer_timeout_s": 16},
        {"dead_peer_timeout_s": 0},
        {"connect_timeout_s": 0},
        {"max_streams": 0},
        {"max_connections": 0},
        {"max_refusals": -1},
        {"streams_before_settings": -1},
    ],
)
def test_settings_that_cannot_work_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="must "):
        SenderSettings(**wrong)
