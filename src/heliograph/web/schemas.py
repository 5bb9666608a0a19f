"""What all dialects' schemas share: strictness, field types, and naming what is wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, Strict, ValidationError
from pydantic_core import PydanticCustomError

from heliograph.core.errors import InvalidRequest, Problem, ProblemKind
from heliograph.core.registrations.tokens import MAX_TOKEN_CHARS, has_control_characters

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

T = TypeVar("T")

MAX_LABEL_CHARS = 256
MIN_INT64 = -(2**63)
MAX_INT64 = 2**63 - 1

_OURS = "problem."


class Schema(BaseModel):
    """A body or query in a vendor's spelling: strict, frozen, closed.

    A vendor that ignores unknown fields says so with `extra="ignore"`.
    """

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", populate_by_name=True)


S = TypeVar("S", bound=Schema)


def _printable(text: str) -> str:
    if has_control_characters(text):
        expected = "free of control characters and lone surrogates"
        raise custom_error(ProblemKind.MALFORMED, expected)
    return text


def _storable(text: str) -> str:
    # PostgreSQL's text has no NUL. Lone surrogates never come this far in a
    # body, but they do in a path or a query that was decoded elsewhere.
    if "\0" in text:
        raise custom_error(ProblemKind.MALFORMED, "free of NUL characters")
    return text


Token = Annotated[str, Field(min_length=1, max_length=MAX_TOKEN_CHARS), AfterValidator(_printable)]
"""A provider's address for a device."""

Label = Annotated[str, Field(min_length=1, max_length=MAX_LABEL_CHARS), AfterValidator(_printable)]
"""A tag, a user's or a device's id: one line that people and logs can show."""

Text = Annotated[str, AfterValidator(_storable)]
"""Free text: any characters that can be stored, line breaks included."""

Int64 = Annotated[int, Field(ge=MIN_INT64, le=MAX_INT64)]
"""An integer that every store and every provider can hold."""

Choice = Annotated[T, Strict(strict=False)]
"""A member of an enum by its value: `Choice[ProviderName]`. JSON knows no enums."""

Items = Annotated[tuple[T, ...], Strict(strict=False)]
"""A JSON array as a tuple: `Items[Label]`."""

_KINDS = {
    "missing": ProblemKind.MISSING,
    "extra_forbidden": ProblemKind.UNKNOWN_FIELD,
    "enum": ProblemKind.NOT_ALLOWED,
    "literal_error": ProblemKind.NOT_ALLOWED,
    "union_tag_invalid": ProblemKind.NOT_ALLOWED,
    "union_tag_not_found": ProblemKind.MISSING,
    "string_too_short": ProblemKind.TOO_SHORT,
    "too_short": ProblemKind.TOO_SHORT,
    "string_too_long": ProblemKind.TOO_LONG,
    "too_long": ProblemKind.TOO_MANY,
    "greater_than": ProblemKind.TOO_SMALL,
    "greater_than_equal": ProblemKind.TOO_SMALL,
    "less_than": ProblemKind.TOO_LARGE,
    "less_than_equal": ProblemKind.TOO_LARGE,
    "string_pattern_mismatch": ProblemKind.MALFORMED,
    "string_unicode": ProblemKind.MALFORMED,
    "int_parsing": ProblemKind.WRONG_TYPE,
    "int_parsing_size": ProblemKind.TOO_LARGE,
    "url_parsing": ProblemKind.MALFORMED,
    "uuid_parsing": ProblemKind.MALFORMED,
}
"""pydantic's error types that say more than "wrong type", which all others are."""

_BOUNDS = {
    "string_too_short": "{min_length} or more characters",
    "too_short": "{min_length} or more items",
    "string_too_long": "at most {max_length} characters",
    "too_long": "at most {max_length} items",
    "greater_than": "greater than {gt}",
    "greater_than_equal": "at least {ge}",
    "less_than": "less than {lt}",
    "less_than_equal": "at most {le}",
    "enum": "one of {expected}",
    "literal_error": "one of {expected}",
    "union_tag_invalid": "one of {expected_tags}",
    "string_pattern_mismatch": "of the form {pattern}",
    "string_unicode": "valid Unicode",
    "int_parsing_size": "a 64-bit integer",
    "missing": "present",
    "union_tag_not_found": "present",
    "extra_forbidden": "absent",
}

_TYPES = {
    "string_type": "a string",
    "int_type": "an integer",
    "int_parsing": "an integer",
    "int_from_float": "an integer",
    "float_type": "a number",
    "float_parsing": "a number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "list_type": "an array",
    "tuple_type": "an array",
    "dict_type": "an object",
    "model_type": "an object",
    "model_attributes_type": "an object",
    "none_required": "null",
}


_OF_TEXTS = {"too_short": "string_too_short", "too_long": "string_too_long"}


def check(value: object, schema: type[S]) -> S:
    """Read a JSON value into a schema; raises InvalidRequest with every problem."""
    try:
        return schema.model_validate(value)
    except ValidationError as error:
        raise InvalidRequest(problems_of(error)) from error


def problems_of(error: ValidationError) -> list[Problem]:
    """Translate everything pydantic found into problems, in its order."""
    return [
        _problem_of(details) for details in error.errors(include_url=False) if not _is_echo(details)
    ]


def _is_echo(details: ErrorDetails) -> bool:
    """Say whether an array is called short for its bad items, which are named themselves."""
    given = details["input"]
    return (
        details["type"] == "too_short"
        and isinstance(given, list | dict)
        and len(given) >= details["ctx"]["min_length"]
    )


def custom_error(kind: ProblemKind, expected: str) -> PydanticCustomError:
    """Make an error for a schema's validator to raise: a kind, and "must be …"."""
    return PydanticCustomError(_OURS + kind.value, "{expected}", {"expected": expected})


def _problem_of(details: ErrorDetails) -> Problem:
    name = details["type"]
    if name.startswith(_OURS):
        kind = ProblemKind(name.removeprefix(_OURS))
        return Problem(tuple(details["loc"]), kind, details["msg"])
    if isinstance(details["input"], str):
        # Where a text was looked at before its length, pydantic takes it for a collection.
        name = _OF_TEXTS.get(name, name)
    context: dict[str, Any] = details.get("ctx", {})
    if name in _BOUNDS:
        expected = _BOUNDS[name].format(**context)
    else:
        expected = _TYPES.get(name, details["msg"])
    return Problem(tuple(details["loc"]), _KINDS.get(name, ProblemKind.WRONG_TYPE), expected)
