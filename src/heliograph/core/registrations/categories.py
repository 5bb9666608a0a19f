"""Category filters: which kinds of notification a registration wants.

`*` wants all; `a,b` wants only those; `-a,b` wants all but those. One leading
minus negates the whole list. A notification without a category is for all.

Source: docs/decisions/0008-categories.md.
"""

from __future__ import annotations

import json
from functools import lru_cache

from heliograph.core.model.registration import Attribute

ALL = "*"
_REMEMBERED = 4096


def wants(category_filter: str, category: str) -> bool:
    """Say whether a filter lets a category through. Empty, or a lone minus, wants all."""
    text = category_filter.strip()
    is_negated = text.startswith("-")
    names = {name.strip() for name in text.removeprefix("-").split(",")} - {""}
    if not names or names == {ALL}:
        return True
    return (category in names) != is_negated


@lru_cache(maxsize=_REMEMBERED)
def registration_wants(attributes: str, category: str) -> bool:
    """Say whether a registration wants a category, by its attributes' JSON text."""
    if Attribute.CATEGORY_FILTER not in attributes and Attribute.CATEGORIES not in attributes:
        return True
    known = json.loads(attributes)
    category_filter = known.get(Attribute.CATEGORY_FILTER)
    if isinstance(category_filter, str) and not wants(category_filter, category):
        return False
    categories = known.get(Attribute.CATEGORIES)
    return not categories or category in categories
