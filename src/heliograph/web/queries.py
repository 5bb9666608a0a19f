"""Query strings: decoded strictly, checked whole."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar
from urllib.parse import unquote_to_bytes

from pydantic import ValidationError

from heliograph.core.errors import InvalidRequest, Problem, ProblemKind
from heliograph.web.schemas import Schema, problems_of

if TYPE_CHECKING:
    from collections.abc import Iterator

S = TypeVar("S", bound=Schema)


def read_query(raw: bytes, schema: type[S]) -> S:
    """Read a raw query string into a schema.

    Raises InvalidRequest naming every unknown, repeated, undecodable or bad
    parameter.
    """
    values: dict[str, str] = {}
    problems = []
    for name, value in _pairs(raw):
        if value is None:
            problems.append(Problem((name,), ProblemKind.MALFORMED, "percent-encoded UTF-8"))
        elif name in values:
            problems.append(Problem((name,), ProblemKind.NOT_ALLOWED, "given once"))
        else:
            values[name] = value
    try:
        checked = schema.model_validate_strings(values)
    except ValidationError as error:
        raise InvalidRequest([*problems, *problems_of(error)]) from error
    if problems:
        raise InvalidRequest(problems)
    return checked


def _pairs(raw: bytes) -> Iterator[tuple[str, str | None]]:
    """Split into decoded names and values; None for what is not UTF-8."""
    for part in raw.split(b"&"):
        if part:
            name, _, value = part.partition(b"=")
            yield _decode(name) or name.decode("ascii", "replace"), _decode(value)


def _decode(part: bytes) -> str | None:
    try:
        return unquote_to_bytes(part.replace(b"+", b" ")).decode()
    except UnicodeDecodeError:
        return None
