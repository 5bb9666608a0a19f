import pytest
from hpack import Decoder
from hypothesis import given
from hypothesis import strategies as st

from heliograph.outbound.http2.header_block import HeaderEncoder, encode_integer
from heliograph.outbound.http2.messages import Headers

SHARED = ((b"authorization", b"bearer " + b"x" * 200), (b"apns-topic", b"com.example.app"))
OWN = ((b"apns-id", b"1"),)


def decoded(decoder: Decoder, block: bytes) -> list[tuple[bytes, bytes]]:
    return [(bytes(n), bytes(v)) for n, v in decoder.decode(block, raw=True)]


def expected(path: bytes, shared: Headers, own: Headers) -> list[tuple[bytes, bytes]]:
    pseudo = [(b":method", b"POST"), (b":scheme", b"https"), (b":authority", b"push.test")]
    return [*pseudo, (b":path", path), *shared, *own]


@pytest.mark.parametrize(
    ("value", "bits", "wire"),
    [(10, 5, b"\x0a"), (1337, 5, b"\x1f\x9a\x0a"), (42, 8, b"\x2a"), (31, 5, b"\x1f\x00")],
)
def test_integers_are_those_of_the_rfc(value: int, bits: int, wire: bytes) -> None:
    assert encode_integer(value, bits, 0) == wire


def test_shared_headers_become_one_byte_each() -> None:
    encoder = HeaderEncoder(b"push.test")
    decoder = Decoder()

    first = encoder.encode(b"POST", b"/1", SHARED, OWN)
    second = encoder.encode(b"POST", b"/2", SHARED, OWN)

    assert decoded(decoder, first) == expected(b"/1", SHARED, OWN)
    assert decoded(decoder, second) == expected(b"/2", SHARED, OWN)
    assert len(second) < 25


def test_what_differs_is_marked_never_indexed() -> None:
    encoder = HeaderEncoder(b"push.test")

    fields = list(Decoder().decode(encoder.encode(b"POST", b"/secret", SHARED, OWN), raw=True))

    assert [bytes(f[0]) for f in fields if not f.indexable] == [b":path", b"apns-id"]


names = st.sampled_from([b"authorization", b"apns-topic", b"apns-priority", b"content-type", b"x"])
values = st.sampled_from([b"", b"1", b"10", b"a" * 60, b"b" * 300, b"c" * 5000])
header_sets = st.lists(st.tuples(names, values), max_size=6).map(tuple)
limits = st.one_of(st.none(), st.sampled_from([0, 1, 40, 100, 500, 4096, 70_000]))
steps = st.lists(
    st.tuples(st.lists(limits, max_size=3), st.integers(0, 3), st.sampled_from([b"POST", b"GET"])),
    max_size=25,
)


@given(st.lists(header_sets, min_size=4, max_size=4), steps)
def test_every_block_decodes_whatever_the_table_limits(
    sets: list[Headers], plan: list[tuple[list[int | None], int, bytes]]
) -> None:
    encoder = HeaderEncoder(b"push.test")
    decoder = Decoder(max_header_list_size=10**6)

    for number, (changes, which, method) in enumerate(plan):
        for limit in changes:
            if limit is not None:
                encoder.change_table_limit(limit)
                decoder.max_allowed_table_size = limit
        path = b"/%d" % number
        block = encoder.encode(method, path, sets[which], OWN)
        fields = decoded(decoder, block)
        assert fields == [(b":method", method), *expected(path, sets[which], OWN)[1:]]


def test_a_lowered_and_raised_limit_announces_the_smallest_first() -> None:
    encoder = HeaderEncoder(b"push.test")
    encoder.encode(b"POST", b"/", SHARED, ())
    for limit in (100, 0, 300):
        encoder.change_table_limit(limit)

    block = encoder.encode(b"POST", b"/", SHARED, ())

    assert block.startswith(encode_integer(0, 5, 0x20) + encode_integer(300, 5, 0x20))
