from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heliograph.providers.sms.segments import (
    _SEPTETS,
    Coding,
    limit_bytes,
    segment,
    with_header,
)
from heliograph.simulators.sms.pdus import from_gsm7

gsm_texts = st.text(st.sampled_from(sorted(_SEPTETS)), max_size=700)


def text_of(segments):
    if segments.coding is Coding.GSM7:
        return "".join(map(from_gsm7, segments.parts))
    return "".join(part.decode("utf-16-be") for part in segments.parts)


@given(gsm_texts | st.text(st.characters(exclude_categories=["Cs"]), max_size=400))
def test_every_part_can_be_read_alone_and_all_of_them_are_the_text(text):
    segments = segment(text)

    assert text_of(segments) == text
    most = 153 if segments.coding is Coding.GSM7 else 134
    if segments.count > 1:
        assert all(0 < len(part) <= most for part in segments.parts)
        assert all(len(part) >= most - 3 for part in segments.parts[:-1])


@given(st.integers(1, 12), gsm_texts)
def test_the_size_is_over_the_limit_just_when_there_are_too_many_parts(most, text):
    segments = segment(text)

    assert (segments.size_bytes > limit_bytes(most)) == (segments.count > most)


@pytest.mark.parametrize(
    ("text", "coding", "count", "units", "size_bytes"),
    [
        ("", "gsm7", 1, 0, 0),
        ("a" * 160, "gsm7", 1, 160, 140),
        ("a" * 161, "gsm7", 2, 161, 140 + 6 + 7),
        ("€" * 80, "gsm7", 1, 160, 140),
        ("€" * 81, "gsm7", 2, 162, 140 + 6 + 9),
        ("a" * 306, "gsm7", 2, 306, 280),
        ("ж" * 70, "ucs2", 1, 70, 140),
        ("ж" * 71, "ucs2", 2, 71, 140 + 6 + 8),
        ("😀" * 35, "ucs2", 1, 70, 140),
        ("ж" * 66 + "😀" + "ж" * 5, "ucs2", 2, 73, 140 + 6 + 14),
        ("a" * 2000, "gsm7", 14, 2000, 13 * 140 + 6 + 10),
    ],
)
def test_lengths(text, coding, count, units, size_bytes):
    segments = segment(text)

    found = (segments.coding, segments.count, segments.units, segments.size_bytes)
    assert found == (coding, count, units, size_bytes)


def test_an_escape_is_never_cut_from_its_letter():
    segments = segment("a" * 152 + "€" * 10)

    assert len(segments.parts[0]) == 152
    assert segments.parts[1].startswith(b"\x1b\x65")


def test_only_parts_of_several_have_a_header():
    assert with_header(segment("a"), 1, 9) == b"a"
    assert with_header(segment("a" * 161), 2, 9) == b"\x05\x00\x03\x09\x02\x02" + b"a" * 8
