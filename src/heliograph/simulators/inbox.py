"""What the fakes accepted, for tests and for the demo to look at."""

import json
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

DEFAULT_LIMIT: Final = 100_000

# What would let a reader of the inbox send in the sender's name.
_SECRET_HEADERS: Final = frozenset({b"authorization", b"proxy-authorization", b"cookie"})


@dataclass(frozen=True, slots=True)
class ReceivedPush:
    """One accepted push, kept as it came: it is read far less often than it is stored.

    provider: "apns" or "fcm". token: the device's, or `/topics/<name>`, or a condition.
    """

    provider: str
    token: str
    raw_headers: Mapping[bytes, bytes] = field(repr=False)
    body: bytes = field(repr=False)
    received_at: datetime

    @property
    def headers(self) -> dict[str, str]:
        """Return the request's headers without the secret ones."""
        return {
            name.decode("latin-1"): value.decode("utf-8", "replace")
            for name, value in self.raw_headers.items()
            if name not in _SECRET_HEADERS
        }

    @property
    def payload(self) -> Any:
        """Return the body, read as JSON."""
        return json.loads(self.body)

    def to_json(self) -> dict[str, Any]:
        """Say it the way the demo and the tests read it."""
        moment = self.received_at.astimezone(UTC).isoformat(timespec="milliseconds")
        return {
            "provider": self.provider,
            "token": self.token,
            "headers": self.headers,
            "payload": self.payload,
            "received_at": moment.replace("+00:00", "Z"),
        }


class Inbox:
    """The latest pushes, oldest first; the oldest leave when it is full."""

    def __init__(self, limit: int = DEFAULT_LIMIT) -> None:
        self._limit = limit
        self._pushes: deque[ReceivedPush] = deque()
        # A second index, so that asking for one phone stays cheap during a broadcast.
        # Lists, because a deque takes ten times the memory for the usual one push.
        self._by_token: dict[str, list[ReceivedPush]] = {}
        self.total = 0
        """Pushes accepted since the start or the last `clear`, those that left included."""

    def __len__(self) -> int:
        return len(self._pushes)

    def add(self, push: ReceivedPush) -> None:
        """Keep one push."""
        self.total += 1
        self._pushes.append(push)
        self._by_token.setdefault(push.token, []).append(push)
        if len(self._pushes) > self._limit:
            self._forget_oldest()

    def received(self, token: str | None = None) -> list[ReceivedPush]:
        """Return the pushes for one token, or all; oldest first."""
        return list(self._pushes if token is None else self._by_token.get(token, ()))

    def clear(self) -> None:
        """Forget everything."""
        self._pushes.clear()
        self._by_token.clear()
        self.total = 0

    def _forget_oldest(self) -> None:
        oldest = self._pushes.popleft()
        theirs = self._by_token[oldest.token]
        theirs.pop(0)
        if not theirs:
            del self._by_token[oldest.token]
