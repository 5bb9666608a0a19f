import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from heliograph.core.model.outcome import Deferred, Misconfigured
from heliograph.outbound.access_tokens import Granted
from heliograph.outbound.http1 import HttpReply, OutboundError
from heliograph.providers.fcm.grants import interpret_grant, interpret_no_grant

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def grant(status, body, headers=None):
    read = body if isinstance(body, bytes) else json.dumps(body).encode()
    return interpret_grant(HttpReply(status, headers or {}, read), now=NOW)


@pytest.mark.parametrize(
    ("expires_in", "lifetime_s"),
    [
        (3599, 3599),
        (60, 60),
        (None, 3600),
        (0, 3600),
        (-1, 3600),
        (True, 3600),
        ("60", 3600),
        (10**9, 3600),
        (1e400, 3600),
    ],
)
def test_a_grant_lives_as_long_as_it_says_within_reason(expires_in, lifetime_s):
    granted = grant(200, {"access_token": "abc", "expires_in": expires_in})

    assert granted == Granted("abc", timedelta(seconds=lifetime_s))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        {},
        {"access_token": 7},
        {"access_token": ""},
        {"access_token": "a\r\nb"},
        {"access_token": "ä"},
        {"access_token": "x" * 9000},
    ],
)
def test_a_grant_without_a_usable_token_is_tried_again(body):
    assert grant(200, body) == Deferred("token endpoint: unreadable reply")


@pytest.mark.parametrize("status", [400, 503])
def test_an_error_of_a_strangers_endpoint_can_be_stored(status):
    outcome = grant(status, b'{"error": "in\\ud800valid\\u0000_\\ngrant"}')

    said = outcome.detail if isinstance(outcome, Misconfigured) else outcome.reason
    assert said == "token endpoint: invalid_grant"


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, "invalid_grant"),
        (400, "invalid_scope"),
        (401, "invalid_client"),
        (401, "unauthorized_client"),
        (403, "access_denied"),
        (400, "something_new"),
    ],
)
def test_a_refused_grant_is_ours_to_fix(status, error):
    assert grant(status, {"error": error}) == Misconfigured(f"token endpoint: {error}")


@pytest.mark.parametrize("status", [403, 404, 413])
def test_a_refusal_without_a_reason_is_ours_to_fix(status):
    assert grant(status, b"<html>") == Misconfigured(f"token endpoint: HTTP {status}")


@pytest.mark.parametrize(
    ("status", "is_ours"), [(429, True), (408, False), (500, False), (503, False), (302, False)]
)
def test_a_busy_token_endpoint_is_asked_again(status, is_ours):
    outcome = grant(status, b"", {"retry-after": "5"})

    expected = Deferred(f"token endpoint: HTTP {status}", timedelta(seconds=5), is_ours=is_ours)
    assert outcome == expected


def test_a_silent_token_endpoint_is_asked_again():
    error = OutboundError("no reply in time")

    assert interpret_no_grant(error) == Deferred("token endpoint: no reply in time")


def test_the_endpoints_own_sentence_is_kept():
    body = {"error": "invalid_grant", "error_description": "Invalid grant:\n account not found"}

    assert grant(400, body) == Misconfigured(
        "token endpoint: invalid_grant: Invalid grant: account not found"
    )


@pytest.mark.parametrize(
    ("ahead", "said"),
    [
        (timedelta(minutes=7), "; this server's clock is 420 s ahead of the endpoint's"),
        (timedelta(hours=-1), "; this server's clock is 3600 s behind the endpoint's"),
        (timedelta(minutes=1), ""),
    ],
)
def test_a_wrong_clock_is_named(ahead, said):
    headers = {"date": format_datetime(NOW - ahead, usegmt=True)}

    outcome = grant(400, {"error": "invalid_grant"}, headers)

    assert outcome == Misconfigured(f"token endpoint: invalid_grant{said}")


@pytest.mark.parametrize("date", ["", "soon", "Sun, 99 Nov 2026 07:00:00 GMT"])
def test_a_date_that_is_none_says_nothing_of_our_clock(date):
    outcome = grant(400, {"error": "invalid_grant"}, {"date": date})

    assert outcome == Misconfigured("token endpoint: invalid_grant")
