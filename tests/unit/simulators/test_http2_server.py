import asyncio

import h2.errors
import h2.events
import h2.settings
import pytest
from tests.unit.simulators.wire import (
    HEADERS,
    BareClient,
    H2Client,
    ScriptedFake,
    of_type,
    rst_codes,
)

from heliograph.outbound.http2 import frames
from heliograph.outbound.http2.frames import ErrorCode, Flag, FrameType, Setting
from heliograph.simulators.exchange import Answer, Drop, Reset, Silence

pytestmark = pytest.mark.anyio

BODY = b'{"aps":{}}'


async def test_a_request_reaches_the_fake_and_its_answer_the_client():
    fake = ScriptedFake(Answer(410, ((b"apns-id", b"x"),), b'{"reason":"Unregistered"}'))
    client = H2Client(fake)

    stream_id = client.request(BODY, headers=[("apns-topic", "com.example.demo")])
    events = client.exchange()

    (request,) = fake.requests
    (head,) = of_type(events, h2.events.ResponseReceived)
    (data,) = of_type(events, h2.events.DataReceived)
    assert (request.method, request.path, request.body) == (b"POST", b"/3/device/ab", BODY)
    assert request.headers == {b"apns-topic": b"com.example.demo"}
    assert head.headers == [(":status", "410"), ("apns-id", "x")]
    assert data.data == b'{"reason":"Unregistered"}'
    assert of_type(events, h2.events.StreamEnded)[0].stream_id == stream_id


@pytest.mark.parametrize("status", [200, 204, 400, 403, 404, 429, 500, 503])
async def test_every_status_is_spelled(status):
    client = H2Client(ScriptedFake(Answer(status, ((b"x", b"v" * 300),))))

    client.request()
    (head,) = of_type(client.exchange(), h2.events.ResponseReceived)

    assert head.headers == [(":status", str(status)), ("x", "v" * 300)]


async def test_all_answers_to_one_chunk_leave_in_one_write():
    client = BareClient(ScriptedFake())

    client.send(*[client.request(number, body=BODY) for number in range(1, 61, 2)])

    assert len(client.wire.writes) == 1
    assert len([f for f in client.wire.take_frames() if f.type == FrameType.HEADERS]) == 30


async def test_a_connection_that_brings_much_leaves_the_others_their_turns():
    fake = ScriptedFake()
    busy, other = BareClient(fake), BareClient(fake)

    busy.send(*[busy.request(number, body=BODY) for number in range(1, 401, 2)])
    busy.send(busy.request(401, body=BODY))
    other.send(other.request(1, body=BODY))
    answered_first = len(fake.requests)
    for _ in range(20):
        await asyncio.sleep(0)

    assert answered_first < 100
    assert len([f for f in other.wire.take_frames() if f.type == FrameType.HEADERS]) == 1
    answered = [f.stream_id for f in busy.wire.take_frames() if f.type == FrameType.HEADERS]
    assert answered == list(range(1, 402, 2))


async def test_the_stream_limit_follows_the_session():
    fake = ScriptedFake(max_streams=1)
    client = H2Client(fake)
    client.exchange()
    before = client.h2.remote_settings.max_concurrent_streams

    fake.max_streams = 1000
    client.request()
    client.exchange()

    assert (before, client.h2.remote_settings.max_concurrent_streams) == (1, 1000)


async def test_streams_above_the_limit_are_refused_once_the_client_can_know():
    client = BareClient(ScriptedFake(*[Silence()] * 3, max_streams=1))

    replies = client.answers(*[client.request(number) for number in (1, 3, 5)])

    refused = ErrorCode.REFUSED_STREAM
    assert rst_codes(replies) == [(3, refused), (5, refused)]


async def test_streams_are_not_refused_before_the_client_can_know():
    fake = ScriptedFake(*[Silence()] * 3, max_streams=1)
    client = BareClient.__new__(BareClient)
    wire_only = H2Client(fake)
    client.wire, client.encoder = wire_only.wire, BareClient(ScriptedFake()).encoder

    client.send(frames.PREFACE, frames.settings_frame(()), client.request(1), client.request(3))

    assert len(fake.requests) == 2


async def test_a_finished_stream_makes_room():
    client = BareClient(ScriptedFake(max_streams=1))

    replies = client.answers(*[client.request(number) for number in (1, 3, 5)])

    assert [frame.type for frame in replies] == [FrameType.HEADERS] * 3


async def test_a_long_body_passes_the_windows():
    fake = ScriptedFake()
    client = H2Client(fake)
    client.exchange()
    stream_id = client.h2.get_next_available_stream_id()
    client.h2.send_headers(stream_id, HEADERS)

    left = 300_000
    while left:
        room = min(left, client.h2.local_flow_control_window(stream_id), 16_384)
        assert room, "the server gives no credit"
        left -= room
        client.h2.send_data(stream_id, b"x" * room, end_stream=not left)
        events = client.exchange()

    assert of_type(events, h2.events.ResponseReceived)
    assert 65_536 <= len(fake.requests[0].body) < 300_000


async def test_a_reply_waits_for_the_clients_windows():
    client = BareClient(
        ScriptedFake(Answer(400, (), b"x" * 30)),
        settings=[(Setting.INITIAL_WINDOW_SIZE, 0)],
    )

    first = client.answers(client.request(1))
    second = client.answers(frames.window_update_frame(1, 10))
    third = client.answers(frames.settings_frame([(Setting.INITIAL_WINDOW_SIZE, 20)]))

    assert [frame.type for frame in first] == [FrameType.HEADERS]
    assert [(f.type, len(f.payload), f.flags) for f in second] == [(FrameType.DATA, 10, 0)]
    assert (third[-1].type, len(third[-1].payload)) == (FrameType.DATA, 20)
    assert third[-1].flags & Flag.END_STREAM


async def test_replies_share_the_connections_window():
    client = BareClient(
        ScriptedFake(*[Answer(400, (), b"x" * 40_000)] * 2),
        settings=[(Setting.INITIAL_WINDOW_SIZE, 100_000), (Setting.MAX_FRAME_SIZE, 100_000)],
    )

    def sizes(replies):
        return [(f.stream_id, len(f.payload)) for f in replies if f.type == FrameType.DATA]

    first = sizes(client.answers(client.request(1), client.request(3)))
    second = sizes(client.answers(frames.window_update_frame(0, 20_000)))

    assert first == [(1, 40_000), (3, 25_535)]
    assert second == [(3, 14_465)]


async def test_a_shrunken_header_table_is_acknowledged_in_the_next_block():
    client = H2Client(ScriptedFake())
    client.exchange()
    client.h2.update_settings({h2.settings.SettingCodes.HEADER_TABLE_SIZE: 0})
    client.exchange()

    for _ in range(2):
        client.request()

        assert of_type(client.exchange(), h2.events.ResponseReceived)


async def test_a_padded_and_split_request_is_whole():
    fake = ScriptedFake()
    client = BareClient(fake)
    block = client.block(("apns-topic", "com.example.demo"))
    padded_head = b"\x03" + bytes(5) + block[:4] + bytes(3)
    first = Flag.PADDED | Flag.PRIORITY
    last = Flag.PADDED | Flag.END_STREAM

    replies = client.answers(
        frames.pack_frame(FrameType.HEADERS, first, 1, padded_head),
        frames.pack_frame(FrameType.CONTINUATION, 0, 1, block[4:10]),
        frames.pack_frame(FrameType.CONTINUATION, Flag.END_HEADERS, 1, block[10:]),
        frames.pack_frame(FrameType.DATA, last, 1, b"\x04" + BODY + bytes(4)),
    )

    assert fake.requests[0].body == BODY
    assert [frame.type for frame in replies] == [FrameType.HEADERS]


async def test_trailers_end_a_request():
    fake = ScriptedFake()
    client = BareClient(fake)

    client.send(
        frames.header_frames(1, client.block()),
        frames.data_frame(1, BODY),
        frames.header_frames(1, client.block(("x", "y"), fields=()), end_stream=True),
    )

    assert fake.requests[0].body == BODY


async def test_input_may_be_cut_anywhere():
    whole = ScriptedFake()
    client = BareClient(whole)
    sent = client.request(1, body=BODY) + client.request(3, body=BODY)
    pieces = BareClient(ScriptedFake())

    for position in range(len(sent)):
        pieces.send(sent[position : position + 1])

    assert pieces.wire.take_frames() == client.answers(sent)


async def test_the_preface_may_be_cut_anywhere():
    wire = H2Client(ScriptedFake()).wire
    wire.take_frames()
    greeting = frames.PREFACE + frames.settings_frame(())

    for position in range(len(greeting)):
        wire.server.data_received(greeting[position : position + 1])

    assert wire.take_frames() == [frames.Frame(FrameType.SETTINGS, Flag.ACK, 0, b"")]


async def test_a_ping_is_answered_and_unknown_frames_are_skipped():
    client = BareClient(ScriptedFake())

    replies = client.answers(
        frames.pack_frame(0xFA, 0xFF, 7, b"grease"),
        frames.ping_frame(b"12345678"),
        frames.ping_frame(b"87654321", ack=True),
        frames.pack_frame(FrameType.PRIORITY, 0, 1, bytes(5)),
    )

    assert replies == [frames.Frame(FrameType.PING, Flag.ACK, 0, b"12345678")]


async def test_a_delayed_answer_comes_later_and_others_overtake_it():
    client = BareClient(ScriptedFake(Answer(200, delay_ms=1)))

    early = client.answers(client.request(1), client.request(3))
    await asyncio.sleep(0.01)
    late = client.wire.take_frames()

    assert [frame.stream_id for frame in early] == [3]
    assert [frame.stream_id for frame in late] == [1]


async def test_a_lost_connection_forgets_its_delayed_answers():
    client = BareClient(ScriptedFake(Answer(200, delay_ms=1)))
    client.send(client.request(1))

    client.wire.server.connection_lost(None)
    await asyncio.sleep(0.01)

    assert client.wire.take_frames() == []
    assert client.wire.gone == [client.wire.server]


async def test_a_canceled_request_is_not_answered():
    client = BareClient(ScriptedFake(Answer(200, delay_ms=1)))

    client.send(client.request(1), frames.rst_stream_frame(1, ErrorCode.CANCEL))
    await asyncio.sleep(0.01)

    assert client.wire.take_frames() == []


async def test_a_reset_is_sent_and_late_frames_of_its_stream_are_ignored():
    client = BareClient(ScriptedFake(Reset(ErrorCode.INTERNAL_ERROR)))

    replies = client.answers(client.request(1), client.request(3))
    after = client.answers(frames.window_update_frame(1, 5))

    assert rst_codes(replies) == [(1, ErrorCode.INTERNAL_ERROR)]
    assert (replies[-1].stream_id, replies[-1].type) == (3, FrameType.HEADERS)
    assert after == []


async def test_a_hung_request_stays_open():
    client = BareClient(ScriptedFake(Silence()))

    assert client.answers(client.request(1)) == []
    assert client.wire.server._streams.keys() == {1}


async def test_a_drop_cuts_the_connection_after_what_was_answered():
    client = BareClient(ScriptedFake(Answer(200), Drop()))

    replies = client.answers(*[client.request(number) for number in (1, 3, 5)])

    assert [frame.stream_id for frame in replies] == [1]
    assert client.wire.is_aborted


async def test_a_goodbye_closes_an_idle_connection():
    client = BareClient(ScriptedFake())

    client.send(frames.goaway_frame(0, ErrorCode.NO_ERROR))

    assert client.wire.is_closed


async def test_stopping_says_goodbye():
    client = BareClient(ScriptedFake())
    client.send(client.request(1))
    client.wire.take_frames()

    client.wire.server.leave()

    (goodbye,) = client.wire.take_frames()
    assert frames.parse_goaway(goodbye).last_stream_id == 1
    assert client.wire.is_closed


async def test_a_client_that_does_not_read_is_not_read():
    client = BareClient(ScriptedFake())

    client.wire.server.pause_writing()
    paused = client.wire.is_paused
    client.wire.server.resume_writing()

    assert (paused, client.wire.is_paused) == (True, False)


async def test_late_frames_of_a_refused_stream_are_ignored():
    client = BareClient(ScriptedFake(Silence(), max_streams=1))

    client.send(client.request(1), frames.header_frames(3, client.block()))
    client.wire.take_frames()
    replies = client.answers(
        frames.data_frame(3, BODY),
        frames.header_frames(3, client.block(("x", "y"), fields=()), end_stream=True),
        frames.rst_stream_frame(3, ErrorCode.CANCEL),
    )

    assert replies == []


async def test_a_goodbye_waits_for_requests_under_way():
    client = BareClient(ScriptedFake(Answer(200, delay_ms=1)))

    client.send(client.request(1), frames.goaway_frame(0, ErrorCode.NO_ERROR))
    is_closed = client.wire.is_closed
    await asyncio.sleep(0.01)

    assert not is_closed
    assert [frame.stream_id for frame in client.wire.take_frames()] == [1]
