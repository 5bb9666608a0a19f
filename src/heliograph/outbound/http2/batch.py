"""The requests of one call and their results."""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING

from heliograph.outbound.http2.messages import Lost

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Sequence

    from heliograph.outbound.http2.messages import Headers, Reply, Request


class Batch:
    """Collects one result per request and sends again what was certainly not processed.

    done: set when every request has its result. on_waiting: called when a
    request that was under way has to be sent again.
    """

    __slots__ = (
        "_goaway_debug",
        "_left",
        "_max_replays",
        "_on_waiting",
        "_replays",
        "_results",
        "_waiting",
        "done",
        "is_abandoned",
        "is_queued",
        "method",
        "requests",
        "shared",
    )

    def __init__(
        self,
        requests: Sequence[Request],
        shared: Headers,
        method: bytes,
        *,
        done: asyncio.Future[None],
        max_replays: int,
        on_waiting: Callable[[Batch], None],
    ) -> None:
        self.requests = requests
        self.shared = shared
        self.method = method
        self.done = done
        self.is_queued = False  # the sender's note of where the batch stands
        self.is_abandoned = False
        self._max_replays = max_replays
        self._on_waiting = on_waiting
        self._results: list[Reply | Lost | None] = [None] * len(requests)
        self._waiting = deque(range(len(requests)))
        self._replays: dict[int, int] = {}
        self._left = len(requests)
        self._goaway_debug = b""

    @property
    def has_waiting(self) -> bool:
        """Whether a request of it is neither settled nor under way."""
        return bool(self._waiting)

    def take(self) -> int:
        """Return the index of the next request to be sent."""
        return self._waiting.popleft()

    def results(self) -> list[Reply | Lost]:
        """Return the results in the order of the requests, once `done` is set."""
        return [result for result in self._results if result is not None]

    def settle(self, index: int, result: Reply | Lost) -> None:
        """Take the result of a request, or queue the request again."""
        if isinstance(result, Lost) and result.is_unprocessed:
            self._goaway_debug = result.goaway_debug or self._goaway_debug
            replays = self._replays.get(index, 0)
            if replays < self._max_replays and not self.is_abandoned:
                self._replays[index] = replays + 1
                self._waiting.append(index)
                self._on_waiting(self)
                return
        self._results[index] = result
        self._left -= 1
        if not self._left and not self.done.done():
            self.done.set_result(None)

    def give_up(self, result: Lost) -> None:
        """Settle with `result` what waits; from now on nothing is sent again."""
        self.is_abandoned = True
        result = replace(result, goaway_debug=result.goaway_debug or self._goaway_debug)
        while self._waiting:
            self.settle(self._waiting.popleft(), result)
