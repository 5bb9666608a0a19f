import h2.errors
import h2.events
import pytest
from tests.unit.simulators.wire import BareClient, H2Client, ScriptedFake, of_type, rst_codes

from heliograph.outbound.http2 import frames
from heliograph.outbound.http2.frames import ErrorCode, FrameType
from heliograph.simulators.exchange import Answer, Farewell

pytestmark = pytest.mark.anyio

BODY = b'{"aps":{}}'


async def test_goaway_refuses_this_request_and_those_above_it():
    fake = ScriptedFake(Answer(200), Farewell(None, b'{"reason":"Shutdown"}'))
    client = H2Client(fake)
    for _ in range(3):
        client.request()

    events = client.exchange()

    (goodbye,) = of_type(events, h2.events.ConnectionTerminated)
    assert (goodbye.last_stream_id, goodbye.error_code) == (1, h2.errors.ErrorCodes.NO_ERROR)
    assert goodbye.additional_data == b'{"reason":"Shutdown"}'
    assert [event.stream_id for event in of_type(events, h2.events.StreamEnded)] == [1]
    assert len(fake.requests) == 2


async def test_goaway_after_an_answer_counts_the_request_as_processed():
    fake = ScriptedFake(Answer(200), Farewell(Answer(200), b""))
    client = H2Client(fake)
    for _ in range(3):
        client.request()

    events = client.exchange()

    (goodbye,) = of_type(events, h2.events.ConnectionTerminated)
    assert goodbye.last_stream_id == 3
    assert [event.stream_id for event in of_type(events, h2.events.StreamEnded)] == [1, 3]


async def test_goaway_lets_older_requests_finish():
    client = BareClient(ScriptedFake(Farewell(None, b"")))

    first = client.answers(frames.header_frames(1, client.block()), client.request(3))
    second = client.answers(frames.data_frame(1, BODY, end_stream=True))

    assert [frame.type for frame in first] == [FrameType.GOAWAY]
    assert frames.parse_goaway(first[0]).last_stream_id == 1
    assert [(frame.type, frame.stream_id) for frame in second] == [(FrameType.HEADERS, 1)]


async def test_goaway_never_disowns_a_processed_request():
    client = BareClient(ScriptedFake(Answer(200), Farewell(None, b"")))
    older_body = frames.data_frame(1, BODY, end_stream=True)

    client.send(frames.header_frames(1, client.block()), client.request(3))
    replies = client.answers(older_body)

    assert rst_codes(replies) == [(1, ErrorCode.REFUSED_STREAM)]
    assert frames.parse_goaway(replies[-1]).last_stream_id == 3


async def test_one_goaway_is_enough():
    fake = ScriptedFake(Farewell(None, b""), Farewell(None, b""))
    client = BareClient(fake)

    client.answers(frames.header_frames(1, client.block()), client.request(3))
    replies = client.answers(frames.data_frame(1, BODY, end_stream=True))

    assert rst_codes(replies) == [(1, ErrorCode.REFUSED_STREAM)]
    assert [f.type for f in replies] == [FrameType.RST_STREAM]


async def test_frames_above_goaway_are_read_but_not_answered():
    fake = ScriptedFake(Farewell(None, b""))
    client = BareClient(fake)

    client.send(client.request(1))
    client.wire.take_frames()
    replies = client.answers(client.request(3, ("a-name", "a-value"), body=BODY))

    assert replies == []
    assert len(fake.requests) == 1
