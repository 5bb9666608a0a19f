"""Scripted misbehaviour: what to answer a device token instead of 200."""

from collections import deque
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

ANY_TOKEN: Final = "*"  # noqa: S105 - the wildcard, no secret
TOKEN_ENDPOINT: Final = "/token"  # noqa: S105 - a path, the name of FCM's token endpoint
"""As a fault's token: the next call of the OAuth token endpoint; `*` does not match it."""

_LONGEST_DELAY_MS: Final = 600_000
_LARGEST_TIMES: Final = 1_000_000_000
_GONE: Final = 410
_FIELDS: Final = frozenset(
    {"token", "status", "reason", "timestamp", "times", "retry_after", "delay_ms", "action"}
    | {"field"}
)


class Action(StrEnum):
    """How a fault shows itself."""

    REPLY = "reply"
    GOAWAY = "goaway"
    RST = "rst"
    HANG = "hang"
    CLOSE = "close"


@dataclass(frozen=True, slots=True)
class Fault:
    """One scripted answer.

    status: of the reply; with any other action 200 means that the push is taken (it is in
    the inbox) before the connection misbehaves, None that it is not. reason: APNs' reason,
    FCM's error code, or with `rst` the name of an HTTP/2 error code. timestamp: when the
    token died, ms since 1970, with 410 only. times: how often; 0 clears what was scripted
    for the token. retry_after: seconds, a header. field: the request field that FCM blames.
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

    @property
    def takes_push(self) -> bool:
        """Whether the push counts as accepted all the same."""
        return self.status == 200  # noqa: PLR2004 - OK

    @classmethod
    def from_json(cls, value: Any) -> "Fault":
        """Read a fault from JSON; ValueError names every problem, joined by `; `."""
        if not isinstance(value, dict):
            raise ValueError("a fault must be an object")  # noqa: TRY004 - one error for all
        problems = [f"{name}: unknown field" for name in value if name not in _FIELDS]
        given = {name: item for name, item in value.items() if item is not None}
        problems += _text_problems(given)
        problems += _number_problems(given)
        if not problems:
            problems += _joint_problems(given)
        if problems:
            raise ValueError("; ".join(problems))
        action = Action(given.pop("action", Action.REPLY))
        return cls(action=action, **given)


class FaultBook:
    """The scripted faults, per token in the order they were added."""

    def __init__(self) -> None:
        self._by_token: dict[str, deque[tuple[Fault, int]]] = {}

    def add(self, fault: Fault) -> None:
        """Script one fault; `times` 0 clears those of its token."""
        if fault.times == 0:
            self._by_token.pop(fault.token, None)
        else:
            self._by_token.setdefault(fault.token, deque()).append((fault, fault.times))

    def clear(self) -> None:
        """Clear all faults."""
        self._by_token.clear()

    def take(self, token: str) -> Fault | None:
        """Return the fault for a push to this token, using it up once; its own come first."""
        if not self._by_token:
            return None
        fault = self._take(token)
        if fault is None and token != TOKEN_ENDPOINT:
            fault = self._take(ANY_TOKEN)
        return fault

    def _take(self, token: str) -> Fault | None:
        queue = self._by_token.get(token)
        if queue is None:
            return None
        fault, left = queue.popleft()
        if left > 1:
            queue.appendleft((fault, left - 1))
        elif not queue:
            del self._by_token[token]
        return fault


def _text_problems(given: dict[str, Any]) -> list[str]:
    problems = []
    if "token" not in given:
        problems.append("token: missing")
    problems += [
        f"{name}: must be a non-empty string"
        for name in ("token", "reason", "field")
        if name in given and not (isinstance(given[name], str) and given[name])
    ]
    actions = [action.value for action in Action]
    if "action" in given and given["action"] not in actions:
        problems.append(f"action: must be one of {', '.join(actions)}")
    return problems


def _number_problems(given: dict[str, Any]) -> list[str]:
    ranges = {
        "status": (200, 599),
        "timestamp": (0, 2**53),
        "times": (0, _LARGEST_TIMES),
        "retry_after": (0, 2**31),
        "delay_ms": (0, _LONGEST_DELAY_MS),
    }
    return [
        f"{name}: must be a whole number from {low} to {high}"
        for name, (low, high) in ranges.items()
        if name in given and not (type(given[name]) is int and low <= given[name] <= high)
    ]


def _joint_problems(given: dict[str, Any]) -> list[str]:
    problems = []
    replies = given.get("action", "reply") == "reply"
    if replies and "status" not in given and given.get("times") != 0:
        problems.append("status: missing")
    if "timestamp" in given and given.get("status") != _GONE:
        problems.append("timestamp: goes with status 410 only")
    if "delay_ms" in given and not replies:
        problems.append("delay_ms: goes with the action reply only")
    return problems
