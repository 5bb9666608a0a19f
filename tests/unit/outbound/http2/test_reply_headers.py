from contextlib import suppress

import pytest
from hpack import Encoder
from hypothesis import given
from hypothesis import strategies as st

from heliograph.outbound.http2.frames import ErrorCode, ProtocolError
from heliograph.outbound.http2.messages import Reply
from heliograph.outbound.http2.reply_headers import HeaderDecoder, status_of


def test_before_the_acknowledgement_blocks_build_on_each_other() -> None:
    encoder, decoder = Encoder(), HeaderDecoder()
    fields = [(b":status", b"200"), (b"apns-id", b"abc")]
    first, second = encoder.encode(fields), encoder.encode(fields)

    decoder.skip(first)
    status, headers = decoder.read(second)

    assert (status, headers["apns-id"]) == (200, "abc")


def test_after_it_the_fields_are_decoded_when_read() -> None:
    decoder = HeaderDecoder()
    decoder.forget_table()
    decoder.skip(b"\xff garbage that nobody reads")

    status, headers = decoder.read(b"\x88\x00\x01a\x01b\x00\x01a\x01c")
    reply = Reply(status, headers, b"")

    assert reply.status == 200
    assert reply.headers == {"a": "b, c"}
    assert repr(reply) == "Reply(200, {'a': 'b, c'}, b'')"


def test_after_it_a_table_entry_cannot_be_named() -> None:
    encoder, decoder = Encoder(), HeaderDecoder()
    fields = [(b":status", b"410"), (b"apns-id", b"abc")]
    decoder.read(encoder.encode(fields))
    decoder.forget_table()

    with pytest.raises(ProtocolError) as caught:
        decoder.read(encoder.encode(fields))

    assert caught.value.code == ErrorCode.COMPRESSION_ERROR


@given(
    status=st.integers(100, 999),
    is_packed=st.booleans(),
    table_size=st.sampled_from([0, 4096]),
    others=st.lists(st.tuples(st.binary(min_size=1), st.binary()), max_size=3),
)
def test_a_status_is_read_without_its_fields(
    status: int, is_packed: bool, table_size: int, others: list[tuple[bytes, bytes]]
) -> None:
    encoder = Encoder()
    encoder.header_table_size = table_size
    fields = [(b":status", b"%d" % status), *others]
    block = encoder.encode(fields, huffman=is_packed)

    # Only the block that announces the table's new size does not start with the status.
    assert status_of(block) == (status if table_size else 0)
    assert status_of(encoder.encode(fields, huffman=is_packed)) == (
        status if status in {200, 204, 206, 304, 400, 404, 500} or not table_size else 0
    )


@pytest.mark.parametrize(
    "block", [b"", b"\x08", b"\x08\x03", b"\x08\x0320", b"\x08\x7f1", b"\xbe", b"\x20\x88", b"\x00"]
)
def test_a_block_that_does_not_start_with_a_status_tells_none(block: bytes) -> None:
    assert status_of(block) == 0


def test_unreadable_fields_are_none_and_raise_nothing() -> None:
    decoder = HeaderDecoder()
    decoder.forget_table()

    reply = Reply(*decoder.read(b"\x88\x40\xff"), b"")

    assert (reply.status, reply.headers) == (200, {})


@pytest.mark.parametrize("status", [b"", b"20", b"2x0", b"-20", b"2000"])
def test_a_block_without_a_usable_status_reads_as_0(status: bytes) -> None:
    assert HeaderDecoder().read(Encoder().encode([(b":status", status)]))[0] == 0


@given(st.binary(max_size=60), st.booleans())
def test_garbage_is_a_protocol_error_or_fields(block: bytes, acknowledged: bool) -> None:
    decoder = HeaderDecoder()
    if acknowledged:
        decoder.forget_table()

    with suppress(ProtocolError):
        status, headers = decoder.read(block)
        dict(Reply(status, headers, b"").headers)
