"""Lists of changes: `[{"operation": "set", "property": …, "value": …}]`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from heliograph.core.errors import InvalidRequest, Problem, ProblemKind
from heliograph.dialects.layer.schemas.users import Operation, Patch
from heliograph.web.schemas import check

if TYPE_CHECKING:
    from collections.abc import Mapping

OPERATION = "operation"
SESSION_TTL = "session_ttl_in_seconds"
SUSPENDED = "suspended"

MIN_TTL_S = 30
MAX_TTL_S = 31_536_000
"""Source: docs/dialects/layer.md, "Platform API"."""

_SET = "set"


def to_settings(value: Any) -> Mapping[str, Any]:
    """Read the changes of an application; raises InvalidRequest with every problem."""
    problems = []
    settings: dict[str, Any] = {}
    for place, change in enumerate(_operations(value)):
        problem = _misfit(place, change, SESSION_TTL)
        ttl_s = change.value
        # True is 1 to Python, and so too short a life.
        is_life = isinstance(ttl_s, int) and MIN_TTL_S <= ttl_s <= MAX_TTL_S
        if problem is None and not is_life:
            expected = f"an integer from {MIN_TTL_S} to {MAX_TTL_S}"
            problem = Problem((place, "value"), ProblemKind.NOT_ALLOWED, expected)
        if problem is not None:
            problems.append(problem)
        settings[SESSION_TTL] = ttl_s
    if problems:
        raise InvalidRequest(problems)
    return settings


def to_suspended(value: Any) -> bool:
    """Read whether a user is to be shut out; raises InvalidRequest with every problem."""
    problems = []
    is_suspended = False
    for place, change in enumerate(_operations(value)):
        problem = _misfit(place, change, SUSPENDED)
        if problem is None and not isinstance(change.value, bool):
            problem = Problem((place, "value"), ProblemKind.WRONG_TYPE, "true or false")
        if problem is not None:
            problems.append(problem)
        is_suspended = change.value is True
    if problems:
        raise InvalidRequest(problems)
    return is_suspended


def _operations(value: Any) -> tuple[Operation, ...]:
    try:
        return check({"operations": value}, Patch).operations
    except InvalidRequest as error:
        # The list has no name: what is wrong is said by its places.
        raise InvalidRequest(
            [Problem(each.path[1:], each.kind, each.expected) for each in error.problems]
        ) from error


def _misfit(place: int, change: Operation, wanted: str) -> Problem | None:
    if change.operation != _SET:
        return Problem((place, OPERATION), ProblemKind.NOT_ALLOWED, "set")
    if change.property != wanted:
        return Problem((place, "property"), ProblemKind.NOT_ALLOWED, wanted)
    return None
