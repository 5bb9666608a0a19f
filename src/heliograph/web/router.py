"""The router: raw path segments, each decoded once; nothing is redirected.

A literal segment beats a parameter. Doors bound to a host come before doors
that answer on any. Two routes for one request are refused when the table is
built, not discovered by a caller.
"""

from __future__ import annotations

from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache, lru_cache
from typing import TYPE_CHECKING
from urllib.parse import unquote_to_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from heliograph.web.dialect import Route
    from heliograph.web.door import OpenDoor


class RouteConflictError(Exception):
    """Two routes answer one request, and neither is the more literal."""


@dataclass(frozen=True, slots=True)
class Match:
    """The route for a request, with its decoded parameters."""

    door: OpenDoor
    route: Route
    params: dict[str, str]


@dataclass(frozen=True, slots=True)
class Misfit:
    """No route for the method; `allowed` are the path's methods, none if it is unknown."""

    allowed: tuple[str, ...]


@dataclass(slots=True)
class _Node:
    """A point of the tree of segments. names: of the parameters, per route."""

    literals: dict[str, _Node] = field(default_factory=dict)
    parameter: _Node | None = None
    by_method: dict[str, tuple[OpenDoor, Route, tuple[str, ...]]] = field(default_factory=dict)


class Table:
    """All routes of all doors."""

    def __init__(self, doors: Sequence[OpenDoor]) -> None:
        self._roots: dict[str | None, _Node] = defaultdict(_Node)
        for door in doors:
            for route in door.dialect.routes:
                root, pattern = self._roots[door.host], _pattern_of(door, route)
                _refuse_conflict(root, door, route, pattern)
                _insert(root, door, route, pattern)
        self._hosts = frozenset(self._roots)

    def find(self, host: str | None, method: str, segments: Sequence[str]) -> Match | Misfit:
        """Find the route for a request."""
        allowed: set[str] = set()
        for root_host in (host, None) if host in self._hosts and host else (None,):
            root = self._roots.get(root_host)
            if root is None:
                continue
            for node, values in _leaves(root, segments):
                found = node.by_method.get(method)
                if found is not None:
                    door, route, names = found
                    return Match(door, route, dict(zip(names, values, strict=True)))
                allowed.update(node.by_method)
        return Misfit(tuple(sorted(allowed)))


def build_table(doors: Sequence[OpenDoor]) -> Table:
    """Answer the doors' table; raises RouteConflictError for two routes for one request."""
    return _table(tuple(doors))


# It never changes, and servers of one process have doors in common.
@lru_cache(maxsize=4)
def _table(doors: tuple[OpenDoor, ...]) -> Table:
    return Table(doors)


def segments_of(raw_path: bytes) -> list[str] | None:
    """Split a raw path and decode each segment once; None if one is not UTF-8.

    A stray percent sign stands for itself: some clients put ids into paths
    as they are. Source: docs/dialects/layer.md, "DELETE /push_tokens".
    """
    if not raw_path.startswith(b"/"):
        return None
    parts = raw_path[1:].split(b"/")
    try:
        return [_decoded(part) for part in parts]
    except UnicodeDecodeError:
        return None


def leading_segments(raw_path: bytes) -> list[str]:
    """Decode what lies before the first segment that is not UTF-8: it tells whose path it is."""
    leading: list[str] = []
    with suppress(UnicodeDecodeError):
        for part in raw_path[1:].split(b"/"):
            leading.append(_decoded(part))  # noqa: PERF401 - what came before an error stays
    return leading


def _decoded(part: bytes) -> str:
    return (unquote_to_bytes(part) if b"%" in part else part).decode()


def is_parameter(segment: str) -> bool:
    """Say whether a pattern's segment is a `{name}`."""
    return segment.startswith("{") and segment.endswith("}")


@dataclass(frozen=True, slots=True)
class _Pattern:
    """A path cut once: its literals, None for a parameter, and the parameters' names."""

    segments: tuple[str | None, ...]
    names: tuple[str, ...]


def _pattern_of(door: OpenDoor, route: Route) -> _Pattern:
    return _cut(door.prefix + route.path)


@cache
def _cut(path: str) -> _Pattern:
    segments = path[1:].split("/")
    return _Pattern(
        tuple(None if is_parameter(each) else each for each in segments),
        tuple(each[1:-1] for each in segments if is_parameter(each)),
    )


def _insert(root: _Node, door: OpenDoor, route: Route, pattern: _Pattern) -> None:
    node = root
    for segment in pattern.segments:
        following = node.parameter if segment is None else node.literals.get(segment)
        if following is None:
            following = _Node()
            if segment is None:
                node.parameter = following
            else:
                node.literals[segment] = following
        node = following
    node.by_method[route.method] = (door, route, pattern.names)


def _leaves(root: _Node, segments: Sequence[str]) -> Iterator[tuple[_Node, tuple[str, ...]]]:
    """Yield the nodes that fit, the most literal first. A parameter is never empty."""
    last = len(segments)
    waiting: list[tuple[_Node, int, tuple[str, ...]]] = []
    node, depth = root, 0
    values: tuple[str, ...] = ()
    while True:
        while depth < last:
            segment = segments[depth]
            depth += 1
            parameter = node.parameter if segment else None
            literal = node.literals.get(segment)
            if literal is not None:
                if parameter is not None:
                    waiting.append((parameter, depth, (*values, segment)))
                node = literal
            elif parameter is not None:
                node, values = parameter, (*values, segment)
            else:
                break
        else:
            if node.by_method:
                yield node, values
        if not waiting:
            return
        node, depth, values = waiting.pop()


def _refuse_conflict(root: _Node, door: OpenDoor, route: Route, pattern: _Pattern) -> None:
    """Raise RouteConflictError for a route whose requests another one answers already."""
    for node in _overlapping(root, pattern):
        if route.method in node.by_method:
            known_door, known, _ = node.by_method[route.method]
            if _specificity(_pattern_of(known_door, known), pattern) is None:
                raise RouteConflictError(
                    f"{known.method} {known_door.prefix}{known.path} of {known_door.dialect.name}"
                    f" and {door.prefix}{route.path} of {door.dialect.name}"
                )


def _overlapping(root: _Node, pattern: _Pattern) -> list[_Node]:
    """Find the ends of the patterns with which a pattern has a request in common."""
    level = [root]
    for segment in pattern.segments:
        following: list[_Node] = []
        for node in level:
            if segment is None:
                following += node.literals.values()
            elif segment in node.literals:
                following.append(node.literals[segment])
            if node.parameter is not None:
                following.append(node.parameter)
        level = following
    return level


def _specificity(one: _Pattern, two: _Pattern) -> int | None:
    """Say which of two overlapping patterns is more literal: 0 or 1; None if neither.

    One is only if it is a literal wherever they differ: `/a/{x}/c` and
    `/a/b/{y}` both fit `/a/b/c`, and no reader could tell which answers.
    """
    wins = {
        int(a is None)
        for a, b in zip(one.segments, two.segments, strict=True)
        if (a is None) != (b is None)
    }
    return wins.pop() if len(wins) == 1 else None
