"""The requests of one call and their results."""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Sequence

    from heliograph.outbound.http2.connection import Connection
    from heliograph.outbound.http2.messages import Headers, Lost, Reply, Request


class Batch:
    """Collects one result per request and sends again what was certainly not processed.

    done: set when every request has its result. on_waiting: called when a
    request that was under way has to be sent again. runs: on which streams of
    which connections its requests went out.
    """

    __slots__ = (
        "_fresh",
        "_goaway_debug",
        "_left",
        "_max_refusals",
        "_on_waiting",
        "_refusals",
        "_results",
        "_returned",
        "done",
        "is_abandoned",
        "is_queued",
        "method",
        "requests",
        "runs",
        "shared",
    )

    def __init__(
        self,
        requests: Sequence[Request],
        shared: Headers,
        method: bytes,
        *,
        done: asyncio.Future[None],
        max_refusals: int,
        on_waiting: Callable[[Batch], None],
    ) -> None:
        self.requests = requests
        self.shared = shared
        self.method = method
        self.done = done
        self.is_queued = False  # the sender's note of where the batch stands
        self.is_abandoned = False
        self.runs: list[tuple[Connection, range]] = []
        self._max_refusals = max_refusals
        self._on_waiting = on_waiting
        self._results: list[Reply | Lost | None] = [None] * len(requests)
        self._fresh = range(len(requests))
        self._returned: deque[int] = deque()
        self._refusals: dict[int, int] = {}
        self._left = len(requests)
        self._goaway_debug = b""

    @property
    def has_waiting(self) -> bool:
        """Whether a request of it is neither settled nor under way."""
        return bool(self._fresh or self._returned)

    def peek(self, limit: int) -> Sequence[int]:
        """Return the indexes of the next requests to be sent, at most `limit` of them."""
        return self._fresh[:limit] or tuple(islice(self._returned, limit))

    def advance(self, count: int) -> None:
        """Note that the first `count` of what `peek` returned are under way or settled."""
        if self._fresh:
            self._fresh = self._fresh[count:]
        else:
            for _ in range(count):
                self._returned.popleft()

    def results(self) -> list[Reply | Lost]:
        """Return the results in the order of the requests, once `done` is set."""
        return cast("list[Reply | Lost]", self._results)

    def settle(self, index: int, result: Reply | Lost) -> None:
        """Take the result of a request."""
        self._results[index] = result
        self._left -= 1
        if not self._left and not self.done.done():
            self.done.set_result(None)

    def send_again(self, index: int, lost: Lost, *, is_refusal: bool) -> None:
        """Queue a request again; it is lost if it was refused too often or nobody waits."""
        self._goaway_debug = lost.goaway_debug or self._goaway_debug
        refusals = self._refusals.get(index, 0) + is_refusal
        if self.is_abandoned or refusals > self._max_refusals:
            self.settle(index, lost)
            return
        if is_refusal:
            self._refusals[index] = refusals
        self._returned.append(index)
        self._on_waiting(self)

    def give_up(self, result: Lost) -> None:
        """Settle with `result` what waits; from now on nothing is sent again."""
        self.is_abandoned = True
        result = replace(result, goaway_debug=result.goaway_debug or self._goaway_debug)
        waiting = [*self._fresh, *self._returned]
        self._fresh = range(0)
        self._returned.clear()
        for index in waiting:
            self.settle(index, result)
