from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heliograph.security.key_file import KeyFileError
from heliograph.security.sealing import KeyRing

if TYPE_CHECKING:
    from pathlib import Path

    from heliograph.core.ports import Sealer

OLD = b"\x01" * 32
NEW = b"\x02" * 32


@given(plain=st.binary(max_size=512), context=st.binary(max_size=64))
def test_what_is_sealed_opens_again(plain: bytes, context: bytes) -> None:
    ring: Sealer = KeyRing([OLD])

    assert ring.unseal(ring.seal(plain, context), context) == plain


@given(plain=st.binary(max_size=64), contexts=st.lists(st.binary(), min_size=2, unique=True))
def test_another_context_opens_nothing(plain: bytes, contexts: list[bytes]) -> None:
    ring = KeyRing([OLD])
    sealed = ring.seal(plain, contexts[0])

    with pytest.raises(ValueError, match="another context"):
        ring.unseal(sealed, contexts[1])


def test_no_byte_can_be_changed_unseen() -> None:
    ring = KeyRing([OLD, NEW])
    sealed = ring.seal(b"a private key", b"row 1")

    for position in range(len(sealed)):
        for bit in range(8):
            altered = bytearray(sealed)
            altered[position] ^= 1 << bit
            with pytest.raises(ValueError):
                ring.unseal(bytes(altered), b"row 1")


def test_no_text_can_be_cut_or_prolonged_unseen() -> None:
    ring = KeyRing([OLD])
    sealed = ring.seal(b"a private key", b"row 1")

    for length in range(len(sealed)):
        with pytest.raises(ValueError):
            ring.unseal(sealed[:length], b"row 1")
    with pytest.raises(ValueError):
        ring.unseal(sealed + b"\0", b"row 1")


@given(st.binary(max_size=128))
def test_what_was_never_sealed_opens_nothing(noise: bytes) -> None:
    with pytest.raises(ValueError):
        KeyRing([OLD]).unseal(noise, b"")


def test_bytes_cannot_move_between_context_and_header() -> None:
    ring = KeyRing([OLD])
    sealed = ring.seal(b"plain", b"context")

    with pytest.raises(ValueError):
        ring.unseal(sealed, sealed[:5] + b"context")


def test_the_same_text_is_never_sealed_the_same_way_twice() -> None:
    ring = KeyRing([OLD])

    assert ring.seal(b"plain", b"") != ring.seal(b"plain", b"")


def test_the_sealed_text_shows_its_version_and_key_and_not_its_content() -> None:
    ring = KeyRing([OLD])

    sealed = ring.seal(b"a private key", b"")

    assert sealed[:5] == b"\x01" + ring.keys[0].id
    assert len(sealed) == 1 + 4 + 12 + len(b"a private key") + 16
    assert b"private" not in sealed


def test_a_foreign_key_is_named_as_the_reason() -> None:
    sealed = KeyRing([NEW]).seal(b"plain", b"")

    with pytest.raises(ValueError, match="not in the key file"):
        KeyRing([OLD]).unseal(sealed, b"")


def test_the_first_key_seals_and_every_key_unseals() -> None:
    before = KeyRing([OLD]).seal(b"plain", b"")
    ring = KeyRing([NEW, OLD])

    after = ring.seal(b"plain", b"")

    assert ring.unseal(before, b"") == b"plain"
    assert KeyRing([NEW]).unseal(after, b"") == b"plain"


def test_a_rotation_takes_effect_at_once_and_survives_a_restart(tmp_path: Path) -> None:
    ring = KeyRing.load(tmp_path / "keys")
    old_key = ring.keys[0].id
    before = ring.seal(b"plain", b"")

    ring.rotate()

    after = ring.seal(b"plain", b"")
    restarted = KeyRing.load(tmp_path / "keys")
    assert [key.id for key in restarted.keys] == [key.id for key in ring.keys]
    assert ring.keys[0].id != old_key == ring.keys[1].id
    assert [ring.unseal(text, b"") for text in (before, after)] == [b"plain"] * 2
    assert [restarted.unseal(text, b"") for text in (before, after)] == [b"plain"] * 2


def test_a_rotation_takes_over_what_others_have_added(tmp_path: Path) -> None:
    ring, other = KeyRing.load(tmp_path / "keys"), KeyRing.load(tmp_path / "keys")
    other.rotate()
    sealed_by_other = other.seal(b"plain", b"")

    ring.rotate()

    assert ring.unseal(sealed_by_other, b"") == b"plain"


def test_a_ring_without_a_file_cannot_rotate() -> None:
    with pytest.raises(KeyFileError):
        KeyRing([OLD]).rotate()


def test_no_use_shares_its_key_with_another() -> None:
    key = KeyRing([OLD]).keys[0]

    assert len({OLD, key.derive("sealing"), key.derive("signing:nonce")}) == 3
    assert key.derive("sealing") == KeyRing([OLD]).keys[0].derive("sealing")


def test_a_ring_shows_no_key_when_printed() -> None:
    ring = KeyRing([OLD])

    assert OLD.hex() not in f"{ring!r} {ring.keys!r}"
