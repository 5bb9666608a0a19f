from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest

from heliograph.dialects.navixy import errors
from heliograph.dialects.navixy.mapping import PROVIDERS
from heliograph.dialects.navixy.routes import ROUTES
from heliograph.dialects.navixy.schemas import PushToken

PAGE = (Path(__file__).parents[4] / "docs/dialects/navixy.md").read_text()
REPLIES = [
    *errors.TABLE.values(),
    errors.WRONG_HASH,
    errors.TOO_MANY_LOGINS,
    errors.TOO_MANY_SESSIONS,
    errors.WRONG_SESSION,
    errors.DEALER_BLOCKED,
]
ANCHORS = {
    "#" + line.lstrip("# ").lower().replace(" ", "-")
    for line in PAGE.splitlines()
    if line.startswith("## ")
}


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
def test_every_route_is_described_where_it_says(route) -> None:
    assert f"`{route.path}`" in PAGE
    assert route.source.removeprefix("docs/dialects/navixy.md") in ANCHORS


@pytest.mark.parametrize("reply", REPLIES)
def test_every_reply_has_its_row(reply) -> None:
    assert f"| {reply.status} | {reply.number} | `{reply.code}` |" in PAGE


def test_every_parameter_and_application_is_named() -> None:
    applications = get_args(PushToken.model_fields["application"].annotation)

    assert set(applications) == set(PROVIDERS)
    assert all(f"| `{name}` |" in PAGE for name in PushToken.model_fields)
    assert all(f"`{name}`" in PAGE for name in applications)
