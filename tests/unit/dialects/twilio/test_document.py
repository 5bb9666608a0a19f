from __future__ import annotations

from pathlib import Path

import pytest

from heliograph.core.applications import credential_shelf, named_applications
from heliograph.dialects.twilio import DIALECT
from heliograph.dialects.twilio.errors.rendering import MAX_ERRORS
from heliograph.dialects.twilio.errors.table import TABLE
from heliograph.dialects.twilio.mapping import devices as device_mapping
from heliograph.dialects.twilio.mapping import sends as send_mapping
from heliograph.dialects.twilio.routes.admission import KEPT
from heliograph.dialects.twilio.schemas import (
    apps,
    credentials,
    devices,
    notifications,
    sends,
    users,
    wire,
)
from heliograph.rendering import liquid

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


@pytest.mark.parametrize("reply", TABLE.values())
def test_every_reply_has_its_row(reply) -> None:
    assert f"| {reply.status} | `{reply.code}` |" in PAGE


@pytest.mark.parametrize(
    "schema",
    [
        devices.RegisterDevice,
        devices.DeviceRegistrationQuery,
        sends.SendPushNotifications,
        sends.Recipient,
        sends.Content,
        notifications.NotificationQuery,
        notifications.OperationQuery,
        credentials.CreateCredential,
        credentials.CredentialQuery,
        credentials.ChangeDefault,
        apps.AppQuery,
        users.UserQuery,
    ],
)
def test_every_property_and_parameter_has_its_row(schema) -> None:
    assert all(f"| `{field.alias}` |" in PAGE for field in schema.model_fields.values())


def test_every_limit_is_named() -> None:
    assert f"at most {device_mapping.MEMBER_LIMIT} devices" in PAGE
    assert f"at most {device_mapping.MAX_SHOWN}." in PAGE
    assert f"up to {MAX_ERRORS} of them" in PAGE
    assert f"1 to {wire.MAX_PAGE_SIZE}; {wire.DEFAULT_PAGE_SIZE} unless given" in PAGE
    assert DIALECT.max_body_bytes == 6 * 1024 * 1024
    assert "at most 6 MiB" in PAGE


def test_every_limit_of_a_send_is_named() -> None:
    assert f"1 to {sends.MAX_RECIPIENTS:,} recipients".replace(",", " ") in PAGE
    assert f"at most {sends.MAX_TAGS} pairs" in PAGE
    assert f"{sends.MAX_TAG_KEY_CHARS} characters" in PAGE
    assert f"{sends.MAX_TAG_VALUE_CHARS} characters" in PAGE
    assert f"at most {send_mapping.MOST_AHEAD.days} days ahead" in PAGE
    assert f"for {KEPT.days} days" in PAGE
    assert f"{liquid.MAX_ITERATIONS} turns" in PAGE
    assert f"{liquid.MAX_SOURCE_CHARS} characters" in PAGE
    assert f"{liquid.MAX_OUTPUT_BYTES} bytes" in PAGE
    assert f"{liquid.MAX_RENDER_S * 1000:g} ms" in PAGE
    assert f"at most {named_applications.MAX_NAMED} Apps" in PAGE
    assert f"at most {credential_shelf.MAX_CREDENTIALS} credentials" in PAGE
