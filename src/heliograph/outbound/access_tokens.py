"""Access tokens of provider credentials: traded once, kept until shortly before their end."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from heliograph.core.model.outcome import Deferred

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import timedelta

    from heliograph.core.ids import Id
    from heliograph.core.model.outcome import Outcome
    from heliograph.core.ports import Clock

MAX_TOKENS: Final = 1000
"""Credentials whose tokens are remembered."""

# How long before its end a token is replaced.
_MARGIN_S: Final = 300.0
# One that is younger is not thrown away: its pages were refused together.
_SHORTEST_REFRESH_S: Final = 60.0
_RENEWAL_PAUSE_S: Final = 30.0
# A token is not handed out in its last seconds: it has to arrive while it is good.
_LAST_USE_S: Final = 10.0
_NEVER_ASKED: Final = Deferred("token endpoint: not asked yet")


@dataclass(frozen=True, slots=True)
class Granted:
    """An access token, and how long it lives from when it was asked for."""

    access_token: str
    lifetime: timedelta


class _Entry:
    """One credential's token. calls: how often the endpoint was asked; last: what it came to."""

    __slots__ = ("calls", "expires_at_s", "last", "lock", "minted_at_s", "renew_at_s", "token")

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.calls = 0
        self.last: str | Outcome = _NEVER_ASKED
        self.token: str | None = None
        self.minted_at_s = 0.0
        self.renew_at_s = 0.0
        self.expires_at_s = 0.0


class AccessTokenCache:
    """Gets access tokens, one call at a time per credential.

    Ages are read off the monotonic clock, so that a corrected wall clock
    doesn't make an expired token look fresh.
    """

    def __init__(self, clock: Clock, *, size: int = MAX_TOKENS) -> None:
        self._clock = clock
        self._size = size
        self._entries: OrderedDict[Id, _Entry] = OrderedDict()

    async def get(
        self, credential_id: Id, ask: Callable[[], Awaitable[Granted | Outcome]]
    ) -> str | Outcome:
        """Answer a credential's token, or what became of asking for one."""
        entry = self._entry(credential_id)
        if entry.token is not None:
            now_s = self._clock.monotonic()
            # While somebody renews it, the others go on with the one that is still good.
            usable_until_s = entry.expires_at_s - _LAST_USE_S
            if now_s < (usable_until_s if entry.lock.locked() else entry.renew_at_s):
                return entry.token
        calls = entry.calls
        async with entry.lock:
            if entry.calls == calls:
                entry.last = await self._renew(entry, ask)
                entry.calls += 1
            # Else somebody asked while we waited, and their answer is ours too.
            return entry.last

    def forget(self, credential_id: Id) -> None:
        """Drop a token that was refused, unless it is so new that another call brought it."""
        entry = self._entries.get(credential_id)
        if entry is not None:
            age_s = self._clock.monotonic() - entry.minted_at_s
            if age_s >= _SHORTEST_REFRESH_S:
                entry.token = None

    def _entry(self, credential_id: Id) -> _Entry:
        entry = self._entries.get(credential_id)
        if entry is None:
            entry = self._entries[credential_id] = _Entry()
            if len(self._entries) > self._size:
                self._entries.popitem(last=False)
        else:
            self._entries.move_to_end(credential_id)
        return entry

    async def _renew(
        self, entry: _Entry, ask: Callable[[], Awaitable[Granted | Outcome]]
    ) -> str | Outcome:
        """Ask for a token; while the endpoint is down, the one we have serves to its end."""
        asked_at_s = self._clock.monotonic()
        granted = await ask()
        if isinstance(granted, Granted):
            lifetime_s = granted.lifetime.total_seconds()
            entry.token = granted.access_token
            entry.minted_at_s = asked_at_s
            entry.expires_at_s = asked_at_s + lifetime_s
            # A token that lives for minutes only is replaced at half its life.
            entry.renew_at_s = asked_at_s + max(lifetime_s - _MARGIN_S, lifetime_s / 2)
            return entry.token
        later_s = self._clock.monotonic() + _RENEWAL_PAUSE_S
        if isinstance(granted, Deferred) and entry.token and later_s < entry.expires_at_s:
            entry.renew_at_s = later_s
            return entry.token
        entry.token = None
        return granted
