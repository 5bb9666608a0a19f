from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.web.stubs import dialect, route

from heliograph.web.door import OpenDoor
from heliograph.web.router import (
    Match,
    Misfit,
    RouteConflictError,
    build_table,
    leading_segments,
    segments_of,
)


def _find(table, method, path, host=None):
    segments = segments_of(path.encode())
    assert segments is not None
    return table.find(host, method, segments)


def test_each_segment_is_decoded_exactly_once():
    assert segments_of(b"/a%2Fb/%252F/%C3%A9") == ["a/b", "%2F", "é"]


def test_a_segment_that_is_not_utf_8_decodes_to_nothing():
    assert segments_of(b"/a/%FF") is None
    assert segments_of(b"/a/\xff") is None


def test_what_lies_before_a_segment_that_is_not_utf_8_is_decoded_all_the_same():
    assert leading_segments(b"/a/%C3%A9/%FF/b") == ["a", "é"]
    assert leading_segments(b"/%FF") == []
    assert leading_segments(b"/a/b%2Fc") == segments_of(b"/a/b%2Fc")


def test_a_stray_percent_sign_stands_for_itself():
    assert segments_of(b"/100%/%zz") == ["100%", "%zz"]


def test_a_path_without_a_leading_slash_has_no_segments():
    assert segments_of(b"*") is None


def test_an_encoded_slash_stays_inside_its_parameter():
    table = build_table([OpenDoor(dialect("one", route("GET", "/notes/{id}")))])

    found = _find(table, "GET", "/notes/a%2Fb")

    assert isinstance(found, Match)
    assert found.params == {"id": "a/b"}


def test_a_literal_beats_a_parameter_and_is_no_conflict():
    table = build_table([OpenDoor(dialect("one", route("GET", "/a/{x}"), route("GET", "/a/b")))])

    found = _find(table, "GET", "/a/b")

    assert isinstance(found, Match)
    assert found.route.path == "/a/b"


def test_a_literal_of_another_method_leaves_the_parameter_its_own():
    table = build_table([OpenDoor(dialect("one", route("DELETE", "/a/{x}"), route("GET", "/a/b")))])

    found = _find(table, "DELETE", "/a/b")

    assert isinstance(found, Match)
    assert found.params == {"x": "b"}


def test_a_dead_end_behind_a_literal_goes_back_to_the_parameter():
    table = build_table(
        [OpenDoor(dialect("one", route("GET", "/a/{x}/c"), route("GET", "/a/b/d")))]
    )

    assert isinstance(_find(table, "GET", "/a/b/c"), Match)


def test_a_known_path_tells_its_methods():
    table = build_table(
        [OpenDoor(dialect("one", route("PUT", "/a/{x}"), route("DELETE", "/a/{y}")))]
    )

    assert _find(table, "GET", "/a/1") == Misfit(("DELETE", "PUT"))


@pytest.mark.parametrize("path", ["/a", "/a/", "/a/b/", "//a/b", "/a//b", "/A/b", "/"])
def test_no_path_is_corrected(path):
    table = build_table([OpenDoor(dialect("one", route("GET", "/a/{x}")))])

    assert _find(table, "GET", path) == Misfit(())


def test_head_is_not_made_from_get():
    table = build_table([OpenDoor(dialect("one", route("GET", "/a")))])

    assert _find(table, "HEAD", "/a") == Misfit(("GET",))


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("/a/b", "/a/b"),
        ("/a/{x}", "/a/{y}"),
        ("/a/{x}/c", "/a/b/{y}"),
        ("/{x}/b", "/a/{y}"),
    ],
)
def test_two_routes_for_one_request_are_refused(one, two):
    doors = [
        OpenDoor(dialect("one", route("GET", one))),
        OpenDoor(dialect("two", route("GET", two))),
    ]

    with pytest.raises(RouteConflictError, match=r"of one and .* of two"):
        build_table(doors)


def _are_rivals(one, two):
    """Say whether two patterns have a request in common that neither names more exactly."""
    pairs = list(zip(one, two, strict=False))
    has_request_in_common = len(one) == len(two) and all(
        a == b or "{x}" in (a, b) for a, b in pairs
    )
    more_exact = {a == "{x}" for a, b in pairs if (a == "{x}") != (b == "{x}")}
    return has_request_in_common and len(more_exact) != 1


@given(st.lists(st.lists(st.sampled_from(["a", "b", "{x}"]), min_size=1, max_size=4), max_size=6))
def test_a_table_is_refused_for_two_rivals_and_for_nothing_else(patterns):
    doors = [
        OpenDoor(dialect(f"d{n}", route("GET", "/" + "/".join(p)))) for n, p in enumerate(patterns)
    ]

    if any(_are_rivals(one, two) for one, two in combinations(patterns, 2)):
        with pytest.raises(RouteConflictError):
            build_table(doors)
    else:
        build_table(doors)


@pytest.mark.parametrize(
    ("one", "two"),
    [("/a", "/b"), ("/a/{x}/c", "/a/b/d"), ("/a/{x}", "/b/c"), ("/{x}/a", "/b/{y}/c")],
)
def test_two_routes_without_a_request_in_common_are_no_conflict(one, two):
    build_table([OpenDoor(dialect("one", route("GET", one), route("GET", two)))])


@pytest.mark.parametrize("path", ["/a/{b", "/a/b}", "/a/x{b}"])
def test_a_brace_alone_makes_no_parameter(path):
    table = build_table([OpenDoor(dialect("one", route("GET", path)))])

    assert isinstance(_find(table, "GET", path), Match)
    assert _find(table, "GET", "/a/b") == Misfit(())


def test_the_same_route_at_another_prefix_method_or_host_is_no_conflict():
    one = dialect("one", route("GET", "/a"))
    table = build_table(
        [
            OpenDoor(one),
            OpenDoor(dialect("two", route("GET", "/a")), prefix="/two"),
            OpenDoor(dialect("three", route("POST", "/a"))),
            OpenDoor(dialect("four", route("GET", "/a")), host="four.test"),
        ]
    )

    names = {
        (host, path): _find(table, "GET", path, host).door.dialect.name
        for host, path in [
            (None, "/a"),
            ("four.test", "/a"),
            ("else.test", "/a"),
            ("four.test", "/two/a"),
        ]
    }

    assert names == {
        (None, "/a"): "one",
        ("four.test", "/a"): "four",
        ("else.test", "/a"): "one",
        ("four.test", "/two/a"): "two",
    }
