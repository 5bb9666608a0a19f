from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from heliograph.core.model.outcome import (
    ACCEPTED,
    Accepted,
    Deferred,
    Misconfigured,
    RefreshCredential,
    Rejected,
    TokenGone,
)
from heliograph.outbound.http2.messages import Lost, Reply
from heliograph.providers.webpush.response import interpret_lost, interpret_response

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def outcome_of(status, headers=None, body=b"", **known):
    return interpret_response(Reply(status, headers or {}, body), now=NOW, **known)


@pytest.mark.parametrize(
    ("headers", "outcome"),
    [
        ({"location": "https://a.example/m/1"}, Accepted("https://a.example/m/1")),
        ({"apns-id": "1", "location": "x"}, Accepted("1")),
        ({"location": "x" * 513}, ACCEPTED),
        ({}, ACCEPTED),
    ],
)
def test_an_accepted_message_has_a_name_if_it_is_short(headers, outcome):
    assert outcome_of(201, headers) == outcome


@pytest.mark.parametrize(
    ("known", "outcome"),
    [
        ({"is_renewable": True, "is_known": True}, RefreshCredential("HTTP 401")),
        ({"is_renewable": True, "is_known": False}, RefreshCredential("HTTP 401")),
        ({"is_renewable": False, "is_known": True}, TokenGone("HTTP 401", is_ambiguous=True)),
        ({"is_renewable": False, "is_known": False}, Misconfigured("HTTP 401")),
    ],
)
def test_a_refused_token_is_renewed_then_the_targets_or_ours(known, outcome):
    assert outcome_of(401, **known) == outcome


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_date_to_come_back_at_counts(status):
    headers = {"retry-after": "Sun, 01 Mar 2026 12:01:30 GMT"}

    outcome = outcome_of(status, headers)

    assert outcome == Deferred(f"HTTP {status}", timedelta(seconds=90))


def test_at_once_gives_way_to_the_services_own_pause():
    outcome = outcome_of(503, {"retry-after": "7"}, b'{"errno": 202}')

    assert outcome == Deferred("errno 202", timedelta(seconds=7))


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>", b"[]", b'{"errno": true}', b'{"errno": "x"}', b'{"reason": 1}', b"\xff",
     b'{"reason": "\\u0000"}', b'{"reason": ""}', b"[" * 100_000],
)  # fmt: skip
def test_what_can_t_be_read_is_judged_by_its_status(body):
    assert outcome_of(418, body=body) == Rejected("HTTP 418")
    assert outcome_of(410, body=body) == TokenGone("HTTP 410")


def test_a_reason_is_cut_short():
    outcome = outcome_of(418, body=b'{"reason": "%s"}' % (b"x" * 500))

    assert outcome == Rejected("x" * 200)


@pytest.mark.parametrize(("is_unprocessed", "wait"), [(True, timedelta(0)), (False, None)])
def test_a_lost_request_is_tried_again(is_unprocessed, wait):
    assert interpret_lost(Lost(is_unprocessed, "gone")) == Deferred("gone", wait)
