"""Group commit: what waits together is written together.

While one batch is being committed the next one gathers; there is no timer.
Each command gets its own answer, and only after its batch is durable. A
batch that fails is retried in halves, so that one poison row harms nobody
but the request that brought it.

Measured: docs/decisions/0002-storage.md.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Generic, TypeVar

from heliograph.core.errors import CoreError, Unavailable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

C = TypeVar("C")
A = TypeVar("A")


class GroupCommit(Generic[C, A]):
    """Collects commands into batches of at most `size`, one batch at a time.

    write: commits a batch and answers each command in order, with a
    CoreError in place of an answer for those that were refused.
    """

    def __init__(
        self, write: Callable[[Sequence[C]], Awaitable[Sequence[A | CoreError]]], *, size: int
    ) -> None:
        self._write = write
        self._size = size
        self._waiting: deque[tuple[C, asyncio.Future[A]]] = deque()
        self._task: asyncio.Task[None] | None = None

    async def submit(self, command: C) -> A:
        """Have a command written; its answer comes when it is durable."""
        future: asyncio.Future[A] = asyncio.get_running_loop().create_future()
        self._waiting.append((command, future))
        if self._task is None:
            self._task = asyncio.create_task(self._run())
        # Shielded by being its own future: a caller that goes away takes
        # nothing out of a batch that others are in.
        return await future

    async def drain(self) -> None:
        """Wait until nothing is being written."""
        while self._task is not None:
            await asyncio.wait([self._task])

    async def _run(self) -> None:
        try:
            while self._waiting:
                count = min(self._size, len(self._waiting))
                batch = [self._waiting.popleft() for _ in range(count)]
                await self._commit(batch)
        finally:
            self._task = None

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
