"""Everything the core refuses, as one hierarchy.

    CoreError
    ├─ InvalidRequest(problems)         the caller can fix it; every Problem(path, kind, expected)
    │  ├─ InvalidToken
    │  └─ PayloadTooLarge(size_bytes, limit_bytes)
    ├─ NotAuthenticated
    │  └─ WrongLogin                    no such login, or not this password
    ├─ NotPermitted(action)
    │  └─ Suspended(kind)               who asks is shut out: a user, or a whole application
    ├─ NotFound(kind, id)
    ├─ Conflict(kind, id)
    │  ├─ WrongState(kind, id, state)   what is there is past that, or not there yet
    │  ├─ KeyReused(key)                an idempotency key that stands for another request
    │  └─ QuotaReached(kind, limit)     there are as many as there may be
    ├─ RateLimited(retry_after, limit, counted)
    └─ Unavailable(component)           safe to retry

Errors carry facts, never HTTP statuses or finished sentences: each dialect
owns the words. What a provider answers is not an error but an `Outcome`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import timedelta

PathPart = str | int


class ProblemKind(StrEnum):
    """What is wrong with one value; each dialect maps it to its own codes."""

    MISSING = "missing"
    WRONG_TYPE = "wrong_type"
    NOT_ALLOWED = "not_allowed"
    UNKNOWN_FIELD = "unknown_field"
    TOO_SHORT = "too_short"
    TOO_LONG = "too_long"
    TOO_SMALL = "too_small"
    TOO_LARGE = "too_large"
    TOO_MANY = "too_many"
    MALFORMED = "malformed"
    NOT_JSON = "not_json"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with a request.

    path: where, as keys and list positions from the body's root; empty for
    the body as a whole. expected: a short phrase such as "a string" that
    completes "must be …".
    """

    path: tuple[PathPart, ...]
    kind: ProblemKind
    expected: str

    @property
    def field(self) -> str:
        """The path as dotted text: `audience.users.0`."""
        return ".".join(str(part) for part in self.path)


class CoreError(Exception):
    """The root of all that is refused."""


class InvalidRequest(CoreError):
    """The caller can fix it. Names every problem that was found, not the first."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__(", ".join(f"{p.field or 'body'}: {p.kind}" for p in problems))
        self.problems = tuple(problems)


class InvalidToken(InvalidRequest):
    """A device token that its provider could never have issued."""


class PayloadTooLarge(InvalidRequest):
    """A request body, or a rendered message, past its limit."""

    def __init__(self, size_bytes: int | None, limit_bytes: int) -> None:
        super().__init__([Problem((), ProblemKind.TOO_LARGE, f"at most {limit_bytes} bytes")])
        self.size_bytes = size_bytes
        self.limit_bytes = limit_bytes


class NotAuthenticated(CoreError):
    """No credential, or one that proves nothing (any more)."""


class WrongLogin(NotAuthenticated):
    """No such login, or not this password: which of them, nobody is told."""


class NotPermitted(CoreError):
    """Known caller, but not with this right."""

    def __init__(self, action: str) -> None:
        super().__init__(action)
        self.action = action


class Suspended(NotPermitted):
    """Whoever asks is known, and shut out for now. kind: `user` or `application`."""

    def __init__(self, kind: str) -> None:
        super().__init__(f"a {kind} that is not suspended")
        self.kind = kind


class NotFound(CoreError):
    """No such thing within the caller's account: foreign things are not found."""

    def __init__(self, kind: str, id: str) -> None:  # noqa: A002 - the fact is an id
        super().__init__(f"{kind} {id}")
        self.kind = kind
        self.id = id


class Conflict(CoreError):
    """The request contradicts what is there."""

    def __init__(self, kind: str, id: str) -> None:  # noqa: A002 - the fact is an id
        super().__init__(f"{kind} {id}")
        self.kind = kind
        self.id = id


class WrongState(Conflict):
    """What is there is in a state that the request does not fit."""

    def __init__(self, kind: str, id: str, state: str) -> None:  # noqa: A002 - the fact is an id
        super().__init__(kind, id)
        self.state = state


class KeyReused(Conflict):
    """An idempotency key that stands for another request already."""

    def __init__(self, key: str) -> None:
        super().__init__("idempotency_key", key)


class QuotaReached(Conflict):
    """There are as many things of a kind as there may be."""

    def __init__(self, kind: str, limit: int) -> None:
        super().__init__(kind, str(limit))
        self.limit = limit


class Counted(StrEnum):
    """What is limited by count."""

    REQUESTS = "requests"
    LOGINS = "logins"


class RateLimited(CoreError):
    """Too many requests; `retry_after` says when to come back.

    limit: how many there may be in their time, of what is `counted`; None
    where somebody else counts.
    """

    def __init__(
        self,
        retry_after: timedelta,
        *,
        limit: int | None = None,
        counted: Counted | None = None,
    ) -> None:
        super().__init__(str(retry_after))
        self.retry_after = retry_after
        self.limit = limit
        self.counted = counted


class Unavailable(CoreError):
    """A component we need does not answer. Nothing was written; safe to retry."""

    def __init__(self, component: str) -> None:
        super().__init__(component)
        self.component = component
