"""Scripted misbehaviour: what to answer a push instead of 200."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, NamedTuple
from zlib import crc32

ANY_TOKEN: Final = "*"  # noqa: S105 - the wildcard, no secret
TOKEN_ENDPOINT: Final = "/token"  # noqa: S105 - a path, the name of FCM's token endpoint
"""As a fault's token: the next call of the OAuth token endpoint; `*` does not match it."""

WNS_TOKEN_ENDPOINT: Final = "/accesstoken.srf"  # noqa: S105 - a path
"""As a fault's token: the next call of either of WNS' token endpoints."""

SMPP_BIND: Final = "/smpp/bind"
"""As a fault's token: the next bind at the SMS centre."""

_NO_PUSHES: Final = frozenset({TOKEN_ENDPOINT, WNS_TOKEN_ENDPOINT, SMPP_BIND})
"""Calls that are no pushes: `*` does not match them."""

_HASHES: Final = 2**32
_OK: Final = 200


class Action(StrEnum):
    """How a fault shows itself."""

    REPLY = "reply"
    GOAWAY = "goaway"
    RST = "rst"
    HANG = "hang"
    FREEZE = "freeze"
    CLOSE = "close"
    RESET = "reset"
    BAD_HPACK = "bad_hpack"
    BAD_FRAME = "bad_frame"
    SQUEEZE = "squeeze"


class Listener(StrEnum):
    """Which of the fakes a rule is about."""

    APNS = "apns"
    APNS_SANDBOX = "apns_sandbox"
    FCM = "fcm"
    WEBPUSH = "webpush"
    WNS = "wns"
    SMS = "sms"
    SMPP = "smpp"
    WEBHOOK = "webhook"


@dataclass(frozen=True, slots=True)
class Fault:
    """One scripted answer.

    status: of the reply; with any other action 200 means that the push is taken (it is in
    the inbox) before the connection misbehaves, None that it is not. reason: APNs' reason,
    FCM's error code, or with `rst` the name of an HTTP/2 error code. timestamp: when the
    token died, ms since 1970, with 410 only; died_s_ago says the same relative to the answer.
    times: how often; 0 clears what was scripted for the token. retry_after: seconds, a
    header. field: the request field that FCM blames. last_stream_id, finishes: what a GOAWAY
    says and whether what is below it is answered. max_streams, window_bytes, requests: what
    the connection is squeezed to, and for how many requests.
    """

    token: str
    status: int | None = None
    reason: str | None = None
    timestamp: int | None = None
    times: int = 1
    retry_after: int | None = None
    delay_ms: int = 0
    action: Action = Action.REPLY
    field: str | None = None
    died_s_ago: int | None = None
    last_stream_id: int | None = None
    finishes: bool = True
    max_streams: int | None = None
    window_bytes: int | None = None
    requests: int = 0

    @property
    def takes_push(self) -> bool:
        """Whether the push counts as accepted all the same."""
        return self.status == _OK or (self.action is Action.SQUEEZE and self.status is None)

    def at(self, now_ms: int) -> Fault:
        """Return it with the time of death that a relative one comes to."""
        if self.died_s_ago is None:
            return self
        return replace(self, timestamp=now_ms - self.died_s_ago * 1000, died_s_ago=None)


class Place(NamedTuple):
    """Where a push stands: the n-th of its listener and of its connection.

    Counted from 1, and from when the script was given.
    """

    listener: Listener
    number: int
    on_connection: int


class Tally:
    """One connection's part in the counting."""

    __slots__ = ("count", "listener", "script")

    def __init__(self, listener: Listener) -> None:
        self.listener = listener
        self.script = 0
        self.count = 0


@dataclass(slots=True)
class Rule:
    """A fault for all pushes that fit.

    listener, token: None fits all. first, last: numbers of pushes, both included; every:
    of these each k-th. share: of the tokens, or if `of_pushes` of the pushes, chosen by hash
    and seed, so that the choice can be repeated. by_connection: numbers count on each
    connection anew. left: how often it may still apply, None without end.
    """

    fault: Fault
    listener: Listener | None = None
    token: str | None = None
    first: int = 1
    last: int | None = None
    every: int = 1
    share: float = 1.0
    of_pushes: bool = False
    seed: int = 0
    by_connection: bool = False
    left: int | None = None

    def fits(self, token: str, place: Place) -> bool:
        """Say whether this push meets the fault."""
        number = place.on_connection if self.by_connection else place.number
        if number < self.first or (self.last is not None and number > self.last):
            return False
        if (self.listener or place.listener) is not place.listener or self.left == 0:
            return False
        if (self.token or token) != token or (number - self.first + 1) % self.every:
            return False
        chosen_by = str(number) if self.of_pushes else token
        return self.share >= 1 or is_among(chosen_by, self.share, self.seed)


def is_among(text: str, share: float, seed: int = 0) -> bool:
    """Say whether a token (or a push's number, in digits) is one of a share; ever the same."""
    return crc32(text.encode(), seed) < share * _HASHES


class FaultBook:
    """The scripted faults: per token in the order they were added, and a script of rules."""

    def __init__(self) -> None:
        self._by_token: dict[str, deque[tuple[Fault, int]]] = {}
        self._rules: list[Rule] = []
        self._script = 0
        self._counts: dict[Listener, int] = {}
        self.is_empty = True
        """Whether nothing is scripted, so that nobody needs to ask."""

    def add(self, fault: Fault) -> None:
        """Script one fault; `times` 0 clears those of its token."""
        if fault.times == 0:
            self._by_token.pop(fault.token, None)
        else:
            self._by_token.setdefault(fault.token, deque()).append((fault, fault.times))
        self._look()

    def play(self, rules: list[Rule]) -> None:
        """Follow these rules from now on, in place of former ones, and count anew."""
        self._rules = rules
        self._script += 1
        self._counts.clear()
        self._look()

    def clear(self) -> None:
        """Clear all faults."""
        self._by_token.clear()
        self.play([])

    def take(self, token: str, tally: Tally | None = None) -> Fault | None:
        """Return the fault for a push to this token, using it up once; its own come first.

        Of the rules the first that fits wins. tally: the connection's; None for a call that
        is no push, which no rule is about.
        """
        if self.is_empty:
            return None
        place = self._count(tally) if tally is not None and self._rules else None
        fault = self._take(token)
        if fault is None and token not in _NO_PUSHES:
            fault = self._take(ANY_TOKEN)
        if fault is not None or place is None:
            return fault
        for rule in self._rules:
            if rule.fits(token, place):
                if rule.left is not None:
                    rule.left -= 1
                return rule.fault
        return None

    def _take(self, token: str) -> Fault | None:
        queue = self._by_token.get(token)
        if queue is None:
            return None
        fault, left = queue.popleft()
        if left > 1:
            queue.appendleft((fault, left - 1))
        elif not queue:
            del self._by_token[token]
            self._look()
        return fault

    def _count(self, tally: Tally) -> Place:
        if tally.script != self._script:
            tally.script, tally.count = self._script, 0
        tally.count += 1
        number = self._counts.get(tally.listener, 0) + 1
        self._counts[tally.listener] = number
        return Place(tally.listener, number, tally.count)

    def _look(self) -> None:
        self.is_empty = not self._by_token and not self._rules
