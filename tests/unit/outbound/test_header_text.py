import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heliograph.outbound.header_text import header_key


@pytest.mark.parametrize("key", ["a", "a b", "x" * 64, "~!"])
def test_a_plain_key_travels_as_it_is(key):
    assert header_key(key, limit_bytes=64) == key


@pytest.mark.parametrize("key", ["", " a", "a ", "a\nb", "ä", "x" * 65, "a\r\nb: c", "a\n"])
def test_any_other_key_travels_as_its_hash(key):
    assert header_key(key, limit_bytes=64) == hashlib.sha256(key.encode()).hexdigest()


@given(st.text())
def test_whatever_the_key_a_header_can_carry_it(key):
    spelled = header_key(key, limit_bytes=64)

    assert 0 < len(spelled) <= 64
    assert spelled.isascii()
    assert spelled.isprintable()
    assert spelled.strip() == spelled
