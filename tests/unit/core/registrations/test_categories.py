from __future__ import annotations

import json

import pytest

from heliograph.core.registrations.categories import registration_wants, wants


@pytest.mark.parametrize(
    ("category_filter", "wanted", "unwanted"),
    [
        ("*", {"a", "b", "c"}, set()),
        ("", {"a", "b", "c"}, set()),
        (" ", {"a", "b", "c"}, set()),
        ("-", {"a", "b", "c"}, set()),
        ("a", {"a"}, {"b", "c"}),
        ("a,b", {"a", "b"}, {"c"}),
        (" a , b ,", {"a", "b"}, {"c"}),
        ("-a,b", {"c"}, {"a", "b"}),
        ("- a", {"b", "c"}, {"a"}),
        ("-*", {"a", "b", "c"}, set()),
    ],
)
def test_a_filter_lets_through_what_it_names(
    category_filter: str, wanted: set[str], unwanted: set[str]
) -> None:
    assert {name for name in "abc" if wants(category_filter, name)} == wanted
    assert {name for name in "abc" if not wants(category_filter, name)} == unwanted


@pytest.mark.parametrize(
    ("attributes", "is_wanted"),
    [
        ({}, True),
        ({"locale": "de"}, True),
        ({"category_filter": "*"}, True),
        ({"category_filter": "news"}, True),
        ({"category_filter": "-news"}, False),
        ({"category_filter": "chat"}, False),
        ({"category_filter": 7}, True),
        ({"categories": ["news", "chat"]}, True),
        ({"categories": ["chat"]}, False),
        ({"categories": []}, True),
        ({"category_filter": "*", "categories": ["chat"]}, False),
    ],
)
def test_a_registration_wants_what_its_attributes_say(
    attributes: dict[str, object], is_wanted: bool
) -> None:
    assert registration_wants(json.dumps(attributes), "news") is is_wanted
