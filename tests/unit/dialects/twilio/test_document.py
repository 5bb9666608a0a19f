from __future__ import annotations

from pathlib import Path

import pytest

from heliograph.dialects.twilio import DIALECT, errors, mapping, schemas

PAGE = (Path(__file__).parents[4] / "docs/dialects/twilio.md").read_text()
ANCHORS = {
    "#" + line.lstrip("# ").lower().replace(" ", "-")
    for line in PAGE.splitlines()
    if line.startswith("## ")
}


@pytest.mark.parametrize("route", DIALECT.routes, ids=lambda route: f"{route.method} {route.path}")
def test_every_route_is_described_where_it_says(route) -> None:
    (status,) = route.answers
    assert f"| `{route.method} {route.path}` | {status} |" in PAGE
    assert route.source.removeprefix("docs/dialects/twilio.md") in ANCHORS


@pytest.mark.parametrize("reply", errors.TABLE.values())
def test_every_reply_has_its_row(reply) -> None:
    assert f"| {reply.status} | `{reply.code}` |" in PAGE


@pytest.mark.parametrize("schema", [schemas.RegisterDevice, schemas.DeviceRegistrationQuery])
def test_every_property_and_parameter_has_its_row(schema) -> None:
    assert all(f"| `{field.alias}` |" in PAGE for field in schema.model_fields.values())


def test_every_limit_is_named() -> None:
    assert f"at most {mapping.MEMBER_LIMIT} devices" in PAGE
    assert f"at most {mapping.MAX_SHOWN}." in PAGE
    assert f"up to {errors.MAX_ERRORS} of them" in PAGE
    assert f"1 to {schemas.MAX_PAGE_SIZE}; {schemas.DEFAULT_PAGE_SIZE} unless given" in PAGE
    assert DIALECT.max_body_bytes == 6 * 1024 * 1024
    assert "at most 6 MiB" in PAGE
