"""One request on a connection and its answer, the whole of it in one write.

uvicorn writes an answer's head when it hears of it and the body after that:
two system calls for each answer, and two packets. An answer that is whole is
handed over as such, and needs neither.

Answers that are made in one turn of the loop, as those of one group commit
are, leave together. To wake whoever waits for them costs more than to write
them: the first one does it, and the others are read without being waited for.
Measured: docs/performance.md, "Registration".
"""

from __future__ import annotations

import asyncio
from collections import deque
from functools import lru_cache, partial
from typing import TYPE_CHECKING

from uvicorn.protocols.http.httptools_impl import (
    HEADER_RE,
    HEADER_VALUE_RE,
    STATUS_LINE,
    RequestResponseCycle,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

MOST_TOGETHER = 16
"""Answers that wait for one another at most: by then the first has waited for a millisecond."""

_SPECIAL = frozenset((b"connection", b"transfer-encoding"))
"""Headers that say more than what they say to the client: uvicorn acts on them."""


class Departures:
    """Answers that are to leave together, by the loop's next turn."""

    def __init__(self) -> None:
        self._waiting: deque[Callable[[], None]] = deque()

    def add(self, leave: Callable[[], None]) -> None:
        """Have an answer leave with the others of this turn."""
        if not self._waiting:
            asyncio.get_running_loop().call_soon(self.leave)
        self._waiting.append(leave)
        if len(self._waiting) == MOST_TOGETHER:
            self.leave()

    def leave(self) -> None:
        """Write what waits; one that can't be written keeps none of the others back."""
        while self._waiting:
            leave = self._waiting.popleft()
            try:
                leave()
            except Exception as error:  # noqa: BLE001 - whoever calls serves another connection
                asyncio.get_running_loop().call_exception_handler(
                    {"message": "an answer could not be written", "exception": error}
                )


class Exchange(RequestResponseCycle):
    """A request on its way through the application.

    Answers in pieces, or with something to see to besides the writing, are
    written as uvicorn writes them. company: the requests that are being
    served, this one among them; where it is alone its answer leaves at once.
    """

    departures: Departures
    company: set[asyncio.Task[None]]

    def body_at_hand(self) -> bytes | None:
        """Answer the whole body where it has come; None where some of it is on its way."""
        if self.more_body or self.waiting_for_100_continue or self.disconnected:
            return None
        body, self.body = bytes(self.body), bytearray()
        return body

    def answer_at_once(
        self, status: int, fields: Sequence[tuple[bytes, bytes]], body: bytes
    ) -> bool:
        """Write a whole answer, whose fields tell its body's length.

        False where there is more to it than writing: nothing is written then.
        """
        if not self._is_plain() or not _are_plain(tuple([name for name, _ in fields])):
            return False
        # A line's end inside a value would begin another field.
        if HEADER_VALUE_RE.search(b"".join([value for _, value in fields])):
            return False
        self.response_started = self.response_complete = True
        self.waiting_for_100_continue = False
        lines = [b"%b: %b\r\n" % field for field in (*self.default_headers, *fields)]
        answer = b"".join((STATUS_LINE[status], *lines, b"\r\n", body))
        self.message_event.set()
        # They lead back here: a ring that only the collector of garbage would find.
        self.scope["extensions"] = {}
        # uvicorn takes back what it asked to be told of, before the answer may have left.
        leave = partial(_leave, self.transport, answer, self.on_response)
        if len(self.company) > 1:
            self.departures.add(leave)
        else:
            leave()
        return True

    def _is_plain(self) -> bool:
        """Say whether an answer is to be written, and nothing else."""
        return (
            self.keep_alive
            and not (self.response_started or self.flow.write_paused or self.access_log)
            and self.scope["method"] != "HEAD"
        )


def _leave(transport: asyncio.Transport, answer: bytes, on_left: Callable[[], None]) -> None:
    if not transport.is_closing():
        transport.write(answer)
    on_left()


# As many as there are kinds of answers: their names are spelled in the code.
@lru_cache(maxsize=256)
def _are_plain(names: tuple[bytes, ...]) -> bool:
    """Say whether fields of these names are to be written, and nothing else."""
    return _SPECIAL.isdisjoint(names) and not HEADER_RE.search(b"".join(names))
