"""A compact record of every push that the fakes judged, for counting and comparing."""

from collections import deque
from functools import lru_cache
from typing import Final

DEFAULT_LIMIT: Final = 100_000
_CHUNK: Final = 4096


class PushLog:
    """One line per push: `provider status id token`, oldest first; status 0 is no answer.

    The id is APNs' `apns-id`, or what the FCM fake named the message. About 110 bytes are
    kept per push; past `limit` pushes the oldest leave in chunks, and 0 keeps none.
    """

    def __init__(self, limit: int = DEFAULT_LIMIT) -> None:
        self._limit = limit
        self._chunks: deque[bytes] = deque()
        self._lines: list[bytes] = []
        self._counts: dict[bytes, int] = {}

    def add(self, provider: str, status: int, name: bytes, token: str) -> None:
        """Note one push."""
        beginning = _beginning(provider, status)
        self._counts[beginning] = self._counts.get(beginning, 0) + 1
        if self._limit:
            lines = self._lines
            lines.append(b"%b%b %b\n" % (beginning, name, token.encode()))
            if len(lines) >= _CHUNK:
                self._pack()

    def text(self) -> bytes:
        """Return all lines."""
        return b"".join([*self._chunks, *self._lines])

    def counts(self) -> dict[str, dict[str, int]]:
        """Return how many pushes got which status, by provider; those that left included."""
        said: dict[str, dict[str, int]] = {}
        for beginning, count in sorted(self._counts.items()):
            provider, status = beginning.decode().split()
            said.setdefault(provider, {})[status] = count
        return said

    def clear(self) -> None:
        """Forget everything."""
        self._chunks.clear()
        self._lines.clear()
        self._counts.clear()

    def _pack(self) -> None:
        # One object for many lines: a million small ones would slow every collection down.
        self._chunks.append(b"".join(self._lines))
        self._lines.clear()
        if len(self._chunks) * _CHUNK > self._limit:
            self._chunks.popleft()


@lru_cache(maxsize=256)
def _beginning(provider: str, status: int) -> bytes:
    return f"{provider} {status} ".encode()
