from __future__ import annotations

import re
import string
from typing import TYPE_CHECKING

from hypothesis import assume, given
from hypothesis import strategies as st

from heliograph.security.sealing import KeyRing
from heliograph.security.signing import HmacSigner

if TYPE_CHECKING:
    from pathlib import Path

    from heliograph.core.ports import Signer

OLD = b"\x01" * 32
NEW = b"\x02" * 32
LETTERS = string.ascii_letters + string.digits + "-_."


@given(purpose=st.text(max_size=16), payload=st.binary(max_size=256))
def test_what_is_signed_is_verified(purpose: str, payload: bytes) -> None:
    signer: Signer = HmacSigner(KeyRing([OLD]))

    text = signer.sign(purpose, payload)

    assert re.fullmatch(r"[A-Za-z0-9_.-]+", text)
    assert signer.verify(purpose, text) == payload


@given(payload=st.binary(max_size=32), purposes=st.lists(st.text(), min_size=2, unique=True))
def test_a_signature_serves_one_purpose(payload: bytes, purposes: list[str]) -> None:
    signer = HmacSigner(KeyRing([OLD]))

    assert signer.verify(purposes[1], signer.sign(purposes[0], payload)) is None


def test_no_letter_can_be_changed_left_out_or_added() -> None:
    signer = HmacSigner(KeyRing([OLD]))
    # 16 bytes leave spare bits in their last letter, both here and in the signature.
    text = signer.sign("nonce", bytes(range(16)))

    for position in range(len(text) + 1):
        head, rest = text[:position], text[position:]
        assert signer.verify("nonce", head) is None or head == text
        for letter in LETTERS + "=/+ \n":
            assert signer.verify("nonce", head + letter + rest) is None
            changed = head + letter + rest[1:]
            assert changed == text or signer.verify("nonce", changed) is None


@given(st.text(max_size=64))
def test_what_was_never_signed_is_refused(noise: str) -> None:
    assert HmacSigner(KeyRing([OLD])).verify("nonce", noise) is None


@given(st.text(st.characters(codec=None, categories=["Cs", "Lo"]), min_size=1, max_size=3))
def test_letters_beyond_ascii_are_refused(noise: str) -> None:
    assume(not noise.isascii())
    signer = HmacSigner(KeyRing([OLD]))
    text = signer.sign("nonce", b"payload")

    assert signer.verify("nonce", text + noise) is None
    assert signer.verify("nonce", noise + text) is None


def test_an_older_key_still_verifies_and_a_foreign_one_does_not() -> None:
    by_old = HmacSigner(KeyRing([OLD])).sign("nonce", b"payload")
    by_new = HmacSigner(KeyRing([NEW])).sign("nonce", b"payload")
    signer = HmacSigner(KeyRing([NEW, OLD]))

    assert signer.verify("nonce", by_old) == signer.verify("nonce", by_new) == b"payload"
    assert signer.sign("nonce", b"payload") == by_new
    assert HmacSigner(KeyRing([OLD])).verify("nonce", by_new) is None


def test_a_rotation_changes_the_signer_at_once(tmp_path: Path) -> None:
    ring = KeyRing.load(tmp_path / "keys")
    signer = HmacSigner(ring)
    before = signer.sign("nonce", b"payload")

    ring.rotate()

    assert signer.sign("nonce", b"payload") != before
    assert signer.verify("nonce", before) == b"payload"
