"""Every reply of APNs as an outcome, against the fake, over real sockets."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from tests.contract.providers.pages import NOW, batch_of, target

from heliograph.core.model.audience import AddressForm
from heliograph.core.model.notification import Content
from heliograph.core.model.outcome import (
    ACCEPTED,
    Deferred,
    FaultScope,
    Misconfigured,
    RefreshCredential,
    Rejected,
    TokenGone,
)
from heliograph.core.model.registration import ProviderName
from heliograph.providers.apns.response import KNOWN_REASONS
from heliograph.simulators.faults import Fault

pytestmark = pytest.mark.anyio

TOKEN = "ab" * 32
SINCE_MS = 1_772_000_000_000
SINCE = datetime(2026, 2, 25, 6, 13, 20, tzinfo=UTC)
AT_ONCE = timedelta(0)
QUARTER = timedelta(minutes=15)

REPLIES = [
    # Every row of docs/providers/apns.md, "Replies".
    (400, "BadDeviceToken", TokenGone("BadDeviceToken", is_ambiguous=True)),
    (400, "DeviceTokenNotForTopic", TokenGone("DeviceTokenNotForTopic", is_ambiguous=True)),
    (400, "ChannelNotRegistered", TokenGone("ChannelNotRegistered")),
    *(
        (400, reason, Rejected(reason))
        for reason in (
            "BadChannelId",
            "BadCollapseId",
            "BadExpirationDate",
            "BadMessageId",
            "BadPriority",
            "BadRequestParams",
            "BadRequestPayload",
            "DuplicateHeaders",
            "InvalidPushType",
            "MissingChannelId",
            "MissingDeviceToken",
            "MissingPushType",
            "PayloadEmpty",
        )
    ),
    *(
        (400, reason, Misconfigured(reason))
        for reason in ("BadTopic", "MissingTopic", "TopicDisallowed")
    ),
    (400, "FeatureNotEnabled", Misconfigured("FeatureNotEnabled")),
    (400, "CannotCreateChannelConfig", Misconfigured("CannotCreateChannelConfig")),
    (400, "IdleTimeout", Deferred("IdleTimeout", AT_ONCE)),
    *(
        (403, reason, RefreshCredential(reason))
        for reason in (
            "ExpiredProviderToken",
            "InvalidProviderToken",
            "MissingProviderToken",
            "UnrelatedKeyIdInToken",
        )
    ),
    *(
        (403, reason, Misconfigured(reason))
        for reason in (
            "BadCertificate",
            "BadCertificateEnvironment",
            "BadEnvironmentKeyIdInToken",
            "BadEnvironmentKeyInToken",
            "Forbidden",
            "TopicMismatch",
        )
    ),
    (404, "BadPath", Rejected("BadPath")),
    (405, "MethodNotAllowed", Rejected("MethodNotAllowed")),
    (410, "Unregistered", TokenGone("Unregistered", SINCE)),
    (410, "ExpiredToken", TokenGone("ExpiredToken", SINCE)),
    (413, "PayloadTooLarge", Rejected("PayloadTooLarge")),
    (429, "TooManyRequests", Deferred("TooManyRequests")),
    (
        429,
        "TooManyProviderTokenUpdates",
        Deferred("TooManyProviderTokenUpdates", is_ours=True),
    ),
    (500, "InternalServerError", Deferred("InternalServerError", QUARTER)),
    (503, "ServiceUnavailable", Deferred("ServiceUnavailable", QUARTER)),
    (503, "Shutdown", Deferred("Shutdown", AT_ONCE)),
    (418, "BrandNew", Rejected("BrandNew")),
    (599, "BrandNew", Deferred("BrandNew", QUARTER)),
    (302, None, Deferred("HTTP 302")),
]


def test_every_reason_of_the_page_is_asked_for():
    assert {reason for _, reason, _ in REPLIES} >= KNOWN_REASONS


@pytest.mark.parametrize(("status", "reason", "outcome"), REPLIES)
async def test_every_reply_is_its_outcome(fakes, apns, apns_credential, status, reason, outcome):
    timestamp = SINCE_MS if status == 410 else None
    fakes.faults.add(Fault(TOKEN, status, reason, timestamp=timestamp))

    outcomes = await apns.send(batch_of(apns_credential, target(TOKEN)), now=NOW)
    again = await apns.send(batch_of(apns_credential, target(TOKEN)), now=NOW)

    assert outcomes == [outcome]
    assert again == [ACCEPTED]


async def test_a_server_that_leaves_twice_is_given_a_quarter_of_an_hour(
    fakes, apns, apns_credential
):
    fakes.faults.add(Fault(TOKEN, 503, "Shutdown"))
    second = target(TOKEN)._replace(attempts=1)

    outcomes = await apns.send(batch_of(apns_credential, second), now=NOW)

    assert outcomes == [Deferred("Shutdown", QUARTER)]


async def test_a_topic_with_a_suffix_is_no_fault_of_the_others(fakes, apns, apns_credential):
    fakes.faults.add(Fault(TOKEN, 400, "TopicDisallowed"))
    said = {"headers": {"apns-push-type": "voip"}, "aps": {}, "call": "1"}
    content = Content(overrides={ProviderName.APNS: said})

    outcomes = await apns.send(batch_of(apns_credential, target(TOKEN), content=content), now=NOW)

    assert outcomes == [Misconfigured("TopicDisallowed", FaultScope.TARGET)]


async def test_a_channel_that_nobody_made_is_gone(apns, apns_credential):
    activity = {"aps": {"event": "update", "content-state": {"score": 1}}}
    content = Content(overrides={ProviderName.APNS: activity})
    channel = target("bm8gc3VjaCBjaGFubmVs", form=AddressForm.CHANNEL)

    outcomes = await apns.send(batch_of(apns_credential, channel, content=content), now=NOW)

    assert outcomes == [TokenGone("ChannelNotRegistered")]


@pytest.mark.parametrize("spelled", [f"<{TOKEN}>", "<" + " ".join(["abababab"] * 8) + ">"])
async def test_a_token_as_old_clients_spell_it_is_the_same(fakes, apns, apns_credential, spelled):
    batch = batch_of(apns_credential, target(spelled))

    outcomes = await apns.send(batch, now=NOW)

    assert outcomes == [ACCEPTED]
    assert len(fakes.inbox.received(TOKEN)) == 1
    assert apns.preview(batch)[0].path == f"/3/device/{TOKEN}"
