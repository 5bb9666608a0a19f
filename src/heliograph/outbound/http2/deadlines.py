"""One timer for any number of deadlines."""

from collections.abc import Hashable
from typing import Generic, TypeVar

T = TypeVar("T", bound=Hashable)


class TimerWheel(Generic[T]):
    """Items sorted into slots of `tick_s` seconds; adding and removing costs O(1).

    An item comes out up to one tick late and never early. Time enters as
    numbers of one clock, whichever it is.
    """

    def __init__(self, tick_s: float) -> None:
        self.tick_s = tick_s
        self._slots: dict[int, set[T]] = {}
        self._slot_of: dict[T, int] = {}

    def __len__(self) -> int:
        return len(self._slot_of)

    def add(self, item: T, due_at: float) -> None:
        """Put an item in; an item that is in already moves to the new time."""
        self.discard(item)
        slot = int(due_at // self.tick_s)
        self._slot_of[item] = slot
        self._slots.setdefault(slot, set()).add(item)

    def discard(self, item: T) -> None:
        """Take an item out, if it is in."""
        slot = self._slot_of.pop(item, None)
        if slot is None:
            return
        items = self._slots[slot]
        items.remove(item)
        if not items:
            del self._slots[slot]

    def expire(self, now: float) -> list[T]:
        """Take out and return everything that is due, oldest slot first."""
        # The running slot is still filling: its items may lie ahead of `now`.
        past = sorted(slot for slot in self._slots if slot < now // self.tick_s)
        due: list[T] = []
        for slot in past:
            items = self._slots.pop(slot)
            due.extend(items)
            for item in items:
                del self._slot_of[item]
        return due
