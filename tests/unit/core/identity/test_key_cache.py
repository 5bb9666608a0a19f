from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import pytest

from heliograph.core.errors import Unavailable
from heliograph.core.identity.key_cache import ASK_EVERY_S, LIFE_S, STALE_S, KeyCache
from heliograph.core.model.issuer import KeyAlgorithm, TrustedKey

if TYPE_CHECKING:
    from tests.conftest import FakeClock

pytestmark = pytest.mark.anyio

URL = "https://id.example.com/keys"


def key(name: str) -> TrustedKey:
    return TrustedKey(name, KeyAlgorithm.RS256, "pem")


@dataclass
class Issuer:
    """Publishes keys, fails where a test says so, and counts who asks."""

    names: tuple[str, ...] = ("one",)
    is_down: bool = False
    asked: int = 0
    gate: asyncio.Event = field(default_factory=asyncio.Event)

    async def fetch(self, url: str) -> bytes:
        self.asked += 1
        await self.gate.wait()
        if self.is_down:
            raise Unavailable("issuer's keys")
        return " ".join(self.names).encode()

    def keys_of(self, document: bytes) -> list[TrustedKey]:
        return [key(name) for name in document.decode().split()]


@pytest.fixture
def issuer() -> Issuer:
    made = Issuer()
    made.gate.set()
    return made


@pytest.fixture
def cache(issuer: Issuer, clock: FakeClock) -> KeyCache:
    return KeyCache(cast("Any", issuer), cast("Any", issuer), clock.monotonic)


async def test_keys_are_remembered_for_a_while(
    cache: KeyCache, issuer: Issuer, clock: FakeClock
) -> None:
    assert await cache.keys(URL, "one") == [key("one")]
    clock.advance(LIFE_S - 1)
    await cache.keys(URL, "one")
    assert issuer.asked == 1

    clock.advance(1)
    issuer.names = ("two",)

    assert await cache.keys(URL, "one") == [key("two")]


async def test_an_unknown_key_has_them_asked_for_once_in_a_while(
    cache: KeyCache, issuer: Issuer, clock: FakeClock
) -> None:
    await cache.keys(URL, "one")
    issuer.names = ("one", "two")
    for number in range(100):
        assert await cache.keys(URL, f"guess {number}") == [key("one")]
    assert issuer.asked == 1

    clock.advance(ASK_EVERY_S)

    assert await cache.keys(URL, "two") == [key("one"), key("two")]
    await cache.keys(URL, "another guess")
    assert issuer.asked == 2


async def test_an_issuer_that_does_not_answer_is_believed_by_its_last_answer(
    cache: KeyCache, issuer: Issuer, clock: FakeClock
) -> None:
    await cache.keys(URL, "one")
    issuer.is_down = True

    clock.advance(STALE_S - 1)
    assert await cache.keys(URL, "one") == [key("one")]

    clock.advance(1)
    with pytest.raises(Unavailable):
        await cache.keys(URL, "one")


async def test_an_issuer_that_never_answered_is_left_alone_for_a_while(
    cache: KeyCache, issuer: Issuer, clock: FakeClock
) -> None:
    issuer.is_down = True
    for _ in range(3):
        with pytest.raises(Unavailable):
            await cache.keys(URL, "one")
    assert issuer.asked == 1

    issuer.is_down = False
    clock.advance(ASK_EVERY_S)

    assert await cache.keys(URL, "one") == [key("one")]


async def test_who_waits_shares_one_answer(cache: KeyCache, issuer: Issuer) -> None:
    issuer.gate.clear()
    waiting = [asyncio.ensure_future(cache.keys(URL, "one")) for _ in range(5)]
    await asyncio.sleep(0)

    issuer.gate.set()

    assert await asyncio.gather(*waiting) == [[key("one")]] * 5
    assert issuer.asked == 1


async def test_a_token_that_names_no_key_needs_no_other_keys(
    cache: KeyCache, issuer: Issuer
) -> None:
    await cache.keys(URL, None)
    await cache.keys(URL, None)

    assert issuer.asked == 1
