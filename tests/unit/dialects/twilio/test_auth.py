from __future__ import annotations

import base64
from types import SimpleNamespace
from typing import Any, cast

import pytest

from heliograph.core.errors import NotAuthenticated
from heliograph.core.ids import Id
from heliograph.core.model.identity import ApiClient, ClientPrincipal
from heliograph.dialects.twilio.auth import callers
from heliograph.dialects.twilio.mapping import ids

from .test_mapping import ACCOUNT, CLIENT, NOW

pytestmark = pytest.mark.anyio

KEY = "hgk_ä:secret"
PRINCIPAL = ClientPrincipal(ApiClient(CLIENT, ACCOUNT, "back end", frozenset(), NOW))
ACCOUNT_NAME, KEY_NAME = ids.account_sid(ACCOUNT), ids.key_sid(CLIENT)


class OneClient:
    async def client(self, key: str) -> ClientPrincipal:
        if key != KEY:
            raise NotAuthenticated
        return PRINCIPAL


async def caller_of(header: str | None) -> ClientPrincipal:
    headers = {} if header is None else {"authorization": header}
    request = SimpleNamespace(headers=headers)
    return await callers.caller_of(
        cast("Any", request), cast("Any", SimpleNamespace(identity=OneClient()))
    )


def basic(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize("user_name", [ACCOUNT_NAME, KEY_NAME])
@pytest.mark.parametrize("scheme", ["Basic ", "basic ", "BASIC   "])
async def test_a_key_is_known_under_both_of_its_names(user_name: str, scheme: str) -> None:
    # Only the first colon divides: a password may hold more of them.
    assert await caller_of(scheme + basic(f"{user_name}:{KEY}")) is PRINCIPAL


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Basic",
        "Basic ",
        "Basic é",
        "Basic %%%",
        "Basic YQ",
        "Basic " + base64.b64encode(b"\xff:\xff").decode(),
        "Basic " + basic(KEY),
        "Basic " + basic(f"{ACCOUNT_NAME}:"),
        "Basic " + basic(f":{KEY}"),
        "Basic " + basic(f"{ACCOUNT_NAME}:{KEY}x"),
        "Basic " + basic(f"{ACCOUNT_NAME.upper()}:{KEY}"),
        "Basic " + basic(f"{ids.account_sid(CLIENT)}:{KEY}"),
        "Basic " + basic(f"{ids.key_sid(ACCOUNT)}:{KEY}"),
        "Basic " + basic(f"{ids.key_sid(Id(bytes(16)))}:{KEY}"),
        "Bearer " + basic(f"{ACCOUNT_NAME}:{KEY}"),
        f"Basic {ACCOUNT_NAME}:{KEY}",
        basic(f"{ACCOUNT_NAME}:{KEY}"),
    ],
)
async def test_whatever_else_proves_nothing(header: str | None) -> None:
    with pytest.raises(NotAuthenticated):
        await caller_of(header)
