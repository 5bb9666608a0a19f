"""The sender when servers refuse, leave, lie or fall silent."""

from __future__ import annotations

import asyncio
import ssl
from collections import Counter
from typing import Any

import pytest
from tests.unit.outbound.http2.memory import H2Server, MemoryDial, run
from tests.unit.outbound.http2.pushing import SHARED, ids, never, pushes, sender_to

from heliograph.outbound.http2 import frames
from heliograph.outbound.http2.messages import Lost, Reply


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

        sender = sender_to(MemoryDial(lambda: H2Server(refuse)), max_refusals=2)

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
        sender = sender_to(dial, max_refusals=2)

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


def test_a_server_that_pings_without_reading_is_cut_off() -> None:
    async def main() -> None:
        dial = MemoryDial(lambda: H2Server(never))
        sender = sender_to(dial)
        task = asyncio.create_task(sender.send(SHARED, pushes(1)))
        await asyncio.sleep(0.2)
        transport = dial.servers[0].transport

        transport.protocol.pause_writing()
        transport.deliver(frames.ping_frame(b"12345678") * 10_001)

        assert await task == [Lost(is_unprocessed=False, detail="the server does not read")]
        assert transport.is_closed
        await sender.aclose()

    run(main())


def test_used_up_stream_ids_lead_to_a_new_connection() -> None:
    async def main() -> None:
        dial = MemoryDial(H2Server)
        sender = sender_to(dial)
        await sender.send(SHARED, pushes(1))
        session = dial.servers[0].transport.protocol.session
        session._streams.next_id = 2**31 - 3

        results = await sender.send(SHARED, pushes(5))

        assert ids(results) == ["0", "1", "2", "3", "4"]
        assert dial.servers[0].order == [1, 2**31 - 3, 2**31 - 1]
        assert len(dial.servers) == 2
        await sender.aclose()

    run(main())


def test_a_server_that_talks_nonsense_hears_why_and_is_left() -> None:
    async def main() -> None:
        def reply(server: Any, stream_id: int, headers: Any, body: bytes) -> None:
            server.transport.deliver(frames.window_update_frame(0, 0))

        dial = MemoryDial(lambda: H2Server(reply))
        sender = sender_to(dial)

        [result] = await sender.send(SHARED, pushes(1))

        detail = "the server broke the protocol: a window update of nothing"
        assert result == Lost(is_unprocessed=False, detail=detail)
        await sender.aclose()
        assert [goaway.error_code for goaway in dial.servers[0].goaways] == [1]

    run(main())
