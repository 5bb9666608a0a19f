"""Whatever bytes a server sends: every request has its result before its deadline."""

from __future__ import annotations

import asyncio

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.conftest import examples
from tests.unit.outbound.http2.memory import MemoryDial, MemoryTransport, run
from tests.unit.outbound.http2.pushing import SHARED, pushes, sender_to

from heliograph.outbound.http2 import frames
from heliograph.outbound.http2.frames import Flag, FrameType
from heliograph.outbound.http2.messages import Lost, Reply

END = Flag.END_STREAM | Flag.END_HEADERS
HELLO = frames.settings_frame([(3, 4)]) + frames.settings_ack_frame()
OK = frames.pack_frame(FrameType.HEADERS, END, 1, b"\x88")


class HostileServer:
    """Answers each write it gets with the next piece of its script."""

    transport: MemoryTransport

    def __init__(self, script: list[bytes]) -> None:
        self.is_gone = False
        self._script = iter(script)

    def connected(self) -> None:
        self._say_more()

    def receive(self, data: bytes) -> None:
        if not self.is_gone:
            self._say_more()

    def _say_more(self) -> None:
        for piece in self._script:
            if piece:
                self.transport.deliver(piece)
                return
            self.transport.drop(None)


any_frame = st.builds(
    frames.pack_frame,
    st.integers(0, 11),
    st.sampled_from([0, 1, 4, 5, 8, 9, 13, 32, 37, 255]),
    st.sampled_from([0, 1, 2, 3, 5, 7, 9, 2**31 - 1]),
    st.one_of(
        st.binary(max_size=24),
        st.sampled_from([b"\x88", b"\x8d", b"\x88\x00\x01a\x01b", bytes(4), bytes(8)]),
        st.integers(0, 2**31 - 1).map(lambda number: number.to_bytes(4, "big")),
        st.tuples(st.integers(1, 6), st.sampled_from([0, 1, 100, 16_384, 2**31 - 1])).map(
            lambda pair: pair[0].to_bytes(2, "big") + pair[1].to_bytes(4, "big")
        ),
    ),
)
script = st.lists(st.one_of(any_frame, any_frame, st.binary(max_size=40)), max_size=25)


@settings(max_examples=examples(150), deadline=None)
@given(
    scripts=st.lists(script, min_size=1, max_size=4),
    greeting=st.sampled_from([b"", HELLO, HELLO + OK]),
    connections=st.integers(1, 3),
    early=st.integers(0, 1),
    cut=st.sampled_from([1, 9, 100_000]),
)
def test_no_bytes_raise_and_no_request_hangs(
    scripts: list[list[bytes]], greeting: bytes, connections: int, early: int, cut: int
) -> None:
    async def main() -> tuple[list[Reply | Lost], float]:
        remaining = iter(scripts)

        def make_server() -> HostileServer:
            wire = greeting + b"".join(next(remaining, scripts[0]))
            return HostileServer([wire[n : n + cut] for n in range(0, len(wire), cut)])

        sender = sender_to(
            MemoryDial(make_server), max_connections=connections, streams_before_settings=early
        )
        batches = [pushes(9), pushes(3, bytes(70_000)), pushes(1, b"")]
        results = await asyncio.gather(
            *(sender.send(SHARED, batch, timeout_s=20) for batch in batches)
        )
        took_s = asyncio.get_running_loop().time()
        await sender.aclose()
        return [result for each in results for result in each], took_s

    results, took_s = run(main())

    assert len(results) == 13
    assert all(isinstance(result, Reply | Lost) for result in results)
    assert took_s < 21
