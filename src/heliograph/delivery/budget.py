"""How many targets of small sends may be in flight: all of them together, one page.

Source: docs/decisions/0015-lanes.md.
"""

from __future__ import annotations

import asyncio
from collections import deque


class Budget:
    """A number of places, given out in the order of asking."""

    def __init__(self, places: int) -> None:
        self._places = places
        self._taken = 0
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    async def take(self, count: int) -> None:
        """Wait for this many places; more than there are count as all of them."""
        wanted = min(count, self._places)
        if not self._waiting and self._taken + wanted <= self._places:
            self._taken += wanted
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        entry = (wanted, turn)
        self._waiting.append(entry)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.give(count)
            elif entry in self._waiting:
                self._waiting.remove(entry)
                self.give(0)
            raise

    def give(self, count: int) -> None:
        """Give places back."""
        self._taken -= min(count, self._places)
        while self._waiting and self._taken + self._waiting[0][0] <= self._places:
            wanted, turn = self._waiting.popleft()
            if not turn.done():
                self._taken += wanted
                turn.set_result(None)
