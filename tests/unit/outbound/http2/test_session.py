"""What a server may send by mistake or malice, and what the RFC lets it send."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hpack import Encoder
from hypothesis import given
from hypothesis import strategies as st

from heliograph.outbound.http2 import frames
from heliograph.outbound.http2.frames import ErrorCode, Flag, FrameReader, FrameType
from heliograph.outbound.http2.messages import Headers, Lost, Reply, Request
from heliograph.outbound.http2.session import Session
from heliograph.outbound.http2.settings import SenderSettings

if TYPE_CHECKING:
    from collections.abc import Sequence

HELLO = frames.settings_frame([(3, 100)])
OK = b"\x88"
BLOCK = b"\x88\x00\x01a\x01b"


class Results:
    """Requests, and what became of them; a request to be sent again counts as lost."""

    def __init__(self, *requests: Request, method: bytes = b"POST") -> None:
        self.requests: Sequence[Request] = requests
        self.shared: Headers = ()
        self.method = method
        self.by_index: dict[int, Reply | Lost] = {}

    def settle(self, index: int, result: Reply | Lost) -> None:
        assert index not in self.by_index
        self.by_index[index] = result

    def send_again(self, index: int, lost: Lost, *, is_refusal: bool) -> None:
        assert lost.is_unprocessed
        self.settle(index, lost)


def session(hello: bytes = HELLO, requests: int = 1) -> tuple[Session, Results]:
    made = Session(b"push.test", SenderSettings())
    made.receive(hello)
    results = Results(*(Request(b"/%d" % index, b"{}") for index in range(requests)))
    assert made.start(results, range(requests)) == requests
    made.take_output()
    return made, results


def output(made: Session) -> list[frames.Frame]:
    return list(FrameReader().feed(made.take_output()))


def raw(frame_type: int, flags: int, stream_id: int, payload: bytes = b"") -> bytes:
    return frames.pack_frame(frame_type, flags, stream_id, payload)


HEADERS, DATA, CONTINUATION = FrameType.HEADERS, FrameType.DATA, FrameType.CONTINUATION
END = Flag.END_STREAM | Flag.END_HEADERS


def test_the_first_bytes_are_preface_settings_and_window() -> None:
    wire = Session(b"push.test", SenderSettings()).take_output()

    assert wire.startswith(frames.PREFACE)
    settings, window = FrameReader().feed(wire[len(frames.PREFACE) :])
    assert frames.parse_settings(settings)[:2] == [(1, 0), (2, 0)]
    assert frames.parse_window_update(window) > 0


def test_nothing_starts_before_the_servers_settings() -> None:
    made = Session(b"push.test", SenderSettings())
    assert made.room == 0

    made.receive(HELLO)

    assert made.room == 100


def test_settings_and_pings_are_answered() -> None:
    made, _ = session()

    made.receive(frames.settings_frame([(0xABC, 1)]) + frames.ping_frame(b"12345678"))

    ack, pong = output(made)
    assert (ack.type, ack.flags) == (FrameType.SETTINGS, Flag.ACK)
    assert (pong.flags, pong.payload) == (Flag.ACK, b"12345678")


@pytest.mark.parametrize("size", [1, 2, 7, 1000])
def test_a_reply_with_everything_a_server_may_add(size: int) -> None:
    made, results = session()
    reply = (
        frames.settings_ack_frame()
        + raw(0xF0, 0xFF, 1, b"unknown")
        + raw(FrameType.PRIORITY, 0, 1, b"\0\0\0\0\x01")
        + raw(HEADERS, Flag.END_HEADERS, 1, b"\x08\x03103")
        + raw(HEADERS, Flag.PADDED | Flag.PRIORITY, 1, b"\x02ppppp" + BLOCK[:2] + b"\0\0")
        + raw(CONTINUATION, 0, 1)
        + raw(CONTINUATION, Flag.END_HEADERS, 1, BLOCK[2:])
        + raw(DATA, Flag.PADDED, 1, b"\x03ab\0\0\0")
        + raw(DATA, 0, 1)
        + raw(DATA, 0, 1, b"cd")
        + raw(HEADERS, END, 1, b"\x00\x01t\x01u")
    )

    for start in range(0, len(reply), size):
        made.receive(reply[start : start + size])

    assert results.by_index == {0: Reply(200, {"a": "b"}, b"abcd")}
    assert made.fault == ""


@pytest.mark.parametrize(
    ("wire", "code"),
    [
        (raw(DATA, 0, 0, b"x"), ErrorCode.PROTOCOL_ERROR),
        (raw(DATA, 0, 5, b"x"), ErrorCode.PROTOCOL_ERROR),
        (raw(DATA, 0, 2, b"x"), ErrorCode.PROTOCOL_ERROR),
        (raw(DATA, Flag.PADDED, 1, b"\x09x"), ErrorCode.PROTOCOL_ERROR),
        (raw(HEADERS, END, 0, OK), ErrorCode.PROTOCOL_ERROR),
        (raw(HEADERS, END, 3, OK), ErrorCode.PROTOCOL_ERROR),
        (raw(HEADERS, END, 2, OK), ErrorCode.PROTOCOL_ERROR),
        (raw(HEADERS, END, 1, b"\xff\xff\xff"), ErrorCode.COMPRESSION_ERROR),
        (raw(HEADERS, END, 1, b"\xbe"), ErrorCode.COMPRESSION_ERROR),
        (raw(HEADERS, 0, 1, OK) + frames.ping_frame(bytes(8)), ErrorCode.PROTOCOL_ERROR),
        (raw(HEADERS, 0, 1, OK) + raw(CONTINUATION, 4, 3), ErrorCode.PROTOCOL_ERROR),
        (raw(HEADERS, 0, 1) + raw(CONTINUATION, 0, 1) * 2000, ErrorCode.ENHANCE_YOUR_CALM),
        (raw(CONTINUATION, Flag.END_HEADERS, 1), ErrorCode.PROTOCOL_ERROR),
        (raw(FrameType.PRIORITY, 0, 0, bytes(5)), ErrorCode.PROTOCOL_ERROR),
        (raw(FrameType.RST_STREAM, 0, 1, b"123"), ErrorCode.FRAME_SIZE_ERROR),
        (frames.rst_stream_frame(3, 8), ErrorCode.PROTOCOL_ERROR),
        (raw(FrameType.PUSH_PROMISE, 4, 1, bytes(4) + OK), ErrorCode.PROTOCOL_ERROR),
        (raw(FrameType.PING, 0, 0, b"123"), ErrorCode.FRAME_SIZE_ERROR),
        (raw(FrameType.SETTINGS, 0, 0, b"123"), ErrorCode.FRAME_SIZE_ERROR),
        (frames.settings_frame([(2, 1)]), ErrorCode.PROTOCOL_ERROR),
        (frames.settings_frame([(4, 2**31)]), ErrorCode.FLOW_CONTROL_ERROR),
        (frames.settings_frame([(5, 16_383)]), ErrorCode.PROTOCOL_ERROR),
        (frames.settings_frame([(5, 2**24)]), ErrorCode.PROTOCOL_ERROR),
        (raw(FrameType.GOAWAY, 0, 0, b"1234567"), ErrorCode.FRAME_SIZE_ERROR),
        (frames.window_update_frame(0, 0), ErrorCode.PROTOCOL_ERROR),
        (frames.window_update_frame(0, 2**31 - 1), ErrorCode.FLOW_CONTROL_ERROR),
        (frames.window_update_frame(7, 1), ErrorCode.PROTOCOL_ERROR),
        (raw(FrameType.WINDOW_UPDATE, 0, 1, b"1"), ErrorCode.FRAME_SIZE_ERROR),
        (b"\x00\x40\x01" + bytes(6), ErrorCode.FRAME_SIZE_ERROR),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", ErrorCode.FRAME_SIZE_ERROR),
    ],
)
def test_a_broken_rule_of_the_connection_ends_it_with_its_code(wire: bytes, code: int) -> None:
    made, results = session()

    made.receive(wire)

    assert frames.parse_goaway(output(made)[-1]).code == code
    assert made.is_closed
    [lost] = results.by_index.values()
    assert isinstance(lost, Lost)
    assert not lost.is_unprocessed


@pytest.mark.parametrize(
    ("wire", "code"),
    [
        (raw(DATA, Flag.END_STREAM, 1, b"x"), ErrorCode.PROTOCOL_ERROR),
        (raw(HEADERS, END, 1, b"\x00\x01a\x01b"), ErrorCode.PROTOCOL_ERROR),
        (raw(HEADERS, END, 1, b"\x08\x03100"), ErrorCode.PROTOCOL_ERROR),
        (raw(HEADERS, Flag.END_HEADERS, 1, OK) * 2, ErrorCode.PROTOCOL_ERROR),
        (raw(FrameType.PRIORITY, 0, 1, bytes(4)), ErrorCode.FRAME_SIZE_ERROR),
        (frames.window_update_frame(1, 0), ErrorCode.PROTOCOL_ERROR),
    ],
)
def test_a_broken_rule_of_a_stream_ends_the_stream_alone(wire: bytes, code: int) -> None:
    made, results = session(requests=2)

    made.receive(wire)
    made.receive(raw(HEADERS, END, 3, OK))

    [reset] = output(made)
    assert (reset.type, frames.parse_rst_stream(reset)) == (FrameType.RST_STREAM, code)
    assert isinstance(results.by_index[0], Lost)
    assert isinstance(results.by_index[1], Reply)


def test_a_first_frame_that_is_not_settings_ends_the_connection() -> None:
    made, _ = session(hello=frames.ping_frame(bytes(8)), requests=0)

    assert made.is_closed


def test_more_data_than_granted_ends_the_connection() -> None:
    made, _ = session()
    made.receive(raw(HEADERS, Flag.END_HEADERS, 1, OK))
    reader = 16_384

    for _ in range(65_535 * 16 // reader + 1):
        made.receive(raw(DATA, Flag.PADDED, 1, b"\xff" + bytes(reader - 1)))
        made._outflow.queue.clear()
        made._receive_window._used = 0  # as if no window had been granted again

    assert made.is_closed


def test_a_window_may_become_negative_and_recover() -> None:
    made, _ = session(hello=frames.settings_frame([(4, 10)]), requests=0)
    made.start(Results(Request(b"/", b"0123456789abcdef")), [0])
    sent = output(made)

    made.receive(frames.settings_frame([(4, 3)]))
    made.receive(frames.window_update_frame(1, 7))
    nothing = [frame for frame in output(made) if frame.type == DATA]
    made.receive(frames.window_update_frame(1, 2))
    made.receive(frames.settings_frame([(4, 100)]))

    rest = [frame for frame in output(made) if frame.type == DATA]
    assert sent[-1].payload == b"0123456789"
    assert nothing == []
    assert [frame.payload for frame in rest] == [b"ab", b"cdef"]
    assert [frame.flags for frame in rest] == [0, Flag.END_STREAM]


def test_a_stream_window_that_overflows_ends_the_stream() -> None:
    made, _ = session(hello=frames.settings_frame([(4, 2**31 - 1)]), requests=0)
    results = Results(Request(b"/", bytes(70_000)))
    made.start(results, [0])
    made.take_output()

    made.receive(frames.window_update_frame(1, 70_000))

    [reset] = output(made)
    assert frames.parse_rst_stream(reset) == ErrorCode.FLOW_CONTROL_ERROR
    assert isinstance(results.by_index[0], Lost)


def test_a_reply_before_the_whole_body_ends_the_upload() -> None:
    made, results = session(hello=frames.settings_frame([(4, 1)]))

    made.receive(raw(HEADERS, END, 1, OK) + frames.rst_stream_frame(1, 0))
    made.receive(frames.settings_frame([(4, 100)]))

    assert isinstance(results.by_index[0], Reply)
    assert [frame.type for frame in output(made)] == [FrameType.RST_STREAM, FrameType.SETTINGS]


def test_late_frames_of_a_cancelled_stream_are_let_pass() -> None:
    made, results = session(requests=2)
    made.cancel(results, range(1, 5, 2), Lost(is_unprocessed=False, detail="cancelled"))
    encoder = Encoder()
    late = encoder.encode([(b":status", b"200"), (b"a", b"b")])

    made.receive(raw(HEADERS, Flag.END_HEADERS, 1, late))
    made.receive(raw(DATA, Flag.END_STREAM, 1, b"x") + frames.window_update_frame(1, 0))
    made.receive(frames.rst_stream_frame(3, 8))
    fresh = Results(Request(b"/", b""), method=b"GET")
    made.start(fresh, [0])
    made.receive(raw(HEADERS, END, 5, encoder.encode([(b":status", b"200"), (b"a", b"b")])))

    assert fresh.by_index == {0: Reply(200, {"a": "b"}, b"")}


def test_a_second_goaway_only_lowers_the_limit() -> None:
    made, results = session(requests=4)

    made.receive(frames.goaway_frame(3, 0, b"one"))
    made.receive(frames.goaway_frame(7, 0))
    made.receive(raw(HEADERS, END, 1, OK))
    made.lose("gone")

    unprocessed = {i: r.is_unprocessed for i, r in results.by_index.items() if isinstance(r, Lost)}
    assert unprocessed == {1: False, 2: True, 3: True}
    assert results.by_index[1] == Lost(is_unprocessed=False, detail="gone", goaway_debug=b"one")
    assert made.room == 0


def test_what_never_left_the_queue_is_unprocessed_and_never_leaves() -> None:
    made, results = session(requests=1)
    results.requests = [*results.requests, Request(b"/late", b"{}")]
    made.start(results, [1])

    made.receive(raw(DATA, 0, 0))

    assert [frame.type for frame in output(made)] == [FrameType.GOAWAY]
    assert results.by_index[0].is_unprocessed is False  # type: ignore[union-attr]
    assert results.by_index[1].is_unprocessed is True  # type: ignore[union-attr]


def test_a_closed_session_takes_nothing_more() -> None:
    made, _ = session()
    made.close()
    made.take_output()

    made.receive(frames.ping_frame(bytes(8)))
    made.close()

    assert not made.has_output


frame_like = st.builds(
    raw,
    st.integers(0, 10),
    st.integers(0, 255),
    st.sampled_from([0, 1, 2, 3, 5, 7, 2**31 - 1]),
    st.one_of(
        st.binary(max_size=20),
        st.sampled_from([OK, BLOCK, bytes(4), b"\0\0\0\x01", b"\0\x04\x7f\xff\xff\xff"]),
    ),
)


@given(st.lists(st.one_of(frame_like, st.binary(max_size=30)), max_size=12), st.booleans())
def test_no_bytes_raise_and_every_request_has_one_result(wire: list[bytes], acked: bool) -> None:
    made, results = session(requests=5)
    if acked:
        # From here on replies take the short way.
        made.receive(frames.settings_ack_frame() + raw(HEADERS, END, 9, OK))

    for piece in wire:
        made.receive(piece)
    made.lose("the end")

    assert sorted(results.by_index) == [0, 1, 2, 3, 4]
    for result in results.by_index.values():
        assert isinstance(result, Lost) or 200 <= result.status < 1000
