"""The router: raw path segments, each decoded once; nothing is redirected.

A literal segment beats a parameter. Doors bound to a host come before doors
that answer on any. Two routes for one request are refused when the table is
built, not discovered by a caller.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from itertools import combinations
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
                _insert(self._roots[door.host], door, route)
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
    places: dict[tuple[str | None, str, int], list[tuple[OpenDoor, Route, list[str]]]]
    places = defaultdict(list)
    for door in doors:
        for route in door.dialect.routes:
            pattern = _pattern_of(door, route)
            places[door.host, route.method, len(pattern)].append((door, route, pattern))
    for rivals in places.values():
        for (door, route, one), (other_door, other_route, two) in combinations(rivals, 2):
            if _overlap(one, two) and _specificity(one, two) is None:
                raise RouteConflictError(
                    f"{route.method} {door.prefix}{route.path} of {door.dialect.name} and "
                    f"{other_door.prefix}{other_route.path} of {other_door.dialect.name}"
                )
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
        return [(unquote_to_bytes(part) if b"%" in part else part).decode() for part in parts]
    except UnicodeDecodeError:
        return None


def is_parameter(segment: str) -> bool:
    """Say whether a pattern's segment is a `{name}`."""
    return segment.startswith("{") and segment.endswith("}")


def _pattern_of(door: OpenDoor, route: Route) -> list[str]:
    return (door.prefix + route.path)[1:].split("/")


def _insert(root: _Node, door: OpenDoor, route: Route) -> None:
    node = root
    names = []
    for segment in _pattern_of(door, route):
        if is_parameter(segment):
            names.append(segment[1:-1])
            node.parameter = node.parameter or _Node()
            node = node.parameter
        else:
            node = node.literals.setdefault(segment, _Node())
    node.by_method[route.method] = (door, route, tuple(names))


def _leaves(root: _Node, segments: Sequence[str]) -> Iterator[tuple[_Node, tuple[str, ...]]]:
    """Yield the nodes that fit, the most literal first. A parameter is never empty."""
    waiting: list[tuple[_Node, int, tuple[str, ...]]] = [(root, 0, ())]
    while waiting:
        node, depth, values = waiting.pop()
        if depth == len(segments):
            if node.by_method:
                yield node, values
            continue
        segment = segments[depth]
        if node.parameter is not None and segment:
            waiting.append((node.parameter, depth + 1, (*values, segment)))
        literal = node.literals.get(segment)
        if literal is not None:
            waiting.append((literal, depth + 1, values))


def _overlap(one: Sequence[str], two: Sequence[str]) -> bool:
    return all(a == b or is_parameter(a) or is_parameter(b) for a, b in zip(one, two, strict=True))


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
