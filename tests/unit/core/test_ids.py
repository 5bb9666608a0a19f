from __future__ import annotations

import sys
import uuid
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heliograph.core.clock import from_ms, to_ms
from heliograph.core.errors import NotFound
from heliograph.core.ids import (
    PREFIXES,
    delivery_uuid,
    letters_of,
    new_id,
    parse,
    raw_of,
    spell,
    uuid_text,
)

NOW = datetime(2026, 1, 1, tzinfo=UTC)

raws = st.binary(min_size=16, max_size=16)
kinds = st.sampled_from(sorted(PREFIXES))
millis = st.integers(min_value=0, max_value=to_ms(datetime(9000, 1, 1, tzinfo=UTC)))


def test_an_id_is_a_uuid_of_version_seven() -> None:
    made = uuid.UUID(bytes=new_id(NOW))

    assert (made.version, made.variant) == (7, uuid.RFC_4122)


@given(millis)
def test_an_id_begins_with_its_very_millisecond(at: int) -> None:
    made = new_id(from_ms(at))

    assert int.from_bytes(made[:6], "big") == at


def test_a_fraction_of_a_millisecond_is_cut_off() -> None:
    made = new_id(NOW + timedelta(microseconds=1999))

    assert int.from_bytes(made[:6], "big") == to_ms(NOW) + 1


@given(millis, st.integers(min_value=1, max_value=10**9))
def test_ids_sort_by_age_inside_and_outside(at: int, later: int) -> None:
    older, younger = new_id(from_ms(at)), new_id(from_ms(at + later))

    assert older < younger
    assert letters_of(older) < letters_of(younger)


@given(st.integers(min_value=0, max_value=255))
def test_the_last_byte_can_be_fixed(bucket: int) -> None:
    assert new_id(NOW, last_byte=bucket)[-1] == bucket


def test_two_ids_of_one_instant_differ() -> None:
    assert len({new_id(NOW, last_byte=7) for _ in range(1000)}) == 1000


@given(raws)
def test_letters_lead_back_to_the_bytes(raw: bytes) -> None:
    letters = letters_of(raw)

    assert len(letters) == 26
    assert raw_of(letters) == raw


@given(raws, raws)
def test_letters_sort_as_the_bytes_do(one: bytes, other: bytes) -> None:
    assert (letters_of(one) < letters_of(other)) == (one < other)


@given(st.text(max_size=30))
def test_only_one_spelling_leads_to_an_id(text: str) -> None:
    raw = raw_of(text)

    assert raw is None or letters_of(raw) == text


@pytest.mark.parametrize(
    "letters",
    ["", "0" * 25, "0" * 27, "u" + "0" * 25, "A" + "0" * 25, "8" + "0" * 25, "z" * 26],
    ids=["empty", "short", "long", "letter", "capital", "129 bits", "130 bits"],
)
def test_what_spells_no_id_is_none(letters: str) -> None:
    assert raw_of(letters) is None


def test_what_is_no_id_is_not_remembered() -> None:
    text = "0" * 60_000
    held = sys.getrefcount(text)

    assert raw_of(text) is None

    assert sys.getrefcount(text) == held


@given(kinds, raws)
def test_a_spelled_id_is_read_back(kind: str, raw: bytes) -> None:
    assert parse(kind, spell(kind, raw)) == raw


@given(kinds, kinds, raws)
def test_an_id_of_another_kind_is_not_found(kind: str, other: str, raw: bytes) -> None:
    if kind == other:
        return

    with pytest.raises(NotFound) as caught:
        parse(kind, spell(other, raw))

    assert caught.value.kind == kind


@pytest.mark.parametrize("text", ["", "reg", "reg_", "reg_x", "_" + "0" * 26, "0" * 26])
def test_a_malformed_id_is_not_found(text: str) -> None:
    with pytest.raises(NotFound) as caught:
        parse("registration", text)

    assert (caught.value.kind, caught.value.id) == ("registration", text)


@given(raws)
def test_a_uuid_is_spelled_as_everybody_does(raw: bytes) -> None:
    assert uuid_text(raw) == str(uuid.UUID(bytes=raw))


@given(raws, raws)
def test_a_delivery_has_the_same_uuid_every_time(notification: bytes, target: bytes) -> None:
    first = delivery_uuid(notification, target)

    assert first == delivery_uuid(notification, target)
    assert str(uuid.UUID(first)) == first


@given(raws, raws, raws)
def test_two_targets_of_a_notification_have_two_uuids(
    notification: bytes, one: bytes, other: bytes
) -> None:
    is_same = delivery_uuid(notification, one) == delivery_uuid(notification, other)

    assert is_same == (one == other)


@given(raws, raws)
def test_a_deliverys_uuid_is_its_notification_xor_its_target(
    notification: bytes, target: bytes
) -> None:
    mixed = bytes(one ^ other for one, other in zip(notification, target, strict=True))

    assert delivery_uuid(notification, target) == str(uuid.UUID(bytes=mixed))
