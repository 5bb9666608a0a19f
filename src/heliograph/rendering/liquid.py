"""Message templates in Liquid, with nothing to load and little to burn.

A template is a stranger's program. It reads no files, and a render ends by
itself: loops, output, stored values, ranges and what a filter makes are
bounded, and every node looks at the clock before it begins.

Source: docs/decisions/0022-templates.md.
"""

from __future__ import annotations

import time
from functools import cached_property, lru_cache, wraps
from io import StringIO
from typing import TYPE_CHECKING, Any, Final

from liquid import BoundTemplate, Environment, RenderContext
from liquid.builtin.expressions.primitive import RangeLiteral
from liquid.exceptions import LiquidError, ResourceLimitError

from heliograph.core.ports import TemplateRefused

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from liquid.ast import Node
    from liquid.expression import Expression

MAX_SOURCE_CHARS: Final = 16_384
"""A template's own length. What it becomes has to fit into 4 KB."""

MAX_OUTPUT_BYTES: Final = 16_384
MAX_ITERATIONS: Final = 1000
"""Turns of all loops that are open at once, multiplied."""

MAX_STORED_BYTES: Final = 65_536
"""What `assign` and `capture` may hold, as Python counts it."""

MAX_VALUE: Final = 16_384
"""Characters, items or digits of what one filter takes or makes."""

MAX_RENDER_S: Final = 0.05
"""Seconds of the processor, so that a busy machine makes nobody's message too slow."""

REMEMBERED: Final = 256

_UNLOADED: Final = ("include", "render")
_MAX_BITS: Final = MAX_VALUE * 3
_MESSAGE_CHARS: Final = 200


class LiquidTemplates:
    """Compiles Liquid. max_render_s: CPU seconds that one render may take."""

    def __init__(self, max_render_s: float = MAX_RENDER_S) -> None:
        self._max_render_s = max_render_s

    def compile(self, text: str) -> LiquidTemplate:
        """Read a template; raises TemplateRefused for what is none."""
        if len(text) > MAX_SOURCE_CHARS:
            raise TemplateRefused(f"at most {MAX_SOURCE_CHARS} characters")
        try:
            parsed = self._parsed(text)
        except Exception as error:
            # Whatever a stranger's text does to the parser, it is the text that is wrong.
            raise TemplateRefused(f"a Liquid template: {_said(error)}") from error
        return LiquidTemplate(parsed)

    @cached_property
    def _parsed(self) -> Callable[[str], BoundTemplate]:
        # Kept: one notification has one text for thousands of recipients.
        # Made late: most servers that a command starts are asked for none.
        return lru_cache(maxsize=REMEMBERED)(_Bounded(self._max_render_s).from_string)


class LiquidTemplate:
    """A template that was understood."""

    def __init__(self, parsed: BoundTemplate) -> None:
        self._parsed = parsed

    def render(self, variables: Mapping[str, str]) -> str:
        """Fill it in; raises TemplateRefused where that fails or takes too much."""
        try:
            return self._parsed.render(variables)
        except Exception as error:
            kind = "within its limits" if isinstance(error, ResourceLimitError) else "renderable"
            raise TemplateRefused(f"a Liquid template that is {kind}: {_said(error)}") from error


class _Context(RenderContext):
    """A render that ends: each node asks which tags are disabled before it begins."""

    __slots__ = ("_disabled_tags", "_ends_at")

    def __init__(self, template: BoundTemplate, **options: Any) -> None:
        environment = template.env
        assert isinstance(environment, _Bounded)
        self._ends_at = time.thread_time() + environment.max_render_s
        super().__init__(template, **options)

    @property
    def disabled_tags(self) -> list[str]:
        """Name what a node may not be; raises once the time is over."""
        if time.thread_time() > self._ends_at:
            raise ResourceLimitError("time limit reached", token=None)
        return self._disabled_tags

    @disabled_tags.setter
    def disabled_tags(self, names: list[str]) -> None:
        self._disabled_tags = names


class _Output(StringIO):
    """What is written so far, up to its limit."""

    def __init__(self) -> None:
        super().__init__()
        self._left = MAX_OUTPUT_BYTES

    def write(self, text: str) -> int:
        self._left -= len(text) if text.isascii() else len(text.encode("utf-8", "replace"))
        if self._left < 0:
            raise ResourceLimitError("output limit reached", token=None)
        return super().write(text)


class _Template(BoundTemplate):
    context_class = _Context

    def _get_buffer(self) -> StringIO:
        return _Output()


class _ShortRange(RangeLiteral):
    """A range that can be walked in reasonable time."""

    __slots__ = ()

    def _make_range(self, start: Any, stop: Any) -> range:
        made = super()._make_range(start, stop)
        if made.stop - made.start > MAX_ITERATIONS:
            raise ResourceLimitError("range limit reached", token=self.token)
        return made


class _Bounded(Environment):
    """Liquid without what loads, and with limits. Lone undefined names render as nothing."""

    loop_iteration_limit = MAX_ITERATIONS
    local_namespace_limit = MAX_STORED_BYTES
    # Captured blocks are written to streams of their own, which this bounds.
    output_stream_limit = MAX_OUTPUT_BYTES
    template_class = _Template

    def __init__(self, max_render_s: float) -> None:
        super().__init__()
        self.max_render_s = max_render_s

    def setup_tags_and_filters(self, *, extra: bool = False) -> None:
        """Take out what loads, and put a bound on every filter."""
        super().setup_tags_and_filters(extra=extra)
        for name in _UNLOADED:
            del self.tags[name]
        self.filters = {name: _bounded(each) for name, each in self.filters.items()}

    def from_string(self, source: str, *arguments: Any, **options: Any) -> BoundTemplate:
        """Parse, and put a bound on every range."""
        template = super().from_string(source, *arguments, **options)
        _bound_ranges(template.nodes, RenderContext(template))
        return template


def _bound_ranges(nodes: Iterable[Node], context: RenderContext) -> None:
    waiting = [*nodes]
    while waiting:
        node = waiting.pop()
        expressions = [*node.expressions()]
        while expressions:
            expression: Expression = expressions.pop()
            if type(expression) is RangeLiteral:
                expression.__class__ = _ShortRange
            expressions += expression.children()
        waiting += node.children(context, include_partials=False)


def _bounded(apply: Callable[..., Any]) -> Callable[..., Any]:
    """Bound what a filter takes and makes; else a chain of them would multiply without end."""

    @wraps(apply)
    def bounded(*arguments: Any, **options: Any) -> Any:
        for value in arguments:
            _check_value(value)
        made = apply(*arguments, **options)
        _check_value(made)
        return made

    return bounded


def _check_value(value: object) -> None:
    match value:
        case str() | list() | tuple() | range() | dict():
            is_large = len(value) > MAX_VALUE
        case int():
            is_large = value.bit_length() > _MAX_BITS
        case _:
            is_large = False
    if is_large:
        raise ResourceLimitError("value limit reached", token=None)


def _said(error: Exception) -> str:
    """Say what the library has against a template, in one line and without quoting it all."""
    if not isinstance(error, LiquidError):
        return type(error).__name__
    text = " ".join(str(error.message or type(error).__name__).split())[:_MESSAGE_CHARS]
    try:
        place = error.context()
    except ValueError:
        place = None
    return text if place is None else f"{text} (line {place[0]}, column {place[1] + 1})"
