"""Several connections side by side: when a further one is opened, and when not."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from tests.unit.outbound.http2.memory import H2Server, MemoryDial, run
from tests.unit.outbound.http2.pushing import SHARED, ids, never, pushes, sender_to

from heliograph.outbound.http2 import frames
from heliograph.outbound.http2.messages import Lost, Reply

STREAM_LIMIT = 3  # the number of MAX_CONCURRENT_STREAMS


class Held:
    """Servers that answer when they are told to."""

    def __init__(self, **settings: int) -> None:
        self.dial = MemoryDial(lambda: H2Server(self._hold, **settings))
        self.waiting: list[tuple[Any, int, Any, bytes]] = []

    def _hold(self, server: Any, stream_id: int, headers: Any, body: bytes) -> None:
        self.waiting.append((server, stream_id, headers, body))

    def answer(self, count: int = 1_000_000, status: bytes = b"200") -> None:
        answered, self.waiting = self.waiting[:count], self.waiting[count:]
        for server, *request in answered:
            server.reply(*request, status)
            server.flush()


def test_a_further_connection_opens_when_the_stream_limit_binds_and_never_before() -> None:
    async def main() -> None:
        held = Held(max_concurrent_streams=10)
        sender = sender_to(held.dial, max_connections=4)

        first = asyncio.create_task(sender.send(SHARED, pushes(10)))
        await asyncio.sleep(1)
        opened_by_ten = len(held.dial.servers)
        second = asyncio.create_task(sender.send(SHARED, pushes(1)))
        await asyncio.sleep(1)
        opened_by_eleven = len(held.dial.servers)
        third = asyncio.create_task(sender.send(SHARED, pushes(100)))
        await asyncio.sleep(1)

        assert (opened_by_ten, opened_by_eleven, len(held.dial.servers)) == (1, 2, 4)
        # The newest of several is kept free for single pushes.
        assert [server.most_open for server in held.dial.servers] == [10, 10, 10, 0]
        while held.waiting:
            held.answer()
            await asyncio.sleep(0.1)
        replies = [*await first, *await second, *await third]
        assert len(ids(replies)) == 111
        assert len(held.dial.servers) == 4
        await sender.aclose()

    run(main())


def test_a_full_window_opens_no_further_connection() -> None:
    async def main() -> None:
        class Miser(H2Server):
            def on_data(self, event: Any) -> None:
                asyncio.get_running_loop().call_later(1, self._grant, event)

            def _grant(self, event: Any) -> None:
                super().on_data(event)
                self.flush()

        dial = MemoryDial(Miser)
        sender = sender_to(dial, max_connections=4)

        results = await sender.send(SHARED, pushes(40, bytes(5000)))

        assert len(ids(results)) == 40
        assert len(dial.servers) == 1
        await sender.aclose()

    run(main())


def test_no_further_connection_opens_before_one_request_was_accepted() -> None:
    async def main() -> None:
        held = Held()
        sender = sender_to(held.dial, max_connections=4, first_request_alone=True)
        sending = asyncio.create_task(sender.send(SHARED, pushes(50)))
        await asyncio.sleep(1)
        before = (len(held.waiting), len(held.dial.servers))
        held.answer(status=b"403")
        await asyncio.sleep(1)
        after_a_refusal = (len(held.waiting), len(held.dial.servers))
        held.answer()
        await asyncio.sleep(1)

        assert before == after_a_refusal == (1, 1)
        assert (len(held.waiting), len(held.dial.servers)) == (48, 1)
        held.answer()
        assert len(ids(await sending)) == 50
        await sender.aclose()

    run(main())


def test_a_limit_lowered_to_1_and_raised_again_is_followed_at_once() -> None:
    async def main() -> None:
        held = Held(max_concurrent_streams=100)
        sender = sender_to(held.dial, max_connections=4, first_request_alone=True)
        sending = asyncio.create_task(sender.send(SHARED, pushes(60)))
        await asyncio.sleep(1)
        [server] = held.dial.servers
        held.answer()
        await asyncio.sleep(1)
        at_first = len(held.waiting)
        server.h2.update_settings({STREAM_LIMIT: 1})
        held.answer(30)
        sending_more = asyncio.create_task(sender.send(SHARED, pushes(60)))
        await asyncio.sleep(1)
        still_many = len(held.waiting)
        held.answer()
        counts = []
        for _ in range(3):
            await asyncio.sleep(1)
            counts.append(len(held.waiting))
            held.answer()
        await asyncio.sleep(1)
        server.h2.update_settings({STREAM_LIMIT: 100})
        server.flush()
        await asyncio.sleep(1)

        assert (at_first, still_many, counts) == (59, 29, [1, 1, 1])
        assert len(held.waiting) == 60 - 3
        held.answer()
        assert len(ids([*await sending, *await sending_more])) == 120
        assert len(held.dial.servers) == 1
        await sender.aclose()

    run(main())


def test_the_first_requests_need_not_wait_for_the_servers_settings() -> None:
    async def main() -> None:
        class Late(H2Server):
            is_awake = False

            def connected(self) -> None:
                super().connected()
                asyncio.get_running_loop().call_later(5, self._wake)

            def _wake(self) -> None:
                self.is_awake = True
                self.flush()

            def flush(self) -> None:
                if self.is_awake:
                    super().flush()

        dial = MemoryDial(Late)
        sender = sender_to(dial, streams_before_settings=2)
        sending = asyncio.create_task(sender.send(SHARED, pushes(6)))
        await asyncio.sleep(1)
        early = len(dial.servers[0].order)

        results = await sending

        assert early == 2
        assert ids(results) == [str(n) for n in range(6)]
        await sender.aclose()

    run(main())


@pytest.mark.parametrize("early", [0, 1])
def test_the_preface_leaves_before_anything_can_end_the_connection(early: int) -> None:
    async def main() -> None:
        written: list[bytes] = []

        class Watchful(H2Server):
            def connected(self) -> None:
                written.extend(self.transport.writes)
                super().connected()

        sender = sender_to(MemoryDial(Watchful), streams_before_settings=early)

        await sender.send(SHARED, pushes(1))

        assert [piece[: len(frames.PREFACE)] for piece in written] == [frames.PREFACE]
        await sender.aclose()

    run(main())


def test_a_server_that_never_sends_its_settings_is_given_up_all_the_same() -> None:
    async def main() -> None:
        class Silent(H2Server):
            def connected(self) -> None:
                self.is_gone = True

        dial = MemoryDial(Silent)
        sender = sender_to(dial, streams_before_settings=1, dead_peer_timeout_s=4, max_refusals=0)
        begin = asyncio.get_running_loop().time()

        results = await sender.send(SHARED, pushes(2), timeout_s=60)

        detail = "the server did not open the session"
        assert results == [
            Lost(is_unprocessed=False, detail=detail),
            Lost(is_unprocessed=True, detail=detail),
        ]
        assert asyncio.get_running_loop().time() - begin < 5
        await sender.aclose()

    run(main())


def test_a_further_connection_that_fails_costs_nobody_anything() -> None:
    async def main() -> None:
        held = Held(max_concurrent_streams=1)

        async def dial(*arguments: Any) -> None:
            dials.append(1)
            if len(dials) > 1:
                raise ConnectionRefusedError
            await held.dial(*arguments)

        dials: list[int] = []
        sender = sender_to(dial, max_connections=3)
        sending = asyncio.create_task(sender.send(SHARED, pushes(20), timeout_s=60))
        for _ in range(20):
            await asyncio.sleep(0.5)
            held.answer()

        assert len(ids(await sending)) == 20
        assert 2 <= len(dials) <= 4  # 10 seconds, and a pause of 5 after each failure
        await sender.aclose()

    run(main())


def test_a_goaway_on_one_connection_leaves_the_others_alone() -> None:
    async def main() -> None:
        held = Held(max_concurrent_streams=5)
        sender = sender_to(held.dial, max_connections=2)
        sending = asyncio.create_task(sender.send(SHARED, pushes(30)))
        await asyncio.sleep(1)
        gone, other = held.dial.servers

        gone.h2.close_connection(last_stream_id=3)
        gone.flush()
        held.waiting = [each for each in held.waiting if each[0] is not gone]
        await asyncio.sleep(1)
        while held.waiting:
            held.answer()
            await asyncio.sleep(0.1)
        gone.transport.drop(None)

        results = await sending
        lost = [n for n, result in enumerate(results) if isinstance(result, Lost)]
        assert lost == [0, 1]  # streams 1 and 3, which it never answered
        assert len(ids(results)) == 28
        assert other.goaways == []
        assert len(held.dial.servers) == 3
        await sender.aclose()

    run(main())


def test_any_number_of_goaways_loses_nothing_while_requests_get_through() -> None:
    async def main() -> None:
        processed: list[bytes] = []

        def reply(server: Any, stream_id: int, headers: Any, body: bytes) -> None:
            if stream_id > 5:
                return
            processed.append(headers[b"apns-id"])
            server.reply(stream_id, headers, body)
            if stream_id == 5:
                server.h2.close_connection(last_stream_id=5)

        dial = MemoryDial(lambda: H2Server(reply))
        sender = sender_to(dial)

        results = await sender.send(SHARED, pushes(100))

        assert ids(results) == [str(n) for n in range(100)]
        assert len(processed) == len(set(processed)) == 100
        assert len(dial.servers) == 34
        await sender.aclose()

    run(main())


def test_a_large_write_is_cut_so_that_others_get_their_turn() -> None:
    async def main() -> None:
        dial = MemoryDial(lambda: H2Server(initial_window_size=2**20))
        sender = sender_to(dial)
        await sender.send(SHARED, pushes(1))
        server = dial.servers[0]
        server.h2.increment_flow_control_window(2**24)
        server.flush()
        await asyncio.sleep(1)
        before = len(server.transport.writes)

        results = await sender.send(SHARED, pushes(100, bytes(16_000)))

        sizes = [len(write) for write in server.transport.writes[before:]]
        assert all(isinstance(result, Reply) for result in results)
        assert max(sizes) < 300_000
        assert sum(sizes) > 1_600_000
        await sender.aclose()

    run(main())


@pytest.mark.parametrize("topic_bytes", [1, 300], ids=["few bytes", "more than the table holds"])
def test_batches_of_many_kinds_share_a_connection(topic_bytes: int) -> None:
    async def main() -> None:
        seen: dict[bytes, bytes] = {}

        def reply(server: Any, stream_id: int, headers: Any, body: bytes) -> None:
            seen[headers[b":path"]] = headers[b"apns-topic"]
            server.reply(stream_id, headers, body)

        sender = sender_to(MemoryDial(lambda: H2Server(reply)))
        kinds = [((b"apns-topic", b"t%d" % n + b"x" * topic_bytes),) for n in range(70)]
        batches = [
            [request._replace(path=b"/%d/%d" % (n, m)) for m, request in enumerate(pushes(30))]
            for n in range(len(kinds))
        ]

        await asyncio.gather(*(sender.send(k, b) for k, b in zip(kinds, batches, strict=True)))

        expected = {
            b"/%d/%d" % (n, m): kinds[n][0][1] for n in range(len(kinds)) for m in range(30)
        }
        assert seen == expected
        await sender.aclose()

    run(main())


def test_a_thousand_batches_past_their_deadline_reset_only_their_own_streams() -> None:
    async def main() -> None:
        dial = MemoryDial(lambda: H2Server(never, max_concurrent_streams=1000))
        sender = sender_to(dial)
        patient = asyncio.create_task(sender.send(SHARED, pushes(2), timeout_s=60))

        results = await asyncio.gather(
            *(sender.send(SHARED, pushes(1), timeout_s=2) for _ in range(900))
        )

        lost = Lost(is_unprocessed=False, detail="no reply: the time was up")
        assert results == [[lost]] * 900
        assert not patient.done()
        assert sorted(dial.servers[0].resets) == [5 + 2 * n for n in range(900)]
        assert [r.detail for r in await patient if isinstance(r, Lost)] == [lost.detail] * 2
        await sender.aclose()

    run(main())
