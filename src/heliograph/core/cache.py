"""A small cache whose entries are believed for a limited time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

K = TypeVar("K", bound="Hashable")
V = TypeVar("V")


class TtlCache(Generic[K, V]):
    """Remembers up to `size` values for `ttl_s` seconds each, oldest out first.

    The life is what bounds how long another node's revocation goes unseen;
    this process forgets at once by `forget`.
    """

    def __init__(self, monotonic: Callable[[], float], *, size: int, ttl_s: float) -> None:
        self._monotonic = monotonic
        self._size = size
        self._ttl_s = ttl_s
        self._entries: dict[K, tuple[float, V]] = {}

    def get(self, key: K) -> V | None:
        """Answer a value that is still fresh."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        if entry[0] <= self._monotonic():
            del self._entries[key]
            return None
        return entry[1]

    def put(self, key: K, value: V) -> None:
        """Remember a value from now on."""
        self._entries.pop(key, None)
        if len(self._entries) >= self._size:
            del self._entries[next(iter(self._entries))]
        self._entries[key] = (self._monotonic() + self._ttl_s, value)

    def forget(self, key: K) -> None:
        """Drop one value."""
        self._entries.pop(key, None)

    def clear(self) -> None:
        """Drop every value."""
        self._entries.clear()
