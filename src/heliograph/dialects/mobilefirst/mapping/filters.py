r"""The filter grammar of lists.

    filter   := name op values
    op       := "==" (is) | "=@" (contains)
    values   := value *("," value)      any of them
    value    := text in which "\," and "\\" stand for a comma and a backslash

Several filters must all hold. A value that begins like a filter of its own
is one, and an alternative to the one before: both spellings are documented.
Source: docs/dialects/mobilefirst.md, "Filters".
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from heliograph.core.errors import InvalidRequest, Problem, ProblemKind
from heliograph.core.model.listing import Condition, RegistrationField
from heliograph.core.registrations.tokens import has_control_characters
from heliograph.dialects.mobilefirst.mapping.devices import PROVIDERS
from heliograph.dialects.mobilefirst.mapping.paging import ANONYMOUS
from heliograph.dialects.mobilefirst.mapping.tags import canonical

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

Fields = dict[str, RegistrationField]

DEVICE_FIELDS: Fields = {
    "platform": RegistrationField.PROVIDER,
    "deviceId": RegistrationField.DEVICE_ID,
    "userId": RegistrationField.USER_ID,
    "token": RegistrationField.TOKEN,
}
SUBSCRIPTION_FIELDS: Fields = {
    "tagName": RegistrationField.LABEL,
    "deviceId": RegistrationField.DEVICE_ID,
    "userId": RegistrationField.USER_ID,
    "platform": RegistrationField.PROVIDER,
}
TAG_FIELDS: Fields = {
    "name": RegistrationField.LABEL,
    "description": RegistrationField.DESCRIPTION,
}

MAX_VALUES = 100
"""Values in all filters of one request: each is a comparison per row."""

_PIECE = re.compile(r"(?:[^,\\]|\\[,\\])*")
_PREDICATE = re.compile(r"(?P<name>[A-Za-z]+)(?P<op>==|=@)(?P<value>.*)", re.DOTALL)
_ESCAPE = re.compile(r"\\([,\\])")


@dataclass(frozen=True, slots=True)
class _Predicate:
    """One name and operator with the values that will do."""

    name: str
    is_exact: bool
    values: tuple[str, ...]


def to_conditions(
    filters: Sequence[str], fields: Mapping[str, RegistrationField], *, ignores_others: bool = False
) -> tuple[Condition, ...]:
    """Read the filters of a request.

    ignores_others: names that the collection does not have are passed over;
    the reference prints such an example for tags. Raises InvalidRequest.
    """
    problems: list[Problem] = []
    conditions = []
    number = 0
    for text in filters:
        try:
            predicates = list(_predicates(text, fields))
        except InvalidRequest as error:
            problems += error.problems
            continue
        number += sum(len(predicate.values) for predicate in predicates)
        others = [each.name for each in predicates if each.name not in fields]
        if others and not ignores_others:
            known = ", ".join(fields)
            problems.append(_problem(ProblemKind.NOT_ALLOWED, f"by one of {known}"))
            continue
        known_ones = [_condition(each, fields) for each in predicates if each.name in fields]
        if known_ones:
            conditions.append(known_ones[0]._replace(alternatives=tuple(known_ones[1:])))
    if number > MAX_VALUES:
        problems.append(_problem(ProblemKind.TOO_MANY, f"of at most {MAX_VALUES} values"))
    if problems:
        raise InvalidRequest(problems)
    return tuple(conditions)


def is_value(field: RegistrationField, value: str | None) -> tuple[Condition, ...]:
    """Ask for a field's exact value, or for nothing where none is given."""
    return () if value is None else (Condition(field, _exact(field, (value,))),)


def _predicates(text: str, fields: Mapping[str, RegistrationField]) -> Iterator[_Predicate]:
    current: _Predicate | None = None
    for piece in _pieces(text):
        found = _PREDICATE.fullmatch(piece)
        if found is not None and (current is None or found["name"] in fields):
            if current is not None:
                yield current
            current = _Predicate(found["name"], found["op"] == "==", (_plain(found["value"]),))
        elif current is None:
            raise InvalidRequest([_problem(ProblemKind.MALFORMED, "of the form name==value")])
        else:
            current = replace(current, values=(*current.values, _plain(piece)))
    assert current is not None
    yield current


def _pieces(text: str) -> Iterator[str]:
    """Split at the commas that are not escaped; raises InvalidRequest for a stray backslash."""
    at = 0
    while True:
        found = _PIECE.match(text, at)
        assert found is not None
        yield found[0]
        at = found.end()
        if at == len(text):
            return
        if text[at] != ",":
            expected = r"escaped in full: \\ for a backslash, \, for a comma"
            raise InvalidRequest([_problem(ProblemKind.MALFORMED, expected)])
        at += 1


def _plain(value: str) -> str:
    if has_control_characters(value):
        raise InvalidRequest([_problem(ProblemKind.MALFORMED, "free of control characters")])
    return _ESCAPE.sub(r"\1", value)


def _condition(predicate: _Predicate, fields: Mapping[str, RegistrationField]) -> Condition:
    field = fields[predicate.name]
    if predicate.is_exact:
        return Condition(field, _exact(field, predicate.values))
    if field is RegistrationField.PROVIDER:
        # The core knows no letters, so what contains them is worked out here.
        letters = [each for each in PROVIDERS if any(part in each for part in predicate.values)]
        return Condition(field, _exact(field, letters))
    values: tuple[str | None, ...] = predicate.values
    if field is RegistrationField.USER_ID and any(part in ANONYMOUS for part in predicate.values):
        values = (*values, None)
    return Condition(field, values, is_exact=False)


def _exact(field: RegistrationField, values: Sequence[str]) -> tuple[str | None, ...]:
    """Turn the vendor's values into the core's; a platform that isn't one matches nothing."""
    match field:
        case RegistrationField.PROVIDER:
            return tuple({PROVIDERS[value].value: None for value in values if value in PROVIDERS})
        case RegistrationField.USER_ID:
            return tuple(None if value in ("", ANONYMOUS) else value for value in values)
        case RegistrationField.LABEL:
            return tuple(canonical(value) for value in values)
        case _:
            return tuple(values)


def _problem(kind: ProblemKind, expected: str) -> Problem:
    return Problem(("filter",), kind, expected)
