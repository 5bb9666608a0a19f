"""Every reply of push services as an outcome, against the fake, over real sockets."""

from __future__ import annotations

from datetime import timedelta

import pytest
from tests.contract.providers.pages import NOW, batch_of, browser

from heliograph.core.model.outcome import (
    Deferred,
    Misconfigured,
    RefreshCredential,
    Rejected,
    TokenGone,
)
from heliograph.simulators.faults import Fault

pytestmark = pytest.mark.anyio

REPLIES = [
    # Every row of docs/providers/webpush.md, "Replies".
    (404, None, TokenGone("HTTP 404")),
    (410, None, TokenGone("HTTP 410")),
    (410, "106", TokenGone("errno 106")),
    (404, "102", TokenGone("errno 102")),
    (404, "103", TokenGone("errno 103")),
    (410, "105", TokenGone("errno 105")),
    (400, "108", TokenGone("errno 108")),
    (413, None, Rejected("HTTP 413")),
    (413, "104", Rejected("errno 104")),
    (413, "PayloadTooLarge", Rejected("PayloadTooLarge")),
    *((400, str(errno), Rejected(f"errno {errno}")) for errno in (101, 110, 111, 112, 113)),
    (429, None, Deferred("HTTP 429")),
    (429, "201", Deferred("errno 201")),
    (429, "TooManyRequests", Deferred("TooManyRequests")),
    (503, "201", Deferred("errno 201")),
    (503, "202", Deferred("errno 202", timedelta(0))),
    (503, "ServiceUnavailable", Deferred("ServiceUnavailable")),
    (503, "Shutdown", Deferred("Shutdown")),
    (500, "999", Deferred("errno 999")),
    (502, "900", Deferred("errno 900")),
    (504, None, Deferred("HTTP 504")),
    (403, "<another key>", TokenGone("HTTP 403", is_ambiguous=True)),
    *(
        (400, reason, Rejected(reason))
        for reason in ("BadTtl", "BadUrgency", "BadWebPushTopic", "BadWebPushRequest")
    ),
    (404, "BadPath", Rejected("BadPath")),
    (405, "MethodNotAllowed", Rejected("MethodNotAllowed")),
    (400, "VapidPkHashMismatch", TokenGone("VapidPkHashMismatch", is_ambiguous=True)),
    (403, "VapidPkHashMismatch", TokenGone("VapidPkHashMismatch", is_ambiguous=True)),
    (400, "BadVapidPublicKey", Misconfigured("BadVapidPublicKey")),
    (403, "BadVapidPublicKey", Misconfigured("BadVapidPublicKey")),
    (400, "IdleTimeout", Deferred("IdleTimeout", timedelta(0))),
    (
        400,
        "description: Ttl value conflicts with X-WNS-Cache-Policy",
        Rejected("Ttl value conflicts with X-WNS-Cache-Policy"),
    ),
    (406, "appthrottled", Deferred("appthrottled", timedelta(minutes=15))),
    (410, "description: The domain blocked us", Misconfigured("The domain blocked us")),
    (
        410,
        "description: The Cloud Service is sending notifications to a domain that is blocked",
        Misconfigured("The Cloud Service is sending notifications to a domain that is blocked"),
    ),
    (409, None, Rejected("HTTP 409")),
    (302, "location: https://127.0.0.1/", Deferred("HTTP 302")),
    # Refused VAPID tokens: this one is too young to be replaced, and nobody was reached by it.
    (401, "109", Misconfigured("errno 109")),
    (401, None, Misconfigured("HTTP 401")),
    (403, "BadJwtToken", Misconfigured("BadJwtToken")),
    (400, "BadAuthorizationHeader", Misconfigured("BadAuthorizationHeader")),
    (400, "UnauthorizedRegistration", Misconfigured("UnauthorizedRegistration")),
    (403, "permission denied: invalid JWT provided", Misconfigured("invalid JWT provided")),
]


@pytest.mark.parametrize(("status", "reason", "outcome"), REPLIES)
async def test_every_reply_is_its_outcome(
    fakes, webpush, webpush_credential, subscribed, status, reason, outcome
):
    subscription = subscribed()
    fakes.faults.add(Fault(subscription.endpoint, status, reason))

    outcomes = await webpush.send(batch_of(webpush_credential, browser(subscription)), now=NOW)

    assert outcomes == [outcome]


async def test_a_clock_that_was_set_wrong_ends_no_subscription(
    fakes, webpush, webpush_credential, subscribed, clock
):
    subscription = subscribed()
    batch = batch_of(webpush_credential, browser(subscription))
    await webpush.send(batch, now=NOW)
    clock.instant += timedelta(days=2)
    fakes.faults.add(Fault(subscription.endpoint, 401, "109", times=2))

    refused = await webpush.send(batch, now=clock.now())
    await webpush.refresh(webpush_credential)
    again = await webpush.send(batch, now=clock.now())

    assert refused == [RefreshCredential("errno 109")]
    # What the service took, it took by a clock that has changed since.
    assert again == [Misconfigured("errno 109")]


@pytest.mark.parametrize("status", [406, 429, 503])
async def test_the_services_own_pause_counts(
    fakes, webpush, webpush_credential, subscribed, status
):
    subscription = subscribed()
    fakes.faults.add(Fault(subscription.endpoint, status, "channelthrottled", retry_after=90))

    (outcome,) = await webpush.send(batch_of(webpush_credential, browser(subscription)), now=NOW)

    assert outcome == Deferred("channelthrottled", timedelta(seconds=90))
