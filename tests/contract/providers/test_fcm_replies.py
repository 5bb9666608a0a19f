"""Every reply of FCM as an outcome, against the fake, over real sockets."""

from __future__ import annotations

from datetime import timedelta

import pytest
from tests.contract.providers.pages import NOW, batch_of, target

from heliograph.core.model.outcome import (
    Accepted,
    Deferred,
    FaultScope,
    Misconfigured,
    RefreshCredential,
    Rejected,
    TokenGone,
)
from heliograph.providers.fcm.response import KNOWN_REASONS
from heliograph.simulators.faults import TOKEN_ENDPOINT, Fault

pytestmark = pytest.mark.anyio

TEN = timedelta(seconds=10)
MINUTE = timedelta(seconds=60)

REPLIES = [
    # Every row of docs/providers/fcm.md, "Replies"; third, the field that FCM blames.
    (
        400,
        "INVALID_ARGUMENT",
        "message.token",
        TokenGone("INVALID_ARGUMENT", is_ambiguous=True),
    ),
    (400, "INVALID_ARGUMENT", "message.fid", TokenGone("INVALID_ARGUMENT", is_ambiguous=True)),
    (
        400,
        "INVALID_ARGUMENT",
        "message.android.ttl",
        Rejected("INVALID_ARGUMENT: message.android.ttl"),
    ),
    (400, "INVALID_ARGUMENT", None, Rejected("INVALID_ARGUMENT")),
    (400, "FAILED_PRECONDITION", None, Rejected("FAILED_PRECONDITION")),
    (400, "OUT_OF_RANGE", None, Rejected("OUT_OF_RANGE")),
    (
        401,
        "THIRD_PARTY_AUTH_ERROR",
        None,
        Misconfigured("THIRD_PARTY_AUTH_ERROR", FaultScope.TARGET),
    ),
    (401, "APNS_AUTH_ERROR", None, Misconfigured("APNS_AUTH_ERROR", FaultScope.TARGET)),
    (401, "UNAUTHENTICATED", None, RefreshCredential("UNAUTHENTICATED")),
    (403, "SENDER_ID_MISMATCH", None, TokenGone("SENDER_ID_MISMATCH", is_ambiguous=True)),
    (403, "PERMISSION_DENIED", None, Misconfigured("PERMISSION_DENIED")),
    (404, "UNREGISTERED", None, TokenGone("UNREGISTERED")),
    (404, "NOT_FOUND", None, Misconfigured("NOT_FOUND")),
    (413, None, None, Rejected("HTTP 413")),
    (429, "QUOTA_EXCEEDED", None, Deferred("QUOTA_EXCEEDED", MINUTE, is_ours=True)),
    (429, "RESOURCE_EXHAUSTED", None, Deferred("RESOURCE_EXHAUSTED", MINUTE, is_ours=True)),
    (500, "INTERNAL", None, Deferred("INTERNAL", TEN)),
    (500, None, None, Deferred("INTERNAL", TEN)),
    (502, None, None, Deferred("HTTP 502", TEN)),
    (503, "UNAVAILABLE", None, Deferred("UNAVAILABLE", TEN)),
    (504, None, None, Deferred("HTTP 504", TEN)),
    (500, "UNSPECIFIED_ERROR", None, Deferred("UNSPECIFIED_ERROR", TEN)),
    (400, "UNSPECIFIED_ERROR", None, Deferred("UNSPECIFIED_ERROR")),
    (418, "BRAND_NEW", None, Rejected("BRAND_NEW")),
]


def test_every_reason_of_the_page_is_asked_for():
    assert {reason for _, reason, *_ in REPLIES} >= KNOWN_REASONS


@pytest.mark.parametrize(("status", "reason", "field", "outcome"), REPLIES)
async def test_every_reply_is_its_outcome(
    fakes, fcm, fcm_credential, status, reason, field, outcome
):
    fakes.faults.add(Fault("tok", status, reason, field=field))

    outcomes = await fcm.send(batch_of(fcm_credential, target("tok")), now=NOW)
    (again,) = await fcm.send(batch_of(fcm_credential, target("tok")), now=NOW)

    assert outcomes == [outcome]
    assert isinstance(again, Accepted)


async def test_an_unexplained_failure_is_given_up_at_the_third_try(fakes, fcm, fcm_credential):
    fakes.faults.add(Fault("tok", 500, "UNSPECIFIED_ERROR"))
    third = target("tok")._replace(attempts=2)

    outcomes = await fcm.send(batch_of(fcm_credential, third), now=NOW)

    assert outcomes == [Rejected("UNSPECIFIED_ERROR")]


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_the_pause_that_fcm_asks_for_counts(fakes, fcm, fcm_credential, status):
    fakes.faults.add(Fault("tok", status, retry_after=77))

    (outcome,) = await fcm.send(batch_of(fcm_credential, target("tok")), now=NOW)

    assert isinstance(outcome, Deferred)
    assert outcome.retry_after == timedelta(seconds=77)


GRANTS = [
    # Every row of docs/providers/fcm.md, "Authentication".
    (400, "invalid_grant", Misconfigured),
    (400, "invalid_scope", Misconfigured),
    (401, "invalid_client", Misconfigured),
    (401, "unauthorized_client", Misconfigured),
    (403, "access_denied", Misconfigured),
    (429, "slow_down", Deferred),
    (500, "internal_failure", Deferred),
    (503, "down", Deferred),
]


@pytest.mark.parametrize(("status", "error", "kind"), GRANTS)
async def test_every_answer_of_the_token_endpoint_is_its_outcome(
    fakes, fcm, fcm_credential, status, error, kind
):
    fakes.faults.add(Fault(TOKEN_ENDPOINT, status, error))

    (outcome,) = await fcm.send(batch_of(fcm_credential, target("tok")), now=NOW)

    assert isinstance(outcome, kind)
    said = outcome.reason if isinstance(outcome, Deferred) else outcome.detail
    assert said.startswith(f"token endpoint: {error}")
