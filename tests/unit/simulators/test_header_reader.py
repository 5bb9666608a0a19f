import pytest
from hpack import Decoder, Encoder
from hpack.struct import NeverIndexedHeaderTuple
from hypothesis import given, settings
from hypothesis import strategies as st

from heliograph.outbound.http2.frames import ErrorCode, ProtocolError
from heliograph.simulators.header_reader import HeaderReader, check_request

PSEUDO = [(b":method", b"POST"), (b":scheme", b"https"), (b":path", b"/3/device/ab")]

names = st.sampled_from([b":path", b"apns-id", b"content-type", b"x-long-name-" + b"n" * 200])
values = st.one_of(st.binary(max_size=40), st.just(b"v" * 300))
blocks = st.lists(st.lists(st.tuples(names, values), max_size=8), min_size=1, max_size=4)


@settings(deadline=None)
@given(blocks, st.booleans(), st.booleans())
def test_every_block_of_the_reference_encoder_is_read(sent, huffman, never_indexed):
    encoder, reader = Encoder(), HeaderReader()

    for fields in sent:
        coded = [NeverIndexedHeaderTuple(*field) for field in fields] if never_indexed else fields
        assert reader.read(encoder.encode(coded, huffman=huffman)) == fields


@settings(deadline=None)
@given(st.lists(st.binary(max_size=60), max_size=4))
def test_any_bytes_are_read_as_the_reference_reads_them(sent):
    reader, reference = HeaderReader(), Decoder()

    for block in sent:
        try:
            expected = [tuple(field) for field in reference.decode(block, raw=True)]
        except Exception:  # noqa: BLE001 - whatever the reference minds, we must mind
            with pytest.raises(ProtocolError):
                reader.read(block)
            return
        assert reader.read(block) == expected


def test_a_full_table_is_read_to_its_end():
    encoder, reader = Encoder(), HeaderReader()
    fields = [(b"n%d" % number, b"") for number in range(110)]

    for _ in range(2):
        assert reader.read(encoder.encode(fields)) == fields


def test_remembered_runs_are_bounded():
    reader = HeaderReader()

    for number in range(600):
        reader.read(bytes([0x81 + number % 60, 0x81 + number // 60]))

    assert len(reader._runs) <= 256


def test_a_table_may_shrink_and_grow_again():
    encoder, reader = Encoder(), HeaderReader()
    for size in (4096, 0, 100, 4096):
        encoder.header_table_size = size
        fields = [(b"a-name", b"a-value"), (b"b-name", b"b-value")]

        assert reader.read(encoder.encode(fields)) == fields


@pytest.mark.parametrize(
    "block",
    [
        b"\x80",  # index 0
        b"\xfe",  # beyond the table
        b"\x00\x05ab",  # a truncated name
        b"\x40",  # nothing after the first byte
        b"\x88\x20",  # a size update after a field
        b"\x3f\xe2\x1f",  # a table above 4096
    ],
)
def test_a_broken_block_costs_the_connection(block):
    with pytest.raises(ProtocolError) as caught:
        HeaderReader().read(block)

    assert caught.value.code is ErrorCode.COMPRESSION_ERROR


def test_a_header_list_that_grows_and_grows_is_stopped():
    reader = HeaderReader()
    reader.read(Encoder().encode([(b"a", b"v" * 2000)]))

    with pytest.raises(ProtocolError) as caught:
        reader.read(b"\xbe" * 40)

    assert caught.value.code is ErrorCode.ENHANCE_YOUR_CALM


def test_a_request_is_read():
    head = check_request([*PSEUDO, (b"apns-topic", b"com.example.demo"), (b"te", b"trailers")])

    assert (head.method, head.path) == (b"POST", b"/3/device/ab")
    assert head.headers == {b"apns-topic": b"com.example.demo", b"te": b"trailers"}
    assert not head.is_ambiguous


def test_a_request_without_headers_is_read():
    assert check_request(PSEUDO).headers == {}


def test_a_repeated_header_is_noticed():
    assert check_request([*PSEUDO, (b"a", b"1"), (b"a", b"2")]).is_ambiguous


@pytest.mark.parametrize(
    "fields",
    [
        [],
        PSEUDO[:2],
        PSEUDO[1:],
        [PSEUDO[0], PSEUDO[2]],
        [*PSEUDO, PSEUDO[0]],
        [*PSEUDO, (b":status", b"200")],
        [(b"a", b"1"), *PSEUDO],
        [*PSEUDO, (b"a", b"1"), (b":authority", b"x")],
        [*PSEUDO, (b"Upper", b"1")],
        [*PSEUDO, (b"", b"1")],
        [*PSEUDO, (b"a b", b"1")],
        [*PSEUDO, (b"connection", b"close")],
        [*PSEUDO, (b"te", b"gzip")],
        [PSEUDO[0], PSEUDO[1], (b":path", b"")],
    ],
)
def test_a_malformed_request_is_none(fields):
    assert check_request(fields) is None


def own_block(token, message_id, *, shared=b"\x87", name=b"apns-id"):
    """Spell a request whose path and last header are literals, as our sender does."""
    path = b"/3/device/" + token
    return (
        b"\x83"
        + shared
        + b"\x14"
        + bytes([len(path)])
        + path
        + b"\x10"
        + bytes([len(name)])
        + name
        + bytes([len(message_id)])
        + message_id
    )


@given(st.binary(min_size=4, max_size=4), st.binary(min_size=6, max_size=6))
def test_a_block_like_a_former_one_is_read_the_same_way(token, message_id):
    reader = HeaderReader()
    known = reader.check(reader.read(own_block(b"abcd", b"first!")))
    block = own_block(token, message_id)

    matched = reader.match(block)

    afresh = HeaderReader()
    assert matched.pattern is known.pattern
    assert matched[:4] == afresh.check(afresh.read(block))[:4]
    assert known.headers == {b"apns-id": b"first!"}


@pytest.mark.parametrize(
    "block",
    [
        own_block(b"abcd", b"longer than it was"),
        own_block(b"longer", b"first!"),
        own_block(b"abcd", b"first!", shared=b"\x86"),
        own_block(b"abcd", b"first!", name=b"apns-ie"),
        own_block(b"abcd", b"first!") + b"\x90",
    ],
)
def test_a_block_that_looks_otherwise_is_not_taken_for_the_former(block):
    reader = HeaderReader()
    reader.check(reader.read(own_block(b"abcd", b"first!")))

    assert reader.match(block) is None


def test_a_change_of_the_table_ends_what_was_known_of_blocks():
    reader = HeaderReader()
    block = own_block(b"abcd", b"first!")
    reader.check(reader.read(block))
    assert reader.match(block) is not None

    reader.read(b"\x40\x01a\x01b")

    assert reader.match(block) is None
