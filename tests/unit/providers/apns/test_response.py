import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heliograph.core.model.outcome import (
    ACCEPTED,
    Deferred,
    FaultScope,
    Misconfigured,
    Outcome,
    RefreshCredential,
    Rejected,
    TokenGone,
)
from heliograph.outbound.http2.messages import Lost, Reply
from heliograph.providers.apns.response import (
    KNOWN_REASONS,
    interpret_lost,
    interpret_response,
)

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SINCE_MS = 1_772_000_000_123
SINCE = datetime(2026, 2, 25, 6, 13, 20, 123000, tzinfo=UTC)
AT_ONCE = timedelta(0)
QUARTER = timedelta(minutes=15)
PAGE = Path(__file__).parents[4] / "docs" / "providers" / "apns.md"


class Untouchable(dict):
    """Headers that nobody may read."""

    def get(self, *args):
        raise AssertionError("headers were decoded")

    __getitem__ = get


def reply(status, reason=None, headers=None, **more):
    body = b"" if reason is None else json.dumps({"reason": reason, **more}).encode()
    return Reply(status, headers or {}, body)


ROWS = [
    *(
        (400, reason, Rejected(reason))
        for reason in (
            "BadCollapseId",
            "BadExpirationDate",
            "BadMessageId",
            "BadPriority",
            "InvalidPushType",
            "DuplicateHeaders",
            "PayloadEmpty",
            "MissingDeviceToken",
            "BadChannelId",
            "BadRequestParams",
            "BadRequestPayload",
            "MissingChannelId",
            "MissingPushType",
        )
    ),
    (400, "BadDeviceToken", TokenGone("BadDeviceToken", is_ambiguous=True)),
    (400, "DeviceTokenNotForTopic", TokenGone("DeviceTokenNotForTopic", is_ambiguous=True)),
    (400, "BadTopic", Misconfigured("BadTopic")),
    (400, "MissingTopic", Misconfigured("MissingTopic")),
    (400, "TopicDisallowed", Misconfigured("TopicDisallowed")),
    (400, "FeatureNotEnabled", Misconfigured("FeatureNotEnabled")),
    (400, "CannotCreateChannelConfig", Misconfigured("CannotCreateChannelConfig")),
    (400, "ChannelNotRegistered", TokenGone("ChannelNotRegistered")),
    (403, "TopicMismatch", Misconfigured("TopicMismatch")),
    (400, "IdleTimeout", Deferred("IdleTimeout", AT_ONCE)),
    (403, "ExpiredProviderToken", RefreshCredential("ExpiredProviderToken")),
    (403, "InvalidProviderToken", RefreshCredential("InvalidProviderToken")),
    (403, "MissingProviderToken", RefreshCredential("MissingProviderToken")),
    (403, "UnrelatedKeyIdInToken", RefreshCredential("UnrelatedKeyIdInToken")),
    (403, "BadEnvironmentKeyIdInToken", Misconfigured("BadEnvironmentKeyIdInToken")),
    (403, "BadEnvironmentKeyInToken", Misconfigured("BadEnvironmentKeyInToken")),
    (403, "BadCertificate", Misconfigured("BadCertificate")),
    (403, "BadCertificateEnvironment", Misconfigured("BadCertificateEnvironment")),
    (403, "Forbidden", Misconfigured("Forbidden")),
    (404, "BadPath", Rejected("BadPath")),
    (405, "MethodNotAllowed", Rejected("MethodNotAllowed")),
    (410, "Unregistered", TokenGone("Unregistered")),
    (410, "ExpiredToken", TokenGone("ExpiredToken")),
    (413, "PayloadTooLarge", Rejected("PayloadTooLarge")),
    (429, "TooManyRequests", Deferred("TooManyRequests")),
    (429, "TooManyProviderTokenUpdates", Deferred("TooManyProviderTokenUpdates", is_ours=True)),
    (500, "InternalServerError", Deferred("InternalServerError", QUARTER)),
    (503, "ServiceUnavailable", Deferred("ServiceUnavailable", QUARTER)),
    (503, "Shutdown", Deferred("Shutdown", AT_ONCE)),
]


def test_a_200_is_the_shared_constant_and_reads_nothing():
    assert interpret_response(Reply(200, Untouchable(), b"{"), now=NOW) is ACCEPTED


@pytest.mark.parametrize(("status", "reason", "outcome"), ROWS)
def test_each_documented_reason_has_its_outcome(status, reason, outcome):
    assert interpret_response(reply(status, reason), now=NOW) == outcome


def test_the_table_is_the_code_and_the_page():
    page = PAGE.read_text(encoding="utf-8")

    assert {reason for _, reason, _ in ROWS} == KNOWN_REASONS
    assert [reason for reason in sorted(KNOWN_REASONS) if f"`{reason}`" not in page] == []


def test_a_second_shutdown_waits_as_any_server_error():
    outcome = interpret_response(reply(503, "Shutdown"), now=NOW, attempts=1)

    assert outcome == Deferred("Shutdown", QUARTER)


@pytest.mark.parametrize("reason", ["Unregistered", "ExpiredToken"])
def test_a_gone_token_is_gone_since_apples_timestamp(reason):
    outcome = interpret_response(reply(410, reason, timestamp=SINCE_MS), now=NOW)

    assert outcome == TokenGone(reason, since=SINCE)


@pytest.mark.parametrize("timestamp", [None, "1772000000123", True, 1.5, -1, 10**17, 10**400])
def test_a_timestamp_that_makes_no_sense_is_none(timestamp):
    outcome = interpret_response(reply(410, "Unregistered", timestamp=timestamp), now=NOW)

    assert outcome == TokenGone("Unregistered")


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (400, "Unregistered"),
        (403, "BadDeviceToken"),
        (410, "BadDeviceToken"),
        (404, "ExpiredToken"),
    ],
)
def test_only_the_documented_status_makes_a_token_gone(status, reason):
    assert interpret_response(reply(status, reason), now=NOW) == Rejected(reason)


@pytest.mark.parametrize("status", [401, 403, 429, 500, 503, 302])
@pytest.mark.parametrize("reason", ["Unregistered", "BadDeviceToken"])
def test_trouble_of_ours_or_theirs_never_makes_a_token_gone(status, reason):
    assert not isinstance(interpret_response(reply(status, reason), now=NOW), TokenGone)


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (400, Rejected("NewReason")),
        (403, Rejected("NewReason")),
        (410, Rejected("NewReason")),
        (418, Rejected("NewReason")),
        (429, Deferred("NewReason")),
        (500, Deferred("NewReason", QUARTER)),
        (599, Deferred("NewReason", QUARTER)),
        (302, Deferred("NewReason")),
        (204, Deferred("NewReason")),
    ],
)
def test_an_unknown_reason_is_judged_by_its_status(status, outcome):
    assert interpret_response(reply(status, "NewReason"), now=NOW) == outcome


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[]",
        b"null",
        b'"reason"',
        b'{"reason":7}',
        b'{"reason":""}',
        b"\xff\xfe{",
        b"[" * 100_000,
        b"1" * 5000,
    ],
    ids=range(10),
)
@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (400, Rejected("HTTP 400")),
        (410, Rejected("HTTP 410")),
        (429, Deferred("HTTP 429")),
        (502, Deferred("HTTP 502", QUARTER)),
        (307, Deferred("HTTP 307")),
    ],
)
def test_an_unreadable_body_is_judged_by_its_status(status, outcome, body):
    assert interpret_response(Reply(status, {}, body), now=NOW) == outcome


def test_an_endless_reason_is_cut():
    assert interpret_response(reply(400, "x" * 5000), now=NOW) == Rejected("x" * 200)


@pytest.mark.parametrize("status", [429, 302])
def test_a_reply_may_say_when_to_come_back(status):
    outcome = interpret_response(reply(status, "r", {"retry-after": "90"}), now=NOW)

    assert outcome == Deferred("r", timedelta(seconds=90))


@pytest.mark.parametrize(("asked", "waited"), [("60", 900), ("3600", 3600), ("soon", 900)])
def test_a_server_error_waits_15_minutes_or_longer_if_asked(asked, waited):
    outcome = interpret_response(reply(500, "r", {"retry-after": asked}), now=NOW)

    assert outcome == Deferred("r", timedelta(seconds=waited))


@given(
    status=st.integers(200, 599),
    body=st.binary(max_size=60)
    | st.dictionaries(
        st.sampled_from(["reason", "timestamp"]),
        st.none() | st.text() | st.integers() | st.floats() | st.lists(st.none()),
    ).map(lambda value: json.dumps(value).encode()),
    retry_after=st.text(max_size=40),
)
def test_whatever_comes_back_is_an_outcome(status, body, retry_after):
    outcome = interpret_response(Reply(status, {"retry-after": retry_after}, body), now=NOW)

    assert isinstance(outcome, get_args(Outcome))
    assert (outcome is ACCEPTED) == (status == 200)


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (400, "BadTopic"),
        (400, "MissingTopic"),
        (400, "TopicDisallowed"),
        (403, "TopicMismatch"),
    ],
)
def test_a_topic_that_only_one_device_named_is_its_own_trouble(status, reason):
    outcome = interpret_response(reply(status, reason), now=NOW, scope=FaultScope.TARGET)

    assert outcome == Misconfigured(reason, FaultScope.TARGET)


def test_a_bad_key_is_everybodys_trouble_whatever_the_topic():
    outcome = interpret_response(reply(403, "Forbidden"), now=NOW, scope=FaultScope.TARGET)

    assert outcome == Misconfigured("Forbidden", FaultScope.CREDENTIAL)


def test_a_device_that_names_another_app_than_its_tokens_counts_for_itself_alone():
    outcome = interpret_response(
        reply(400, "DeviceTokenNotForTopic"), now=NOW, scope=FaultScope.TARGET, is_self_named=True
    )

    assert outcome == Misconfigured("DeviceTokenNotForTopic", FaultScope.TARGET)


@pytest.mark.parametrize("debug", [b"", b'{"reason":"Shutdown"}'])
def test_where_apns_cant_be_reached_our_own_schedule_says_when_to_try_again(debug):
    detail = "cannot connect: gaierror: [Errno -2] Name or service not known"

    outcome = interpret_lost(Lost(is_unprocessed=True, detail=detail, goaway_debug=debug))

    assert outcome == Deferred(detail, is_ours=True)


@pytest.mark.parametrize(
    ("is_unprocessed", "retry_after"), [(True, AT_ONCE), (False, None)], ids=["unsent", "unknown"]
)
@pytest.mark.parametrize("debug", [b"", b"not json", b"{}"])
def test_a_lost_request_is_tried_again(is_unprocessed, retry_after, debug):
    lost = Lost(is_unprocessed, "the connection was lost", debug)

    assert interpret_lost(lost) == Deferred("the connection was lost", retry_after)


@pytest.mark.parametrize(
    ("reason", "outcome"),
    [
        ("ExpiredProviderToken", RefreshCredential("ExpiredProviderToken")),
        ("BadCertificate", Misconfigured("BadCertificate")),
        ("IdleTimeout", Deferred("IdleTimeout", AT_ONCE)),
        ("Shutdown", Deferred("Shutdown", AT_ONCE)),
        ("BadDeviceToken", Deferred("BadDeviceToken", AT_ONCE)),
    ],
)
def test_a_goaway_may_say_what_is_wrong_with_us(reason, outcome):
    debug = json.dumps({"reason": reason}).encode()

    assert interpret_lost(Lost(is_unprocessed=True, detail="x", goaway_debug=debug)) == outcome
