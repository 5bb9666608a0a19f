from __future__ import annotations

from datetime import timedelta

from heliograph.core import errors
from heliograph.core.errors import (
    Conflict,
    CoreError,
    InvalidRequest,
    NotFound,
    NotPermitted,
    PayloadTooLarge,
    Problem,
    ProblemKind,
    RateLimited,
    Unavailable,
)


def test_an_invalid_request_names_every_problem() -> None:
    error = InvalidRequest(
        [
            Problem(("audience", "users", 0), ProblemKind.MISSING, "a user"),
            Problem((), ProblemKind.NOT_JSON, "JSON"),
        ]
    )

    assert str(error) == "audience.users.0: missing, body: not_json"
    assert len(error.problems) == 2


def test_a_payload_that_is_too_large_is_an_invalid_request_with_its_sizes() -> None:
    error = PayloadTooLarge(5000, 4096)

    assert isinstance(error, InvalidRequest)
    assert (error.size_bytes, error.limit_bytes) == (5000, 4096)
    assert error.problems[0].expected == "at most 4096 bytes"


def test_errors_carry_facts() -> None:
    assert NotPermitted("notifications.send").action == "notifications.send"
    assert (NotFound("user", "u").kind, Conflict("user", "u").id) == ("user", "u")
    assert RateLimited(timedelta(seconds=3)).retry_after == timedelta(seconds=3)
    assert Unavailable("database").component == "database"


def test_the_drawing_shows_every_error() -> None:
    drawing = errors.__doc__ or ""

    def names(of: type[CoreError]) -> list[str]:
        return [of.__name__, *(name for each in of.__subclasses__() for name in names(each))]

    own = [name for name in names(CoreError) if hasattr(errors, name)]
    assert [name for name in own if name not in drawing] == []
