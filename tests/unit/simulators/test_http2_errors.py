import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.conftest import examples
from tests.unit.simulators.wire import BareClient, H2Client, ScriptedFake, rst_codes

from heliograph.outbound.http2 import frames
from heliograph.outbound.http2.frames import ErrorCode, Flag, FrameType, Setting
from heliograph.simulators.exchange import Answer, Silence

pytestmark = pytest.mark.anyio

BODY = b'{"aps":{}}'


def goaway_code(replies):
    (said,) = [frames.parse_goaway(frame) for frame in replies if frame.type == FrameType.GOAWAY]
    return said.code


def headers(stream_id, block=b"", flags=Flag.END_HEADERS):
    return frames.pack_frame(FrameType.HEADERS, flags, stream_id, block)


@pytest.mark.parametrize(
    ("broken", "code"),
    [
        (headers(0), ErrorCode.PROTOCOL_ERROR),
        (headers(2), ErrorCode.PROTOCOL_ERROR),
        (headers(1, b"\xff\xff\xff"), ErrorCode.COMPRESSION_ERROR),
        (headers(1, b"\x09", Flag.END_HEADERS | Flag.PADDED), ErrorCode.PROTOCOL_ERROR),
        (headers(1, flags=0) + headers(1), ErrorCode.PROTOCOL_ERROR),
        (headers(1, flags=0) + frames.ping_frame(bytes(8)), ErrorCode.PROTOCOL_ERROR),
        (frames.pack_frame(FrameType.CONTINUATION, 4, 1), ErrorCode.PROTOCOL_ERROR),
        (
            headers(1, flags=0) + frames.pack_frame(FrameType.CONTINUATION, 0, 1) * 3000,
            ErrorCode.ENHANCE_YOUR_CALM,
        ),
        (frames.data_frame(0, b"x"), ErrorCode.PROTOCOL_ERROR),
        (frames.data_frame(1, b"x"), ErrorCode.PROTOCOL_ERROR),
        (frames.rst_stream_frame(0, 8), ErrorCode.PROTOCOL_ERROR),
        (frames.rst_stream_frame(1, 8), ErrorCode.PROTOCOL_ERROR),
        (frames.pack_frame(FrameType.RST_STREAM, 0, 1, b"x"), ErrorCode.FRAME_SIZE_ERROR),
        (frames.pack_frame(FrameType.PRIORITY, 0, 0, bytes(5)), ErrorCode.PROTOCOL_ERROR),
        (frames.pack_frame(FrameType.PUSH_PROMISE, 4, 1, bytes(4)), ErrorCode.PROTOCOL_ERROR),
        (frames.pack_frame(FrameType.PING, 0, 0, b"x"), ErrorCode.FRAME_SIZE_ERROR),
        (frames.pack_frame(FrameType.GOAWAY, 0, 1, bytes(8)), ErrorCode.PROTOCOL_ERROR),
        (frames.pack_frame(FrameType.SETTINGS, 0, 0, b"x"), ErrorCode.FRAME_SIZE_ERROR),
        (frames.settings_frame([(Setting.ENABLE_PUSH, 2)]), ErrorCode.PROTOCOL_ERROR),
        (frames.settings_frame([(Setting.MAX_FRAME_SIZE, 1)]), ErrorCode.PROTOCOL_ERROR),
        (
            frames.settings_frame([(Setting.INITIAL_WINDOW_SIZE, 2**31)]),
            ErrorCode.FLOW_CONTROL_ERROR,
        ),
        (frames.window_update_frame(0, 0), ErrorCode.PROTOCOL_ERROR),
        (frames.window_update_frame(1, 5), ErrorCode.PROTOCOL_ERROR),
        (frames.window_update_frame(0, 2**31 - 1), ErrorCode.FLOW_CONTROL_ERROR),
        (frames.pack_frame(FrameType.DATA, 0, 1, bytes(16_385)), ErrorCode.FRAME_SIZE_ERROR),
    ],
)
async def test_a_broken_connection_gets_a_goaway(broken, code):
    client = BareClient(ScriptedFake())

    replies = client.answers(broken)
    for _ in range(len(broken) // 500):
        # Long input is taken in several turns of the loop.
        await asyncio.sleep(0)
    replies += client.wire.take_frames()
    after = client.answers(frames.ping_frame(bytes(8)))

    assert goaway_code(replies) == code
    assert after == []


async def test_the_first_frame_must_be_settings():
    wire = H2Client(ScriptedFake()).wire
    wire.take_frames()

    wire.server.data_received(frames.PREFACE + frames.ping_frame(bytes(8)))

    assert goaway_code(wire.take_frames()) == ErrorCode.PROTOCOL_ERROR


async def test_another_protocol_is_refused():
    wire = H2Client(ScriptedFake()).wire
    wire.take_frames()

    wire.server.data_received(b"GET / HTTP/1.1\r\n")

    assert goaway_code(wire.take_frames()) == ErrorCode.PROTOCOL_ERROR


async def test_a_closed_stream_cannot_be_opened_again():
    client = BareClient(ScriptedFake())

    replies = client.answers(client.request(3), client.request(1))

    assert goaway_code(replies) == ErrorCode.STREAM_CLOSED


async def test_the_connections_window_is_kept():
    client = BareClient(ScriptedFake())
    streams = [frames.header_frames(number, client.block()) for number in (1, 3, 5)]
    data = [frames.data_frame(n, bytes(16_000)) * 2 for n in (1, 3)]

    replies = client.answers(*streams, *data, frames.data_frame(5, bytes(2_000)))

    assert goaway_code(replies) == ErrorCode.FLOW_CONTROL_ERROR


@pytest.mark.parametrize(
    ("after_head", "code"),
    [
        (frames.window_update_frame(1, 0), ErrorCode.PROTOCOL_ERROR),
        (frames.window_update_frame(1, 2**31 - 1), ErrorCode.FLOW_CONTROL_ERROR),
        (frames.pack_frame(FrameType.PRIORITY, 0, 1, b"x"), ErrorCode.FRAME_SIZE_ERROR),
        (headers(1), ErrorCode.PROTOCOL_ERROR),
    ],
)
async def test_a_broken_stream_is_reset_alone(after_head, code):
    client = BareClient(ScriptedFake())

    replies = client.answers(frames.header_frames(1, client.block()), after_head, client.request(3))

    assert rst_codes(replies) == [(1, code)]
    assert (replies[-1].type, replies[-1].stream_id) == (FrameType.HEADERS, 3)


async def test_data_after_the_end_resets_the_stream():
    client = BareClient(ScriptedFake(Silence(), Answer(200)))

    replies = client.answers(
        client.request(1),
        frames.data_frame(1, b"x"),
        client.request(3),
        frames.data_frame(3, b"x"),
    )

    closed = ErrorCode.STREAM_CLOSED
    assert rst_codes(replies) == [(1, closed), (3, closed)]


async def test_headers_after_the_end_reset_the_stream():
    client = BareClient(ScriptedFake(Silence()))

    replies = client.answers(client.request(1), client.request(1))

    assert rst_codes(replies) == [(1, ErrorCode.STREAM_CLOSED)]


@pytest.mark.parametrize(
    "extra", [("content-length", "5"), ("content-length", "x"), ("connection", "close")]
)
async def test_a_malformed_request_resets_its_stream(extra):
    fake = ScriptedFake()
    client = BareClient(fake)

    replies = client.answers(client.request(1, extra, body=BODY))

    assert rst_codes(replies) == [(1, ErrorCode.PROTOCOL_ERROR)]
    assert fake.requests == []


async def test_a_right_content_length_is_right():
    fake = ScriptedFake()
    client = BareClient(fake)

    client.send(client.request(1, ("content-length", str(len(BODY))), body=BODY))

    assert fake.requests[0].body == BODY


@settings(deadline=None, max_examples=examples(200))
@given(noise=st.binary(max_size=80), cut=st.integers(0, 100))
async def test_no_noise_breaks_the_server(noise, cut):
    client = BareClient(ScriptedFake())
    sent = client.request(1, body=BODY)

    client.send(sent[:cut] + noise)
    client.send(noise)

    for frame in client.wire.take_frames():
        assert frame.type in set(FrameType)


async def test_a_delayed_answer_to_a_broken_connection_is_dropped():
    client = BareClient(ScriptedFake(Answer(200, delay_ms=1)))

    replies = client.answers(client.request(1), frames.data_frame(0, b"x"))
    await asyncio.sleep(0.01)

    assert goaway_code(replies) == ErrorCode.PROTOCOL_ERROR
    assert client.wire.take_frames() == []


async def test_the_window_of_one_stream_is_kept():
    client = BareClient(ScriptedFake())
    client.send(frames.header_frames(1, client.block()))
    client.wire.server._streams[1].receivable = 10

    assert rst_codes(client.answers(frames.data_frame(1, bytes(11)))) == [
        (1, ErrorCode.FLOW_CONTROL_ERROR)
    ]


async def test_remembered_resets_are_bounded():
    client = BareClient(ScriptedFake(max_streams=0))

    client.send(*[frames.header_frames(number, b"\x82") for number in range(1, 24_001, 2)])

    assert 0 < len(client.wire.server._abandoned) <= 10_000
