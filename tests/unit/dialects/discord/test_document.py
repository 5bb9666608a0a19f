from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import pytest

from heliograph.dialects.discord import errors, mapping, schemas
from heliograph.dialects.discord.auth import SYNC_TOKEN_LIFE
from heliograph.dialects.discord.routes import ROUTES

PAGE = (Path(__file__).parents[4] / "docs/dialects/discord.md").read_text()
ANCHORS = {
    "#" + line.lstrip("# ").lower().replace(" ", "-")
    for line in PAGE.splitlines()
    if line.startswith("## ")
}
REPLIES = [*errors.TABLE.values(), errors.NOT_JSON, errors.BOT, errors.RETIRED_VERSION]


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
def test_every_route_is_described_where_it_says(route) -> None:
    assert f"`{route.path}`" in PAGE
    bare = re.sub(r"^/api(/v\d+)?", "", route.path)
    assert f"`{route.method} {bare}`" in PAGE
    assert route.source.removeprefix("docs/dialects/discord.md") in ANCHORS


@pytest.mark.parametrize("reply", REPLIES)
def test_every_reply_has_its_row(reply) -> None:
    number = "" if reply.number is None else f"{reply.number} "

    assert f"| {reply.status} | `{reply.code}` | {number}|" in PAGE


def test_every_code_of_a_leaf_is_named() -> None:
    codes = {*errors._LEAF_CODES.values(), *errors._TYPE_CODES.values(), errors.OTHERWISE}

    assert all(f"`{code}`" in PAGE for code in codes)


def test_every_provider_field_and_limit_is_named() -> None:
    bodies = (schemas.NewDevice, schemas.Synchronization, schemas.LogIn, schemas.SessionsLogOut)
    fields = {name for body in bodies for name in body.model_fields}

    assert all(f"| `{name}` |" in PAGE for name in fields)
    assert all(f"| `{word}` |" in PAGE for word in get_args(schemas.Provider))
    assert set(get_args(schemas.VoipProvider)) < set(get_args(schemas.Provider))
    assert f"`{mapping.PROVIDER_WORD}`" in PAGE
    assert f"At most {schemas.MAX_ACCOUNTS} different" in PAGE
    assert f"at most {schemas.MAX_SYNC_TOKENS} in all" in PAGE
    assert f"good for {SYNC_TOKEN_LIFE.days} days" in PAGE
