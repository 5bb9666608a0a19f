from __future__ import annotations

import asyncio
import ssl
from collections import Counter
from typing import Any

import pytest

from heliograph.outbound.http2 import Http2Sender, frames
from heliograph.outbound.http2.messages import Lost, Reply, Request
from heliograph.outbound.http2.sender import Origin
from heliograph.outbound.http2.settings import SenderSettings
from tests.unit.outbound.http2.memory import H2Server, MemoryDial, run

SHARED = ((b"authorization", b"bearer secret"),)
ORIGIN = Origin("push.test")


def pushes(count: int, body: bytes = b"{}") -> list[Request]:
    return [Request(b"/3/device/%d" % n, body, ((b"apns-id", b"%d" % n),)) for n in range(count)]


def sender_to(dial: Any, **settings: Any) -> Http2Sender:
    tls = ssl.create_default_context()
    return Http2Sender(ORIGIN, tls, settings=SenderSettings(**settings), dial=dial)


def ids(results: list[Reply | Lost]) -> list[str]:
    return [result.headers["apns-id"] for result in results if isinstance(result, Reply)]


def never(server: Any, stream_id: int, headers: Any, body: bytes) -> None:
    """Leave a request unanswered."""


def test_replies_come_in_the_order_of_the_requests() -> None:
    async def main() -> None:
        dial = MemoryDial(lambda: H2Server(max_concurrent_streams=7))
        sender = sender_to(dial)

        results = await sender.send(SHARED, pushes(600))

        assert ids(results) == [str(n) for n in range(600)]
        assert len(dial.servers) == 1
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


def test_a_refused_stream_is_sent_again_and_others_are_not() -> None:
    async def main() -> None:
        seen: Counter[bytes] = Counter()

        def reply(server: Any, stream_id: int, headers: Any, body: bytes) -> None:
            seen[headers[b"apns-id"]] += 1
            if stream_id in {1, 3}:
                server.h2.reset_stream(stream_id, 7 if stream_id == 1 else 2)
            else:
                server.reply(stream_id, headers, body)

        sender = sender_to(MemoryDial(lambda: H2Server(reply)))

        results = await sender.send(SHARED, pushes(3))

        assert ids(results) == ["0", "2"]
        detail = "the server reset the stream: INTERNAL_ERROR"
        assert results[1] == Lost(is_unprocessed=False, detail=detail)
        assert seen == {b"0": 2, b"1": 1, b"2": 1}
        await sender.aclose()

    run(main())


def test_what_is_refused_again_and_again_is_lost_as_unprocessed() -> None:
    async def main() -> None:
        seen: Counter[bytes] = Counter()

        def refuse(server: Any, stream_id: int, headers: Any, body: bytes) -> None:
            seen[headers[b"apns-id"]] += 1
            server.h2.reset_stream(stream_id, 7)

        sender = sender_to(MemoryDial(lambda: H2Server(refuse)), max_replays=2)

        results = await sender.send(SHARED, pushes(2))

        assert [isinstance(r, Lost) and r.is_unprocessed for r in results] == [True, True]
        assert seen == {b"0": 3, b"1": 3}
        await sender.aclose()

    run(main())


def test_goaway_finishes_what_is_below_and_repeats_what_is_above() -> None:
    async def main() -> None:
        held: dict[int, tuple[dict[bytes, bytes], bytes]] = {}
        processed: Counter[bytes] = Counter()

        def answer(server: Any, stream_id: int, headers: Any, body: bytes) -> None:
            processed[headers[b"apns-id"]] += 1
            server.reply(stream_id, headers, body)

        def reply(server: Any, stream_id: int, headers: Any, body: bytes) -> None:
            if len(dial.servers) == 2:
                answer(server, stream_id, headers, body)
                return
            held[stream_id] = (headers, body)
            if stream_id == 19:
                transport = server.transport
                transport.deliver(frames.goaway_frame(2**31 - 1, 0))
                transport.deliver(frames.goaway_frame(9, 0, b"bye"))
                for below in range(1, 11, 2):
                    answer(server, below, *held[below])

        dial = MemoryDial(lambda: H2Server(reply))
        sender = sender_to(dial)

        results = await sender.send(SHARED, pushes(10))

        assert ids(results) == [str(n) for n in range(10)]
        assert set(processed.values()) == {1}
        assert len(dial.servers) == 2
        assert dial.servers[0].transport.is_closed
        await sender.aclose()

    run(main())


def test_a_server_that_ends_every_connection_is_given_up_with_its_reason() -> None:
    async def main() -> None:
        def goaway(server: Any, stream_id: int, headers: Any, body: bytes) -> None:
            server.transport.deliver(frames.goaway_frame(0, 2, b'{"reason":"BadCertificate"}'))

        dial = MemoryDial(lambda: H2Server(goaway))
        sender = sender_to(dial, max_replays=2)

        results = await sender.send(SHARED, pushes(300))

        assert len(results) == 300
        for result in results:
            assert isinstance(result, Lost)
            assert result.is_unprocessed
            assert result.goaway_debug == b'{"reason":"BadCertificate"}'
        assert len(dial.servers) == 3
        await sender.aclose()

    run(main())


def test_a_lost_connection_leaves_ambiguous_what_was_sent() -> None:
    async def main() -> None:
        def reply(server: Any, stream_id: int, headers: Any, body: bytes) -> None:
            if len(dial.servers) == 1 and stream_id == 9:
                server.transport.drop(ConnectionResetError("reset"))
            elif len(dial.servers) == 2 or stream_id < 5:
                server.reply(stream_id, headers, body)

        dial = MemoryDial(lambda: H2Server(reply, max_concurrent_streams=5))
        sender = sender_to(dial)

        results = await sender.send(SHARED, pushes(12))

        lost = [n for n, r in enumerate(results) if isinstance(r, Lost)]
        assert lost
        assert all(r.is_unprocessed is False for r in results if isinstance(r, Lost))
        assert len(ids(results)) == 12 - len(lost)
        assert len(dial.servers) == 2
        await sender.aclose()

    run(main())


@pytest.mark.parametrize("error", [OSError("refused"), ssl.SSLError("bad"), UnicodeError("name")])
def test_a_failed_connection_loses_everything_unprocessed(error: Exception) -> None:
    async def dial(*_: Any) -> None:
        raise error

    async def main() -> None:
        sender = sender_to(dial)

        results = await sender.send(SHARED, pushes(3))

        assert all(isinstance(r, Lost) and r.is_unprocessed for r in results)
        await sender.aclose()

    run(main())


def test_a_server_without_h2_is_refused_before_anything_is_sent() -> None:
    async def main() -> None:
        dial = MemoryDial(H2Server, alpn="http/1.1")
        sender = sender_to(dial)

        [result] = await sender.send(SHARED, pushes(1))

        detail = "cannot connect: the server does not offer HTTP/2"
        assert result == Lost(is_unprocessed=True, detail=detail)
        assert dial.servers[0].transport.writes == []
        await sender.aclose()

    run(main())


class Silent(H2Server):
    def connected(self) -> None:
        self.is_gone = True


def test_a_server_that_never_opens_the_session_is_given_up() -> None:
    async def main() -> None:
        dial = MemoryDial(Silent)
        sender = sender_to(dial, connect_timeout_s=3)

        [result] = await sender.send(SHARED, pushes(1))

        assert result == Lost(is_unprocessed=True, detail="cannot connect: no connection in time")
        assert dial.servers[0].transport.is_closed
        await sender.aclose()

    run(main())


def test_requests_past_their_deadline_are_reset_and_the_rest_goes_on() -> None:
    async def main() -> None:
        def reply(server: Any, stream_id: int, headers: Any, body: bytes) -> None:
            if headers[b":path"] != b"/3/device/1":
                server.reply(stream_id, headers, body)

        dial = MemoryDial(lambda: H2Server(reply))
        sender = sender_to(dial)

        first = await sender.send(SHARED, pushes(3), timeout_s=5)
        second = await sender.send(SHARED, pushes(1), timeout_s=5)

        assert ids(first) == ["0", "2"]
        assert first[1] == Lost(is_unprocessed=False, detail="no reply: the time was up")
        assert ids(second) == ["0"]
        assert dial.servers[0].resets == [3]
        assert len(dial.servers) == 1
        await sender.aclose()

    run(main())


def test_requests_that_found_no_room_in_time_are_unprocessed() -> None:
    async def main() -> None:
        dial = MemoryDial(lambda: H2Server(max_concurrent_streams=0))
        sender = sender_to(dial)

        results = await sender.send(SHARED, pushes(2), timeout_s=1)

        lost = Lost(is_unprocessed=True, detail="never sent: the time was up")
        assert results == [lost, lost]
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


def test_a_dead_peer_is_noticed_by_a_ping_without_an_answer() -> None:
    async def main() -> None:
        def die(server: Any, stream_id: int, headers: Any, body: bytes) -> None:
            server.is_gone = True

        dial = MemoryDial(lambda: H2Server(die) if not dial.servers else H2Server())
        sender = sender_to(dial, dead_peer_timeout_s=10)
        loop = asyncio.get_running_loop()
        begin = loop.time()

        [first] = await sender.send(SHARED, pushes(1), timeout_s=60)
        noticed_s = loop.time() - begin
        [second] = await sender.send(SHARED, pushes(1))

        assert first == Lost(is_unprocessed=False, detail="the server does not answer")
        assert 10 <= noticed_s < 11
        assert isinstance(second, Reply)
        await sender.aclose()

    run(main())


def test_a_slow_server_that_answers_pings_is_waited_for() -> None:
    async def main() -> None:
        def later(server: Any, stream_id: int, headers: Any, body: bytes) -> None:
            def reply() -> None:
                server.reply(stream_id, headers, body)
                server.flush()

            asyncio.get_running_loop().call_later(50, reply)

        sender = sender_to(MemoryDial(lambda: H2Server(later)), dead_peer_timeout_s=2)

        [result] = await sender.send(SHARED, pushes(1), timeout_s=60)

        assert isinstance(result, Reply)
        await sender.aclose()

    run(main())


def test_an_idle_connection_that_died_is_replaced() -> None:
    async def main() -> None:
        dial = MemoryDial(H2Server)
        sender = sender_to(dial, ping_interval_s=30, dead_peer_timeout_s=10)
        await sender.send(SHARED, pushes(1))
        dial.servers[0].is_gone = True

        await asyncio.sleep(40)
        [result] = await sender.send(SHARED, pushes(1))

        assert isinstance(result, Reply)
        assert len(dial.servers) == 2
        assert dial.servers[0].transport.is_closed
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


def test_used_up_stream_ids_lead_to_a_new_connection() -> None:
    async def main() -> None:
        dial = MemoryDial(H2Server)
        sender = sender_to(dial)
        await sender.send(SHARED, pushes(1))
        session = dial.servers[0].transport.protocol.session
        session._next_id = 2**31 - 3

        results = await sender.send(SHARED, pushes(5))

        assert ids(results) == ["0", "1", "2", "3", "4"]
        assert dial.servers[0].order == [1, 2**31 - 3, 2**31 - 1]
        assert len(dial.servers) == 2
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
        {"max_replays": -1},
    ],
)
def test_settings_that_cannot_work_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="must be|are counts"):
        SenderSettings(**wrong)
