from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .conftest import TOKEN

if TYPE_CHECKING:
    from .conftest import Door

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    "header",
    [
        f"Layer session-token='{TOKEN}'",
        f'Layer session-token="{TOKEN}"',
        f"Layer session-token={TOKEN}",
        f"layer SESSION-TOKEN='{TOKEN}'",
        f"  Layer   session-token = '{TOKEN}'  ",
    ],
)
async def test_a_session_is_known_however_its_token_is_quoted(door: Door, header: str) -> None:
    answer = await door.call("DELETE", "/push_tokens/a7775566", authorization=header)

    assert answer.status == 202


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Layer",
        "Layer session-token",
        "Layer session-token=",
        "Layer session-token=''",
        "Layer session-token='unknown'",
        f"Layer session-token='{TOKEN}",
        f"Layer session-token={TOKEN}'",
        f"Layer session-token='{TOKEN}\"",
        f"Layer session-token='{TOKEN}' more",
        f"Layer session-token='{TOKEN}!'",
        f"Layersession-token='{TOKEN}'",
        f"Bearer {TOKEN}",
        f"Bearer session-token='{TOKEN}'",
        TOKEN,
    ],
)
async def test_whatever_else_is_challenged_with_a_fresh_nonce(
    door: Door, header: str | None
) -> None:
    answer = await door.call("DELETE", "/push_tokens/a7775566", authorization=header)

    assert (answer.status, answer.json()["id"]) == (401, "authentication_required")
    assert answer.json()["code"] == 4
    assert door.core.nonces.is_fresh(answer.json()["data"]["nonce"])
    assert door.registry.emptied == []
