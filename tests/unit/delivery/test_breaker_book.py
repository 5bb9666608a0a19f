from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from tests.unit.delivery.scripted import APPLICATION, credential, target

from heliograph.core.model.breaker import Breaker, BreakerCause, BreakerKey
from heliograph.core.model.outcome import ACCEPTED, Deferred, Misconfigured, Outcome
from heliograph.core.model.registration import Environment, ProviderName
from heliograph.delivery import breaker_book
from heliograph.delivery.breaker import PROBE_PATIENCE, Passage, closed
from heliograph.delivery.breaker_book import BreakerBook

if TYPE_CHECKING:
    from tests.conftest import FakeClock

KEY = BreakerKey(APPLICATION.id, ProviderName.FCM, Environment.PRODUCTION)
MINE = credential().id
BAD_KEY = Misconfigured("bad key")
PHONES = [target(str(number)) for number in range(20)]


@pytest.fixture
def book(clock: FakeClock) -> BreakerBook:
    return BreakerBook(clock)


def judge(
    book: BreakerBook, clock: FakeClock, outcome: Outcome, *, is_probe: bool = False
) -> Breaker | None:
    _, changed = book.judge(
        KEY, MINE, PHONES, [outcome] * len(PHONES), is_probe=is_probe, now=clock.now()
    )
    return changed


def test_good_pages_change_nothing(book: BreakerBook, clock: FakeClock) -> None:
    assert judge(book, clock, ACCEPTED) is None
    assert book.is_held(KEY) is None


def test_pages_that_were_on_their_way_as_it_opened_say_nothing_new(
    book: BreakerBook, clock: FakeClock
) -> None:
    opened = judge(book, clock, BAD_KEY)

    assert opened is not None
    assert judge(book, clock, BAD_KEY) is None
    assert judge(book, clock, ACCEPTED) is None
    assert book.is_held(KEY) == opened


def test_one_probe_goes_at_a_time(book: BreakerBook, clock: FakeClock) -> None:
    judge(book, clock, BAD_KEY)
    clock.advance(60)

    asked = [book.ask(KEY, MINE, clock.now()) for _ in range(3)]
    clock.advance(PROBE_PATIENCE.total_seconds())

    assert asked == [Passage.PROBE, Passage.HELD, Passage.HELD]
    # One that was never answered is followed by another.
    assert book.ask(KEY, MINE, clock.now()) is Passage.PROBE


def test_a_good_probe_closes_and_a_bad_one_waits_longer(
    book: BreakerBook, clock: FakeClock
) -> None:
    judge(book, clock, BAD_KEY)
    clock.advance(60)

    bad = judge(book, clock, BAD_KEY, is_probe=True)
    good = judge(book, clock, ACCEPTED, is_probe=True)

    assert bad is not None
    assert bad.probe_at == clock.now() + timedelta(minutes=2)
    assert good is not None
    assert not good.is_open
    assert book.ask(KEY, MINE, clock.now()) is Passage.FREE


def test_an_outage_is_noticed_and_forgotten_with_its_end(
    book: BreakerBook, clock: FakeClock
) -> None:
    opened = judge(book, clock, Deferred("connection refused"))
    judge(book, clock, ACCEPTED, is_probe=True)

    assert opened is not None
    assert (opened.cause, opened.reason) == (BreakerCause.OUTAGE, "connection refused")
    # What was counted before does not open it again.
    assert judge(book, clock, ACCEPTED) is None


def test_what_other_nodes_wrote_counts_if_it_is_newer(book: BreakerBook, clock: FakeClock) -> None:
    mine = judge(book, clock, BAD_KEY)
    assert mine is not None

    book.learn([replace(closed(mine, clock.now()), version=mine.version - 1)])
    assert book.is_held(KEY) == mine
    book.learn([closed(mine, clock.now())])

    assert book.is_held(KEY) is None


def test_the_want_of_a_credential_is_written_once_until_it_is_looked_at_again(
    book: BreakerBook, clock: FakeClock
) -> None:
    first = book.open_for_want(KEY, "none", clock.now())
    again = book.open_for_want(KEY, "none", clock.now())
    clock.advance(60)
    later = book.open_for_want(KEY, "none", clock.now())

    assert (len(first), len(again)) == (1, 0)
    assert later[0].probes == 1


def test_a_credential_that_works_ends_the_want_of_one(book: BreakerBook, clock: FakeClock) -> None:
    book.open_for_want(KEY, "none", clock.now())

    assert book.ask(KEY, MINE, clock.now()) is Passage.FREE
    changed = judge(book, clock, ACCEPTED)

    assert changed is not None
    assert not changed.is_open


def test_a_bounded_number_is_remembered(book: BreakerBook, clock: FakeClock) -> None:
    opened = judge(book, clock, BAD_KEY)
    assert opened is not None
    others = [
        replace(opened, key=KEY._replace(application_id=credential().id))
        for _ in range(breaker_book.MOST_BREAKERS)
    ]

    book.learn(others)

    assert book.is_held(KEY) is None
    assert book.is_held(others[-1].key) is not None
