"""Waits for a database that is away, for as long as the worker runs."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, TypeVar

import structlog

from heliograph.core.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

T = TypeVar("T")

_log = structlog.get_logger("heliograph.delivery")

PATIENCE_S = 1.0
"""How long to wait before asking a database again that did not answer."""


class Patience:
    """Knows whether the worker is to stop."""

    def __init__(self, pause_s: float = PATIENCE_S) -> None:
        self._pause_s = pause_s
        self._stopping = asyncio.Event()

    @property
    def is_over(self) -> bool:
        """Whether the worker stops."""
        return self._stopping.is_set()

    def end(self) -> None:
        """Let nobody wait any longer."""
        self._stopping.set()

    async def ended(self) -> None:
        """Wait until the worker stops."""
        await self._stopping.wait()

    async def pause(self) -> None:
        """Wait before asking a database again, but no longer than the worker runs."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), self._pause_s)

    async def insist(self, ask: Callable[[], Awaitable[T]]) -> T:
        """Ask the database again while it is away; raises Unavailable once the worker stops.

        A lease that runs out meanwhile does no harm: a page is read anew by
        its next owner, and committed only while nobody else has claimed it.
        """
        while True:
            try:
                return await ask()
            except Unavailable:
                _log.warning("store_unavailable")
                if self.is_over:
                    raise
                await self.pause()
