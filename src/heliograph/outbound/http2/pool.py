"""Senders by whose they are: lent, replaced by newer ones, closed when nobody uses them."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator

    from heliograph.outbound.http2.sender import Http2Sender, Origin

MAX_SENDERS: Final = 1000
"""Connections kept; the least recently used one is closed for another."""


@dataclass(eq=False, slots=True, weakref_slot=True)
class Line:
    """A sender, the place it serves, and how many are using it."""

    sender: Http2Sender
    place: Hashable
    users: int = 0


class SenderPool:
    """One sender per key and origin, opened when it is first asked for.

    A key is opaque, and a newer one is greater. Keys of one place succeed each
    other: a newer one retires the senders of the older ones. A retired sender
    takes nothing new and is closed once nobody is using it.
    """

    def __init__(
        self, connect: Callable[[Origin], Http2Sender], *, size: int = MAX_SENDERS
    ) -> None:
        self.is_closed = False
        self._connect = connect
        self._size = size
        self._lines: OrderedDict[tuple[bytes, Origin], Line] = OrderedDict()
        self._retired: set[Line] = set()
        self._closing: set[asyncio.Task[None]] = set()

    @contextmanager
    def lease(self, key: bytes, place: Hashable, origin: Origin) -> Iterator[Line]:
        """Lend the line of a key; its sender stays open until it is given back."""
        line = self._line(key, place, origin)
        line.users += 1
        try:
            yield line
        finally:
            line.users -= 1
            self._close_if_idle(line)

    def retire(self, key: bytes) -> None:
        """Give a key new connections from now on."""
        for known in [known for known in self._lines if known[0] == key]:
            self._retire(known)

    async def close(self) -> None:
        """Close every sender."""
        self.is_closed = True
        lines = [*self._lines.values(), *self._retired]
        self._lines.clear()
        self._retired.clear()
        await asyncio.gather(*(line.sender.aclose() for line in lines), *self._closing)

    def _line(self, key: bytes, place: Hashable, origin: Origin) -> Line:
        line = self._lines.get((key, origin))
        if line is not None:
            self._lines.move_to_end((key, origin))
            return line
        # Older keys only: what still has the former one must not end the new one's senders.
        for known in [known for known, line in self._lines.items() if line.place == place]:
            if known[0] < key:
                self._retire(known)
        if len(self._lines) >= self._size:
            self._retire(next(iter(self._lines)))
        line = self._lines[key, origin] = Line(self._connect(origin), place)
        return line

    def _retire(self, known: tuple[bytes, Origin]) -> None:
        line = self._lines.pop(known)
        self._retired.add(line)
        self._close_if_idle(line)

    def _close_if_idle(self, line: Line) -> None:
        if line in self._retired and not line.users:
            self._retired.discard(line)
            task = asyncio.get_running_loop().create_task(line.sender.aclose())
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)
