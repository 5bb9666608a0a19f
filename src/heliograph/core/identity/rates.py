"""How often callers may ask, and how often a password may be tried."""

from __future__ import annotations

from datetime import timedelta
from ipaddress import IPv6Address, ip_address, ip_network
from typing import TYPE_CHECKING

from heliograph.core.errors import Counted, RateLimited

if TYPE_CHECKING:
    from heliograph.config import Limits
    from heliograph.core.ids import Id
    from heliograph.core.model.identity import SessionForm
    from heliograph.core.ports import RateCounters

_SECOND = 1
_IPV6_NETWORK_BITS = 64
"""What one subscriber is given: whoever has an address of it has all."""


class Rates:
    """Counts, and refuses what is too much."""

    def __init__(self, counters: RateCounters, limits: Limits) -> None:
        self._counters = counters
        self._limits = limits

    def count_request(self, session_id: Id) -> None:
        """Count a request of a session; raises RateLimited."""
        limit = self._limits.requests_per_s
        self._count(f"request:{session_id.hex()}", limit, _SECOND, Counted.REQUESTS)

    def count_stranger(self, address: str | None) -> None:
        """Count a request that proved nothing, by its address; raises RateLimited."""
        limit = self._limits.requests_per_s
        if address is not None:
            self._count(f"request:{place_of(address)}", limit, _SECOND, Counted.REQUESTS)

    def count_login(
        self, application_id: Id, form: SessionForm, name_key: str, address: str | None
    ) -> None:
        """Count an attempt to sign in, whether or not there is such a login.

        Raises RateLimited.
        """
        limits = self._limits
        if address is not None:
            self._count(
                f"login:{place_of(address)}",
                limits.login_attempts_per_address,
                limits.login_period_s,
                Counted.LOGINS,
            )
        self._count(
            _account(application_id, form, name_key),
            limits.login_attempts,
            limits.login_period_s,
            Counted.LOGINS,
        )

    def forgive(self, application_id: Id, form: SessionForm, name_key: str) -> None:
        """Forget the attempts at a login whose password was given."""
        self._counters.clear(
            _account(application_id, form, name_key),
            limit=self._limits.login_attempts,
            period_s=self._limits.login_period_s,
        )

    def _count(self, key: str, limit: int, period_s: int, counted: Counted) -> None:
        wait_s = self._counters.count(key, limit=limit, period_s=period_s)
        if wait_s > 0:
            raise RateLimited(timedelta(seconds=wait_s), limit=limit, counted=counted)


def place_of(address: str) -> str:
    """Name what is counted together: an IPv4 address, or an IPv6 subscriber's network."""
    try:
        known = ip_address(address)
    except ValueError:
        return address
    if isinstance(known, IPv6Address):
        if known.ipv4_mapped is not None:
            return str(known.ipv4_mapped)
        return str(ip_network((known, _IPV6_NETWORK_BITS), strict=False))
    return str(known)


def _account(application_id: Id, form: SessionForm, name_key: str) -> str:
    return f"login:{application_id.hex()}:{form}:{name_key}"
