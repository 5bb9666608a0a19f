import pytest
from hypothesis import given
from hypothesis import strategies as st

from heliograph.outbound.http2 import frames
from heliograph.outbound.http2.frames import (
    ErrorCode,
    Flag,
    Frame,
    FrameReader,
    FrameType,
    ProtocolError,
)

any_frame = st.builds(
    Frame,
    type=st.integers(0, 255),
    flags=st.integers(0, 255),
    stream_id=st.integers(0, 2**31 - 1),
    payload=st.binary(max_size=40),
)


@given(st.lists(any_frame, max_size=8), st.data())
def test_frames_survive_being_cut_anywhere(sent: list[Frame], data: st.DataObject) -> None:
    wire = b"".join(frames.pack_frame(*frame) for frame in sent)
    reader = FrameReader()

    received: list[Frame] = []
    while wire:
        size = data.draw(st.integers(1, len(wire)))
        received += reader.feed(wire[:size])
        wire = wire[size:]

    assert received == sent


def test_frames_survive_single_bytes() -> None:
    wire = frames.ping_frame(b"12345678") + frames.data_frame(1, b"x" * 300, end_stream=True)
    reader = FrameReader()

    received = [frame for byte in wire for frame in reader.feed(bytes([byte]))]

    assert [frame.type for frame in received] == [FrameType.PING, FrameType.DATA]


def test_the_reserved_bit_of_a_stream_id_is_ignored() -> None:
    wire = b"\0\0\0\0\0" + (1 << 31 | 5).to_bytes(4, "big")

    assert [frame.stream_id for frame in FrameReader().feed(wire)] == [5]


def test_an_oversized_frame_is_refused_before_its_payload_comes() -> None:
    reader = FrameReader()
    wire = frames.settings_ack_frame() + (16_385).to_bytes(3, "big") + b"\0" * 6
    received = reader.feed(wire)

    assert next(received).type == FrameType.SETTINGS
    with pytest.raises(ProtocolError) as caught:
        next(received)
    assert caught.value.code == ErrorCode.FRAME_SIZE_ERROR


@given(st.binary(min_size=0, max_size=200), st.integers(20, 60), st.booleans())
def test_a_long_header_block_is_continued(block: bytes, size: int, ends: bool) -> None:
    wire = frames.header_frames(7, block, end_stream=ends, max_frame_size=size)

    received = list(FrameReader().feed(wire))

    assert b"".join(frame.payload for frame in received) == block
    assert [f.type for f in received[1:]] == [FrameType.CONTINUATION] * (len(received) - 1)
    assert [bool(f.flags & Flag.END_HEADERS) for f in received] == [
        *[False] * (len(received) - 1),
        True,
    ]
    assert bool(received[0].flags & Flag.END_STREAM) == ends
    assert all(len(frame.payload) <= size for frame in received)


@given(st.binary(max_size=50), st.integers(0, 255))
def test_padding_is_taken_off(content: bytes, padding: int) -> None:
    payload = bytes([padding]) + content + bytes(padding)

    assert frames.unpadded(Frame(FrameType.DATA, Flag.PADDED, 1, payload)) == content


def test_priority_is_taken_off_headers_only() -> None:
    flags = Flag.PRIORITY | Flag.PADDED

    assert frames.unpadded(Frame(FrameType.HEADERS, flags, 1, b"\x02pppppBLOCK..")) == b"BLOCK"
    assert frames.unpadded(Frame(FrameType.DATA, Flag.PRIORITY, 1, b"pppppDATA")) == b"pppppDATA"


def test_what_is_built_can_be_parsed() -> None:
    settings = [(1, 0), (4, 2**31 - 1), (0xFFFF, 2**32 - 1)]
    wire = (
        frames.settings_frame(settings)
        + frames.ping_frame(b"abcdefgh", ack=True)
        + frames.goaway_frame(2**31 - 1, 8, b"why")
        + frames.rst_stream_frame(3, 0xFFFF)
        + frames.window_update_frame(3, 5)
    )

    first, ping, goaway, reset, window = FrameReader().feed(wire)

    assert frames.parse_settings(first) == settings
    assert frames.parse_ping(ping) == b"abcdefgh"
    assert ping.flags == Flag.ACK
    assert frames.parse_goaway(goaway) == (2**31 - 1, 8, b"why")
    assert frames.parse_rst_stream(reset) == 0xFFFF
    assert frames.parse_window_update(window) == 5


@pytest.mark.parametrize(
    ("parse", "frame", "code"),
    [
        (frames.parse_settings, Frame(4, 0, 0, b"12345"), ErrorCode.FRAME_SIZE_ERROR),
        (frames.parse_settings, Frame(4, 1, 0, b"123456"), ErrorCode.FRAME_SIZE_ERROR),
        (frames.parse_settings, Frame(4, 0, 1, b""), ErrorCode.PROTOCOL_ERROR),
        (frames.parse_ping, Frame(6, 0, 0, b"1234567"), ErrorCode.FRAME_SIZE_ERROR),
        (frames.parse_ping, Frame(6, 0, 1, b"12345678"), ErrorCode.PROTOCOL_ERROR),
        (frames.parse_goaway, Frame(7, 0, 0, b"1234567"), ErrorCode.FRAME_SIZE_ERROR),
        (frames.parse_goaway, Frame(7, 0, 1, b"12345678"), ErrorCode.PROTOCOL_ERROR),
        (frames.parse_rst_stream, Frame(3, 0, 1, b"12345"), ErrorCode.FRAME_SIZE_ERROR),
        (frames.parse_rst_stream, Frame(3, 0, 0, b"1234"), ErrorCode.PROTOCOL_ERROR),
        (frames.parse_window_update, Frame(8, 0, 1, b"123"), ErrorCode.FRAME_SIZE_ERROR),
        (frames.unpadded, Frame(0, 8, 1, b""), ErrorCode.FRAME_SIZE_ERROR),
        (frames.unpadded, Frame(0, 8, 1, b"\x03ab"), ErrorCode.PROTOCOL_ERROR),
        (frames.unpadded, Frame(1, 32, 1, b"ab"), ErrorCode.PROTOCOL_ERROR),
    ],
)
def test_a_broken_frame_names_the_code_of_the_rfc(
    parse: object, frame: Frame, code: ErrorCode
) -> None:
    with pytest.raises(ProtocolError) as caught:
        parse(frame)  # type: ignore[operator]

    assert caught.value.code == code


def test_error_codes_have_names_and_unknown_ones_numbers() -> None:
    assert frames.error_name(7) == "REFUSED_STREAM"
    assert frames.error_name(77) == "code 77"
