"""Signing in at the demo as Layer's SDKs do, by the lines that it prints."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from tests.system.printed_page import curl_lines, needs_curl, paste

if TYPE_CHECKING:
    from tests.system.conftest import Demo

pytestmark = pytest.mark.system


def test_the_printed_lines_open_a_session_that_registers_a_phone(demo: Demo) -> None:
    needs_curl()
    ask, sign_in = (
        line
        for line in curl_lines(demo.server.out)
        if f"{demo.server.url}/nonces" in line or f"{demo.server.url}/sessions" in line
    )
    (sign,) = (
        line.strip() for line in demo.server.out.splitlines() if "issuers identity-token" in line
    )

    nonce = json.loads(paste(ask))["nonce"]
    # Another terminal stands elsewhere, and knows no command of ours by its name.
    elsewhere = f"cd / && PATH=/usr/bin:/bin {sign.replace('NONCE', nonce)}"
    token = paste(elsewhere).strip()
    session = json.loads(paste(sign_in.replace("TOKEN", token)))["session_token"]

    phone = demo.api.at(
        "",
        accept="application/vnd.layer+json; version=1.0",
        authorization=f"Layer session-token='{session}'",
    )
    body = {"token": "signed-in", "type": "gcm", "device_id": "signed-in"}
    assert phone.post("/push_tokens", body).status == 202
    items = demo.native.get("/registrations").json()["items"]
    assert {item["user_id"] for item in items if item["token"] == "signed-in"} == {"layer-user"}
    assert demo.layer.call("DELETE", f"/sessions/{session}").status == 204
    items = demo.native.get("/registrations").json()["items"]
    assert [item for item in items if item["token"] == "signed-in"] == []
