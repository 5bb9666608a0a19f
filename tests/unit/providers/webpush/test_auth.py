from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from heliograph.core.model.application import WebPushCredential
from heliograph.providers.webpush.auth import VapidTokens
from heliograph.providers.webpush.settings import new_key

CONTACT = "mailto:ops@example.com"
APPLE = "https://web.push.apple.com"


class FakeClock:
    def __init__(self):
        self.instant = datetime(2026, 3, 1, 12, tzinfo=UTC)
        self.seconds = 1000.0

    def now(self):
        return self.instant

    def monotonic(self):
        return self.seconds

    def advance(self, span):
        self.instant += span
        self.seconds += span.total_seconds()


@pytest.fixture
def clock():
    return FakeClock()


def test_a_young_token_is_kept_and_at_apple_for_an_hour(clock):
    key, tokens = new_key(), VapidTokens(clock)
    tokens.authorization(key, CONTACT, APPLE)

    clock.advance(timedelta(minutes=59))
    is_young = tokens.is_renewable(key.public, APPLE)
    clock.advance(timedelta(minutes=1))

    assert not is_young
    assert tokens.is_renewable(key.public, APPLE)


def test_a_token_of_a_clock_that_was_set_right_is_replaced_however_young_it_is(clock):
    key, tokens = new_key(), VapidTokens(clock)
    first = tokens.authorization(key, CONTACT, APPLE)
    clock.instant += timedelta(days=2)

    assert tokens.is_renewable(key.public, APPLE)
    tokens.refresh(WebPushCredential(CONTACT, (key,)))

    assert tokens.authorization(key, CONTACT, APPLE) != first
    assert not tokens.is_renewable(key.public, APPLE)
