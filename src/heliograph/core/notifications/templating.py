"""Content with places to fill in: checked when it is accepted, filled in for each recipient.

Titles, bodies and the texts of overrides may hold templates; keys and
everything else are sent as they are.

Source: docs/decisions/0022-templates.md.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from heliograph.core.errors import InvalidRequest, Problem, ProblemKind
from heliograph.core.ports import TemplateRefused

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from heliograph.core.errors import PathPart
    from heliograph.core.model.audience import Recipient
    from heliograph.core.model.notification import Content
    from heliograph.core.ports import Template, Templates

_Path = tuple["PathPart", ...]

TRIED = 8
"""Recipients for whom content is filled in when it is accepted, to see whether that works."""

_OPENERS = ("{{", "{%")


class FilledContent:
    """Content whose templates are understood. Raises InvalidRequest naming each that is not."""

    def __init__(self, templates: Templates, content: Content) -> None:
        self._content = content
        self._known: dict[str, Template] = {}
        self._paths: dict[str, _Path] = {}
        problems = []
        for path, text in _texts_of(content):
            if not has_places(text) or text in self._known:
                continue
            try:
                self._known[text] = templates.compile(text)
                self._paths[text] = path
            except TemplateRefused as error:
                problems.append(_problem(path, error))
        if problems:
            raise InvalidRequest(problems)

    def fill_in(self, variables: Mapping[str, str]) -> Content:
        """Fill in every place; raises TemplateRefused."""
        content = self._content
        return replace(
            content,
            title=self._filled(content.title, variables),
            body=self._filled(content.body, variables),
            overrides={
                provider: self._filled(said, variables)
                for provider, said in content.overrides.items()
            },
            is_template=False,
        )

    def problems_for(self, variables: Mapping[str, str]) -> list[Problem]:
        """Name the templates that can't be filled in with these values."""
        problems = []
        for text, template in self._known.items():
            try:
                template.render(variables)
            except TemplateRefused as error:
                problems.append(_problem(self._paths[text], error))
        return problems

    def _filled(self, value: Any, variables: Mapping[str, str]) -> Any:
        match value:
            case str():
                template = self._known.get(value)
                return value if template is None else template.render(variables)
            case dict():
                return {key: self._filled(inner, variables) for key, inner in value.items()}
            case list() | tuple():
                return [self._filled(inner, variables) for inner in value]
            case _:
                return value


def has_places(text: str) -> bool:
    """Say whether a text could be a template at all."""
    return any(opener in text for opener in _OPENERS)


def simplified(content: Content) -> Content:
    """Call content without any place what it is: most of it then needs no filling in."""
    if not content.is_template or any(has_places(text) for _, text in _texts_of(content)):
        return content
    return replace(content, is_template=False)


def template_problems(
    templates: Templates, content: Content, recipients: Sequence[Recipient]
) -> list[Problem]:
    """Name every template that can't be, and every one that some recipients show to burn too much.

    Of the recipients a few are tried; with the others it is seen when their turn comes.
    """
    try:
        filled = FilledContent(templates, content)
    except InvalidRequest as error:
        return [*error.problems]
    distinct = {json.dumps(dict(each.variables)): each.variables for each in recipients[:TRIED]}
    for variables in distinct.values() or ({},):
        problems = filled.problems_for(variables)
        if problems:
            return problems
    return []


def _problem(path: _Path, error: TemplateRefused) -> Problem:
    return Problem(path, ProblemKind.MALFORMED, str(error))


def _texts_of(content: Content) -> Iterator[tuple[_Path, str]]:
    for name, text in (("title", content.title), ("body", content.body)):
        if text is not None:
            yield ("content", name), text
    for provider, said in content.overrides.items():
        yield from _texts_in(said, ("content", "overrides", provider.value))


def _texts_in(value: Any, path: _Path) -> Iterator[tuple[_Path, str]]:
    match value:
        case str():
            yield path, value
        case dict():
            for key, inner in value.items():
                yield from _texts_in(inner, (*path, key))
        case list() | tuple():
            for place, inner in enumerate(value):
                yield from _texts_in(inner, (*path, place))
