"""What the fakes accepted, for tests and for the demo to look at."""

import json
from collections import deque
from collections.abc import Mapping
from datetime import UTC, datetime
from itertools import islice
from typing import Any, Final, NamedTuple

DEFAULT_LIMIT: Final = 100_000

# What would let a reader of the inbox send in the sender's name.
_SECRET_HEADERS: Final = frozenset({b"authorization", b"proxy-authorization", b"cookie"})


class ReceivedPush(NamedTuple):
    """One accepted push, kept as it came: it is read far less often than it is stored.

    provider: "apns", "fcm", "webpush", "wns" or "sms". token: the device's, or
    `/topics/<name>`, or a condition, or a browser's endpoint. body: of a browser's message what
    it decrypted.
    """

    provider: str
    token: str
    raw_headers: Mapping[bytes, bytes]
    body: bytes
    received_at: datetime

    def __repr__(self) -> str:
        """Say neither the sender's secrets nor the text."""
        return f"ReceivedPush({self.provider!r}, {self.token!r}, {self.received_at!r})"

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
        """Return the body, read as JSON; what is no JSON as text."""
        try:
            return json.loads(self.body)
        except ValueError:
            return self.body.decode("utf-8", "replace")

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
    """The latest pushes, oldest first; the oldest leave when it is full, and 0 keeps none."""

    def __init__(self, limit: int = DEFAULT_LIMIT) -> None:
        self._limit = limit
        self._pushes: deque[ReceivedPush] = deque()
        # A second index, so that asking for one phone stays cheap during a broadcast. It is
        # brought up to date by those who ask: a broadcast that nobody looks at needs none.
        # Lists, because a deque takes ten times the memory for the usual one push.
        self._by_token: dict[str, list[ReceivedPush]] = {}
        self._unindexed = 0
        self.total = 0
        """Pushes accepted since the start or the last `clear`, those that left included."""

    def __len__(self) -> int:
        return len(self._pushes)

    def add(self, push: ReceivedPush) -> None:
        """Keep one push."""
        self.total += 1
        if self._limit:
            self._pushes.append(push)
            self._unindexed += 1
            if len(self._pushes) > self._limit:
                self._forget_oldest()

    def received(self, token: str | None = None) -> list[ReceivedPush]:
        """Return the pushes for one token, or all; oldest first."""
        if token is None:
            return list(self._pushes)
        self._index()
        return list(self._by_token.get(token, ()))

    def clear(self) -> None:
        """Forget everything."""
        self._pushes.clear()
        self._by_token.clear()
        self._unindexed = 0
        self.total = 0

    def _index(self) -> None:
        new = islice(reversed(self._pushes), self._unindexed)
        for push in reversed(list(new)):
            self._by_token.setdefault(push.token, []).append(push)
        self._unindexed = 0

    def _forget_oldest(self) -> None:
        oldest = self._pushes.popleft()
        if self._unindexed > len(self._pushes):
            self._unindexed -= 1
            return
        theirs = self._by_token[oldest.token]
        theirs.pop(0)
        if not theirs:
            del self._by_token[oldest.token]
