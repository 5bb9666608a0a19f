import pytest
from hypothesis import given
from hypothesis import strategies as st

from heliograph.core.errors import InvalidRequest, ProblemKind
from heliograph.core.notifications.idempotency import MAX_KEY_CHARS, body_hash, check_key

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(codec="utf-8")),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=8,
)


@pytest.mark.parametrize("key", ["k", "order 4711", "~" * MAX_KEY_CHARS, " ", "\x21\x7e"])
def test_a_key_is_printable_ascii(key: str) -> None:
    assert check_key(key) == key


@pytest.mark.parametrize(
    ("key", "kind"),
    [
        ("", ProblemKind.MALFORMED),
        ("a\nb", ProblemKind.MALFORMED),
        ("\x7f", ProblemKind.MALFORMED),
        ("ü", ProblemKind.MALFORMED),
        ("\ud800", ProblemKind.MALFORMED),
        ("k" * (MAX_KEY_CHARS + 1), ProblemKind.TOO_LONG),
    ],
)
def test_what_cant_be_a_key_is_refused(key: str, kind: ProblemKind) -> None:
    with pytest.raises(InvalidRequest) as caught:
        check_key(key)

    assert [(each.field, each.kind) for each in caught.value.problems] == [
        ("Idempotency-Key", kind)
    ]


@given(st.dictionaries(st.text(max_size=5), JSON, min_size=2))
def test_the_order_of_keys_says_nothing(body: dict[str, object]) -> None:
    turned = dict(reversed(body.items()))

    assert body_hash(turned) == body_hash(body)
    assert len(body_hash(body)) == 32


@given(JSON, JSON)
def test_other_bodies_have_other_hashes(one: object, other: object) -> None:
    assert (body_hash(one) == body_hash(other)) == (repr(one) == repr(other)) or one == other
