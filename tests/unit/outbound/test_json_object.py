import pytest

from heliograph.outbound.json_object import read_object


@pytest.mark.parametrize("text", [b'{"a":1}', '{"a":1}', b' {"a": 1}\n'])
def test_an_object_is_read(text):
    assert read_object(text) == {"a": 1}


@pytest.mark.parametrize(
    "text",
    ["", b"", b"<html>", b"[]", b"null", b'"a"', b"{", b"\xff\xfe{", b"[" * 100_000, b"1" * 5000],
    ids=range(10),
)
def test_anything_else_is_an_empty_object(text):
    assert read_object(text) == {}
