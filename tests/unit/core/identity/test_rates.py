from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.unit.core.stubs import APPLICATION, NOW, OTHER_APPLICATION

from heliograph.config import Limits
from heliograph.core.errors import Counted, RateLimited
from heliograph.core.identity.rates import Rates, place_of
from heliograph.core.ids import new_id
from heliograph.core.model.identity import SessionForm
from heliograph.security.rate_counters import MemoryCounters

if TYPE_CHECKING:
    from tests.conftest import FakeClock

LIMITS = Limits(requests_per_s=2, login_attempts=3, login_attempts_per_address=5, login_period_s=60)
DISCORD = SessionForm.DISCORD


@pytest.fixture
def rates(clock: FakeClock) -> Rates:
    return Rates(MemoryCounters(clock.monotonic), LIMITS)


def test_a_session_has_so_many_requests_a_second(rates: Rates, clock: FakeClock) -> None:
    session, other = new_id(NOW), new_id(NOW)
    rates.count_request(session)
    rates.count_request(session)

    with pytest.raises(RateLimited) as caught:
        rates.count_request(session)
    rates.count_request(other)
    clock.advance(1)
    rates.count_request(session)

    assert (caught.value.limit, caught.value.counted) == (2, Counted.REQUESTS)
    assert caught.value.retry_after.total_seconds() == 1


def test_a_stranger_is_counted_by_address(rates: Rates) -> None:
    for _ in range(3):
        rates.count_stranger(None)
    rates.count_stranger("192.0.2.1")
    rates.count_stranger("192.0.2.1")

    with pytest.raises(RateLimited):
        rates.count_stranger("192.0.2.1")
    rates.count_stranger("192.0.2.2")


def test_attempts_at_one_login_are_limited_wherever_they_come_from(rates: Rates) -> None:
    for number in range(3):
        rates.count_login(APPLICATION.id, DISCORD, "ann", f"192.0.2.{number}")

    with pytest.raises(RateLimited) as caught:
        rates.count_login(APPLICATION.id, DISCORD, "ann", "192.0.2.9")
    rates.count_login(APPLICATION.id, SessionForm.NAVIXY, "ann", "192.0.2.9")
    rates.count_login(OTHER_APPLICATION.id, DISCORD, "ann", "192.0.2.9")
    rates.forgive(APPLICATION.id, DISCORD, "ann")
    rates.count_login(APPLICATION.id, DISCORD, "ann", None)

    assert (caught.value.limit, caught.value.counted) == (3, Counted.LOGINS)
    assert caught.value.retry_after.total_seconds() == 60


def test_attempts_from_one_address_are_limited_whatever_the_login(rates: Rates) -> None:
    for number in range(5):
        rates.count_login(APPLICATION.id, DISCORD, f"user-{number}", "2001:db8::1")

    with pytest.raises(RateLimited) as caught:
        rates.count_login(APPLICATION.id, DISCORD, "user-5", "2001:db8::2")

    assert caught.value.limit == 5


@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:0:1::5", "2001:db8:0:1::/64"),
        ("testclient", "testclient"),
    ],
)
def test_an_ipv6_network_is_one_place(address: str, place: str) -> None:
    assert place_of(address) == place
