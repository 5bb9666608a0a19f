from __future__ import annotations

from pathlib import Path

import pytest

from heliograph.dialects.layer.errors import table
from heliograph.dialects.layer.mapping.media_types import VERSIONS
from heliograph.dialects.layer.mapping.push_tokens import MEMBER_LIMIT
from heliograph.dialects.layer.routes import ROUTES
from heliograph.dialects.layer.schemas.push_tokens import PushToken

PAGE = (Path(__file__).parents[4] / "docs/dialects/layer.md").read_text()
ANCHORS = {
    "#" + line.lstrip("# ").lower().replace(" ", "-")
    for line in PAGE.splitlines()
    if line.startswith("## ")
}


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
def test_every_route_is_described_where_it_says(route) -> None:
    assert f"`{route.method} {route.path}`" in PAGE
    assert route.source.removeprefix("docs/dialects/layer.md") in ANCHORS


@pytest.mark.parametrize("reply", [*table.TABLE.values(), *table.FINER])
def test_every_reply_has_its_row(reply) -> None:
    assert f"| {reply.status} | `{reply.code}` | {reply.number} |" in PAGE


def test_every_property_version_and_limit_is_named() -> None:
    assert all(f"| `{name}` |" in PAGE for name in PushToken.model_fields)
    assert all(version in PAGE for version in VERSIONS)
    assert f"at most {MEMBER_LIMIT} tokens" in PAGE
