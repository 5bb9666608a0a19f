"""The router: raw path segments, each decoded once; nothing is redirected.

A literal segment beats a parameter. Doors bound to a host come before doors
that answer on any. Two routes for one request are refused when the table is
built, not discovered by a caller.
"""

from __future__ import annotations

from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass, field
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
    """Build the table; raises RouteConflictError for two routes for one request."""
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


def _pattern_of(door: OpenDoor, route: Route) -> list[str]:
    return (door.prefix + route.path)[1:].split("/")


def _insert(root: _Node, door: OpenDoor, route: Route, pattern: Sequence[str]) -> None:
    node = root
    names = []
    for segment in pattern:
        if is_parameter(segment):
            names.append(segment[1:-1])
            node.parameter = node.parameter or _Node()
            node = node.parameter
        else:
            node = node.literals.setdefault(segment, _Node())
    node.by_method[route.method] = (door, route, tuple(names))


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


def _refuse_conflict(root: _Node, door: OpenDoor, route: Route, pattern: Sequence[str]) -> None:
    """Raise RouteConflictError for a route whose requests another one answers already."""
    for node in _overlapping(root, pattern):
        if route.method in node.by_method:
            known_door, known, _ = node.by_method[route.method]
            if _specificity(_pattern_of(known_door, known), pattern) is None:
                raise RouteConflictError(
                    f"{known.method} {known_door.prefix}{known.path} of {known_door.dialect.name}"
                    f" and {door.prefix}{route.path} of {door.dialect.name}"
                )


def _overlapping(root: _Node, pattern: Sequence[str]) -> list[_Node]:
    """Find the ends of the patterns with which a pattern has a request in common."""
    level = [root]
    for segment in pattern:
        following: list[_Node] = []
        for node in level:
            if is_parameter(segment):
                following += node.literals.values()
            elif segment in node.literals:
                following.append(node.literals[segment])
            if node.parameter is not None:
                following.append(node.parameter)
        level = following
    return level


def _specificity(one: Sequence[str], two: Sequence[str]) -> int | None:
    """Say which of two overlapping patterns is more literal: 0 or 1; None if neither.

    One is only if it is a literal wherever they differ: `/a/{x}/c` and
    `/a/b/{y}` both fit `/a/b/c`, and no reader could tell which answers.
    """
    wins = {
        int(is_parameter(a))
        for a, b in zip(one, two, strict=True)
        if is_parameter(a) != is_parameter(b)
    }
    return wins.pop() if len(wins) == 1 else None
