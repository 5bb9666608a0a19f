"""Group commit: what waits together is written together.

While one batch is being committed the next one gathers; there is no timer.
Where one is written at a time, it lets the loop read what has come already
before it leaves: fewer and larger batches cost less. Where several
transactions may write at once, a second batch starts beside the first as soon
as enough wait for it to be worth its trips. Each command gets its own answer,
and only after its batch is durable. A batch that fails is
retried in halves, so that one poison row harms nobody but the request that
brought it.

Measured: docs/decisions/0002-storage.md.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Generic, TypeVar

from heliograph.core.errors import CoreError, Unavailable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

WORTH = 16
"""How many commands a batch beside another one holds at least."""

QUIET_TURNS = 4
"""Turns of the loop that bring no command, after which none is expected that is here already:
a request takes three from its bytes to its command."""

MOST_TURNS = 40
"""Turns that a batch is gathered for at most, where each few of them bring another command."""

C = TypeVar("C")
A = TypeVar("A")


class GroupCommit(Generic[C, A]):
    """Collects commands into batches of at most `size`.

    write: commits a batch and answers each command in order, with a
    CoreError in place of an answer for those that were refused. at_once: how
    many batches may be on their way; those beyond the first hold `WORTH`
    commands at least.
    """

    def __init__(
        self,
        write: Callable[[Sequence[C]], Awaitable[Sequence[A | CoreError]]],
        *,
        size: int,
        at_once: int = 1,
    ) -> None:
        self._write = write
        self._size = size
        self._at_once = at_once
        self._waiting: deque[tuple[C, asyncio.Future[A]]] = deque()
        self._tasks: set[asyncio.Task[None]] = set()
        self._busy = 0

    async def submit(self, command: C) -> A:
        """Have a command written; its answer comes when it is durable."""
        future: asyncio.Future[A] = asyncio.get_running_loop().create_future()
        self._waiting.append((command, future))
        if not self._tasks or self._is_worth_another():
            self._tasks.add(asyncio.create_task(self._run()))
        # Shielded by being its own future: a caller that goes away takes
        # nothing out of a batch that others are in.
        return await future

    async def drain(self) -> None:
        """Wait until nothing is being written."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    def _is_worth_another(self) -> bool:
        return len(self._tasks) < self._at_once and len(self._waiting) >= WORTH

    def _share(self) -> int:
        """Say how many to take: of what waits, an equal part for each batch that may start now."""
        free = self._at_once - self._busy
        return min(self._size, len(self._waiting), max(WORTH, -(-len(self._waiting) // free)))

    async def _run(self) -> None:
        task = asyncio.current_task()
        assert task is not None
        try:
            # What is too little for two is left to the other.
            while self._waiting and (len(self._tasks) == 1 or len(self._waiting) >= WORTH):
                if self._at_once == 1:
                    await self._gather()
                batch = [self._waiting.popleft() for _ in range(self._share())]
                self._busy += 1
                try:
                    await self._commit(batch)
                finally:
                    self._busy -= 1
        finally:
            self._tasks.discard(task)

    async def _gather(self) -> None:
        """Let those come along whose requests are here already, and wait for no others.

        The answers of one batch bring the next requests of whoever waited for
        them. A batch that left before these are read would leave them to the
        one behind it, and so it would stay: two halves by turns.
        """
        quiet = 0
        for _ in range(MOST_TURNS):
            present = len(self._waiting)
            if quiet == QUIET_TURNS or present >= self._size:
                return
            await asyncio.sleep(0)
            quiet = quiet + 1 if len(self._waiting) == present else 0

    async def _commit(self, batch: Sequence[tuple[C, asyncio.Future[A]]]) -> None:
        try:
            answers = await self._write([command for command, _ in batch])
        except Unavailable as error:
            # The database is what failed, not a row: smaller batches fail too.
            for _, future in batch:
                _fail(future, error)
        except Exception as error:  # noqa: BLE001 - a poison row may raise anything
            if len(batch) == 1:
                _fail(batch[0][1], error)
                return
            half = len(batch) // 2
            await self._commit(batch[:half])
            await self._commit(batch[half:])
        else:
            for (_, future), answer in zip(batch, answers, strict=True):
                if isinstance(answer, CoreError):
                    _fail(future, answer)
                elif not future.done():
                    future.set_result(answer)


def _fail(future: asyncio.Future[A], error: BaseException) -> None:
    if not future.done():
        future.set_exception(error)
