"""Names and values as HTML forms encode them, in bodies and in query strings alike.

Source: the URL standard, "application/x-www-form-urlencoded parsing".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar
from urllib.parse import unquote_to_bytes

from pydantic import ValidationError

from heliograph.core.errors import InvalidRequest, Problem, ProblemKind
from heliograph.web.schemas import Schema, problems_of

if TYPE_CHECKING:
    from collections.abc import Iterator

S = TypeVar("S", bound=Schema)

MAX_FIELDS = 1000
"""Far beyond any vendor's form, far below what a body of the largest size could cost."""


def read_form(raw: bytes, schema: type[S], *, may_repeat: bool = False) -> S:
    """Read a form body or a query string into a schema, which converts the texts.

    may_repeat: of a repeated field the last counts. Raises InvalidRequest
    naming every repeated, undecodable or bad field, and every unknown one
    that the schema does not ignore.
    """
    values, problems = fields_of(raw, may_repeat=may_repeat)
    try:
        checked = schema.model_validate_strings(values)
    except ValidationError as error:
        named = {problem.path for problem in problems}
        more = [problem for problem in problems_of(error) if problem.path not in named]
        raise InvalidRequest([*problems, *more]) from error
    if problems:
        raise InvalidRequest(problems)
    return checked


def fields_of(raw: bytes, *, may_repeat: bool = False) -> tuple[dict[str, str], list[Problem]]:
    """Split into decoded fields, and what is wrong with the others.

    Plus signs are blanks; a stray percent sign stands for itself; a field
    without a value is empty. Raises InvalidRequest for more than MAX_FIELDS.
    """
    if raw.count(b"&") >= MAX_FIELDS:
        raise InvalidRequest([Problem((), ProblemKind.TOO_MANY, f"at most {MAX_FIELDS} fields")])
    values: dict[str, str] = {}
    problems = []
    for name, value in _pairs(raw):
        if value is None:
            problems.append(Problem((name,), ProblemKind.MALFORMED, "percent-encoded UTF-8"))
        elif name in values and not may_repeat:
            problems.append(Problem((name,), ProblemKind.NOT_ALLOWED, "given once"))
        else:
            values[name] = value
    return values, problems


def _pairs(raw: bytes) -> Iterator[tuple[str, str | None]]:
    """Yield names and values; None for a field that is not UTF-8."""
    for part in raw.split(b"&"):
        if part:
            name, _, value = part.partition(b"=")
            decoded = _decode(name)
            if decoded is None:
                yield name.decode("ascii", "replace"), None
            else:
                yield decoded, _decode(value)


def _decode(part: bytes) -> str | None:
    try:
        return unquote_to_bytes(part.replace(b"+", b" ")).decode()
    except UnicodeDecodeError:
        return None
