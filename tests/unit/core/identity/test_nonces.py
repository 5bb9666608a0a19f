from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import pytest

from heliograph.core.identity.nonces import LIFE, Nonces

if TYPE_CHECKING:
    from datetime import datetime

    from tests.conftest import FakeClock


class PlainSigner:
    """Signs by writing the purpose in front: enough to tell ours from others'."""

    def sign(self, purpose: str, payload: bytes) -> str:
        return f"{purpose}.{base64.urlsafe_b64encode(payload).decode()}"

    def verify(self, purpose: str, text: str) -> bytes | None:
        ours, _, payload = text.partition(".")
        return base64.urlsafe_b64decode(payload) if ours == purpose else None


@pytest.fixture
def nonces(clock: FakeClock) -> Nonces:
    return Nonces(PlainSigner(), clock)


def test_a_new_nonce_is_fresh(nonces: Nonces) -> None:
    assert nonces.is_fresh(nonces.new())


def test_no_two_nonces_are_the_same(nonces: Nonces) -> None:
    assert len({nonces.new() for _ in range(100)}) == 100


def test_a_nonce_is_fresh_for_ten_minutes_and_no_longer(nonces: Nonces, clock: FakeClock) -> None:
    nonce = nonces.new()

    clock.advance(LIFE.total_seconds() - 0.001)
    assert nonces.is_fresh(nonce)

    clock.advance(0.001)
    assert not nonces.is_fresh(nonce)


@pytest.mark.parametrize(
    "text",
    ["", "other." + "A" * 24, PlainSigner().sign("nonce", b"short"), PlainSigner().sign("x", b"")],
    ids=["empty", "foreign", "another length", "another purpose"],
)
def test_what_we_did_not_make_is_not_fresh(nonces: Nonces, text: str) -> None:
    assert not nonces.is_fresh(text)


class OnceStore:
    def __init__(self) -> None:
        self.spent: dict[bytes, datetime] = {}

    async def spend(self, digest: bytes, *, expires_at: datetime, now: datetime) -> bool:
        return self.spent.setdefault(digest, expires_at) is expires_at and expires_at > now


@pytest.mark.anyio
async def test_a_nonce_is_spent_once(clock: FakeClock) -> None:
    store = OnceStore()
    nonces = Nonces(PlainSigner(), clock, store)
    nonce = nonces.new()

    assert [await nonces.spend(nonce), await nonces.spend(nonce)] == [True, False]
    assert list(store.spent.values()) == [clock.now() + LIFE]


@pytest.mark.anyio
async def test_what_is_no_fresh_nonce_of_ours_is_not_even_noted(clock: FakeClock) -> None:
    store = OnceStore()
    nonces = Nonces(PlainSigner(), clock, store)
    old = nonces.new()
    clock.advance(LIFE.total_seconds())

    assert [await nonces.spend(old), await nonces.spend("x")] == [False, False]
    assert store.spent == {}


@pytest.mark.anyio
async def test_where_nothing_is_noted_nothing_is_spent(nonces: Nonces) -> None:
    assert not await nonces.spend(nonces.new())
