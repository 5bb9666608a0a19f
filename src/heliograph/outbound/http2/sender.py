"""The sender: batches in, results out, over connections that it keeps alive."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Final

from heliograph.core.right_of_way import FEW
from heliograph.outbound.http2.batch import Batch
from heliograph.outbound.http2.deadlines import TimerWheel
from heliograph.outbound.http2.dial import dial_tls
from heliograph.outbound.http2.fleet import Dial, Fleet
from heliograph.outbound.http2.messages import Lost
from heliograph.outbound.http2.origin import Origin
from heliograph.outbound.http2.settings import SenderSettings

if TYPE_CHECKING:
    import ssl
    from collections.abc import Sequence

    from heliograph.core.right_of_way import RightOfWay
    from heliograph.outbound.http2.connection import Connection
    from heliograph.outbound.http2.messages import Headers, Reply, Request

__all__ = ["Http2Sender", "Origin"]

_DEFAULT_SETTINGS: Final = SenderSettings()
_TICK_S: Final = 0.05
_LONGEST_TIMEOUT_S: Final = 86_400.0
# Requests started in one loop turn: more would hold up everything else on the loop.
_SLICE: Final = 250
# Requests a batch may start before the next one has its turn, so that a
# single message does not wait for a whole page of a broadcast.
_TURN: Final = 25
# Who may have so many connections has one of them free of large batches.
_WITH_ONE_FOR_A_FEW: Final = 3


class Http2Sender:
    """Sends batches of requests to one origin with one credential.

    It connects when there is something to send, and opens a further connection
    only while the stream limit of all others binds. Requests that a server
    certainly did not process are sent again; nothing else ever is. Used from
    one event loop.
    """

    def __init__(
        self,
        origin: Origin,
        tls: ssl.SSLContext,
        *,
        settings: SenderSettings = _DEFAULT_SETTINGS,
        dial: Dial = dial_tls,
        way: RightOfWay | None = None,
    ) -> None:
        """way: what broadcasts give to batches of a few, which go ahead of all others.

        They go to the connection with the least under way.
        """
        self._settings = settings
        self._way = way
        self._fleet = Fleet(
            origin,
            tls,
            settings,
            dial,
            on_room=self._on_room,
            on_hopeless=self._give_up_queue,
        )
        self._queue: deque[Batch] = deque()
        self._few: deque[Batch] = deque()
        self._deadlines: TimerWheel[Batch] = TimerWheel(_TICK_S)
        self._timer: asyncio.TimerHandle | None = None
        self._is_timer_slow = False
        self._is_pump_due = False
        self._waiting: asyncio.TimerHandle | None = None
        self._is_closed = False

    async def send(
        self,
        shared_headers: Headers,
        requests: Sequence[Request],
        *,
        method: bytes = b"POST",
        timeout_s: float = 30.0,
    ) -> list[Reply | Lost]:
        """Send a batch; return one result per request, in their order.

        shared_headers: the fields all requests have in common; they are encoded
        once per connection. timeout_s: for every request of the batch, waiting
        for a connection or a stream included. Network trouble is a result,
        never an exception. Cancelling resets what is under way and leaves the
        connections usable.
        """
        if not requests:
            return []
        loop = asyncio.get_running_loop()
        batch = Batch(
            requests,
            shared_headers,
            method,
            done=loop.create_future(),
            max_refusals=self._settings.max_refusals,
            on_waiting=self._enqueue,
        )
        if self._is_closed:
            batch.give_up(Lost(is_unprocessed=True, detail="the sender is closed"))
            return batch.results()
        self._deadlines.add(batch, loop.time() + min(timeout_s, _LONGEST_TIMEOUT_S))
        self._enqueue(batch)
        # Not at once: what other tasks send in this turn of the loop joins the same write.
        self._pump_soon()
        self._arm_timer()
        try:
            await batch.done
        except asyncio.CancelledError:
            self._withdraw(batch, "cancelled")
            raise
        finally:
            self._deadlines.discard(batch)
        return batch.results()

    async def aclose(self) -> None:
        """Close every connection; what is under way or waiting is lost."""
        self._is_closed = True
        for timer in (self._timer, self._waiting):
            if timer is not None:
                timer.cancel()
        self._fleet.close()
        self._give_up_queue(Lost(is_unprocessed=True, detail="the sender was closed"))
        await self._fleet.wait_closed()

    def _enqueue(self, batch: Batch) -> None:
        if not batch.is_queued:
            batch.is_queued = True
            (self._few if len(batch.requests) <= FEW else self._queue).append(batch)

    def _on_room(self) -> None:
        self._pump_soon()
        self._arm_timer()

    def _pump_soon(self) -> None:
        if self._waiting is not None and self._few:
            self._waiting.cancel()
            self._waiting, self._is_pump_due = None, False
        if not self._is_pump_due and self._is_any_queued:
            self._is_pump_due = True
            asyncio.get_running_loop().call_soon(self._pump)

    def _pump(self) -> None:
        """Start as many waiting requests as there is room for, one slice at a time."""
        self._is_pump_due, self._waiting = False, None
        if self._few:
            left = self._start(self._few, self._fleet.usable)
            if self._way is not None:
                self._way.passed()
            if not self._few:
                # They leave alone: with a slice behind them they would wait until it is built.
                self._pump_soon()
                return
        elif self._way is not None and (wait_s := self._way.take_turn()):
            self._is_pump_due = True
            self._waiting = asyncio.get_running_loop().call_later(wait_s, self._pump)
            return
        else:
            left = self._start(self._queue, self._of_many())
        if not left:
            self._pump_soon()
        elif self._is_any_queued:
            self._fleet.open_if_needed(self._of_many())

    def _of_many(self) -> list[Connection]:
        """Say which connections large batches may use: beside others the newest is for a few.

        What a server has not read yet, or a slow line not carried, keeps nobody
        on another connection waiting.
        """
        usable = self._fleet.usable
        has_one_for_a_few = (
            len(usable) > 1 and self._settings.max_connections >= _WITH_ONE_FOR_A_FEW
        )
        return usable[:-1] if has_one_for_a_few else usable

    def _start(self, queue: deque[Batch], connections: Sequence[Connection]) -> int:
        """Start what a queue holds; answer how much of a slice is left."""
        budget = _SLICE
        for connection in sorted(connections, key=_streams_of):
            while queue and budget and connection.has_room:
                batch = queue.popleft()
                batch.is_queued = False
                if batch.has_waiting:
                    budget -= connection.start(batch, min(budget, _TURN))
                if batch.has_waiting:
                    self._enqueue(batch)
            connection.flush()
        return budget

    @property
    def _is_any_queued(self) -> bool:
        return bool(self._few or self._queue)

    def _withdraw(self, batch: Batch, reason: str) -> None:
        """Settle what is left of a batch, wherever it is."""
        batch.give_up(Lost(is_unprocessed=True, detail=f"never sent: {reason}"))
        unanswered = Lost(is_unprocessed=False, detail=f"no reply: {reason}")
        for connection, stream_ids in batch.runs:
            connection.cancel(batch, stream_ids, unanswered)
        self._pump_soon()

    def _give_up_queue(self, result: Lost) -> None:
        for queue in (self._few, self._queue):
            for batch in queue:
                batch.is_queued = False
                batch.give_up(result)
            queue.clear()

    # --- Time ---------------------------------------------------------------

    def _arm_timer(self) -> None:
        """Keep one timer running: fast while requests wait, slow for idle connections."""
        if self._is_closed or not (self._deadlines or self._fleet.all):
            return
        if self._timer is not None:
            if not (self._is_timer_slow and self._deadlines):
                return
            self._timer.cancel()
        self._is_timer_slow = not self._deadlines
        delay_s = min(1.0, self._settings.ping_interval_s / 4) if self._is_timer_slow else _TICK_S
        self._timer = asyncio.get_running_loop().call_later(delay_s, self._tick)

    def _tick(self) -> None:
        now = asyncio.get_running_loop().time()
        self._timer = None
        for batch in self._deadlines.expire(now):
            self._withdraw(batch, "the time was up")
        self._fleet.check(now)
        self._arm_timer()


def _streams_of(connection: Connection) -> int:
    return connection.session.open_streams
