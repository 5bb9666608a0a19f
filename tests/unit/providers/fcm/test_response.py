import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heliograph.core.model.outcome import (
    Accepted,
    Deferred,
    FaultScope,
    Misconfigured,
    Outcome,
    RefreshCredential,
    Rejected,
    TokenGone,
)
from heliograph.outbound.http2.messages import Lost, Reply
from heliograph.providers.fcm.grants import GRANT_REFUSALS
from heliograph.providers.fcm.response import (
    KNOWN_REASONS,
    interpret_lost,
    interpret_response,
)

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
AT_ONCE = timedelta(0)
TEN_S = timedelta(seconds=10)
MINUTE = timedelta(seconds=60)
PAGE = Path(__file__).parents[4] / "docs" / "providers" / "fcm.md"
NO_TOKEN = "The registration token is not a valid FCM registration token"
NO_ENTITY = "Requested entity was not found."


def reply(status, *, code=None, canonical=None, message="m", field=None, delay=None, headers=None):
    details = []
    if code is not None:
        kind = "type.googleapis.com/google.firebase.fcm.v1.FcmError"
        details.append({"@type": kind, "errorCode": code})
    if field is not None:
        kind = "type.googleapis.com/google.rpc.BadRequest"
        details.append({"@type": kind, "fieldViolations": [{"field": field, "description": "d"}]})
    if delay is not None:
        kind = "type.googleapis.com/google.rpc.RetryInfo"
        details.append({"@type": kind, "retryDelay": delay})
    error = {"code": status, "message": message, "details": details}
    if canonical is not None:
        error["status"] = canonical
    return Reply(status, headers or {}, json.dumps({"error": error}).encode())


def of(status, **parts):
    return interpret_response(reply(status, **parts), now=NOW)


ROWS = [
    (400, {"code": "INVALID_ARGUMENT", "field": "message.token"},
     TokenGone("INVALID_ARGUMENT", is_ambiguous=True)),
    (400, {"canonical": "INVALID_ARGUMENT", "field": "message.fid"},
     TokenGone("INVALID_ARGUMENT", is_ambiguous=True)),
    (400, {"code": "INVALID_ARGUMENT", "message": NO_TOKEN},
     TokenGone("INVALID_ARGUMENT", is_ambiguous=True)),
    (400, {"code": "INVALID_ARGUMENT", "field": "message.android.ttl"},
     Rejected("INVALID_ARGUMENT: message.android.ttl")),
    (400, {"code": "INVALID_ARGUMENT"}, Rejected("INVALID_ARGUMENT")),
    (400, {"canonical": "INVALID_ARGUMENT"}, Rejected("INVALID_ARGUMENT")),
    (400, {"canonical": "FAILED_PRECONDITION"}, Rejected("FAILED_PRECONDITION")),
    (401, {"code": "THIRD_PARTY_AUTH_ERROR", "canonical": "UNAUTHENTICATED"},
     Misconfigured("THIRD_PARTY_AUTH_ERROR", FaultScope.TARGET)),
    (401, {"code": "APNS_AUTH_ERROR"}, Misconfigured("APNS_AUTH_ERROR", FaultScope.TARGET)),
    (401, {"canonical": "UNAUTHENTICATED"}, RefreshCredential("UNAUTHENTICATED")),
    (403, {"code": "SENDER_ID_MISMATCH", "canonical": "PERMISSION_DENIED"},
     TokenGone("SENDER_ID_MISMATCH", is_ambiguous=True)),
    (403, {"canonical": "PERMISSION_DENIED"}, Misconfigured("PERMISSION_DENIED")),
    (404, {"code": "UNREGISTERED", "canonical": "NOT_FOUND", "message": NO_ENTITY},
     TokenGone("UNREGISTERED")),
    (404, {"canonical": "NOT_FOUND", "message": NO_ENTITY}, Misconfigured("NOT_FOUND")),
    (413, {}, Rejected("HTTP 413")),
    (429, {"code": "QUOTA_EXCEEDED"}, Deferred("QUOTA_EXCEEDED", MINUTE, is_ours=True)),
    (429, {"canonical": "RESOURCE_EXHAUSTED"},
     Deferred("RESOURCE_EXHAUSTED", MINUTE, is_ours=True)),
    (500, {"code": "INTERNAL"}, Deferred("INTERNAL", TEN_S)),
    (502, {}, Deferred("HTTP 502", TEN_S)),
    (503, {"code": "UNAVAILABLE"}, Deferred("UNAVAILABLE", TEN_S)),
    (504, {}, Deferred("HTTP 504", TEN_S)),
    (500, {"code": "UNSPECIFIED_ERROR"}, Deferred("UNSPECIFIED_ERROR", TEN_S)),
    (400, {"code": "UNSPECIFIED_ERROR"}, Deferred("UNSPECIFIED_ERROR")),
]  # fmt: skip


@pytest.mark.parametrize(("status", "parts", "outcome"), ROWS)
def test_each_documented_reply_has_its_outcome(status, parts, outcome):
    assert of(status, **parts) == outcome


def test_the_table_is_the_code_and_the_page():
    page = PAGE.read_text(encoding="utf-8")
    used = {parts.get("code") or parts.get("canonical") for _, parts, _ in ROWS} - {None}

    assert used == KNOWN_REASONS
    named = KNOWN_REASONS | GRANT_REFUSALS
    assert [reason for reason in sorted(named) if f"`{reason}`" not in page] == []


def test_a_200_keeps_the_name():
    body = b'{\n  "name": "projects/p/messages/0:1%2"\n}\n'

    assert interpret_response(Reply(200, {}, body), now=NOW) == Accepted(
        "projects/p/messages/0:1%2"
    )


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"name":7}', b"[" * 100_000])
def test_a_200_that_names_nothing_is_accepted_all_the_same(body):
    assert interpret_response(Reply(200, {}, body), now=NOW) == Accepted(None)


@pytest.mark.parametrize(
    ("attempts", "outcome"),
    [
        (1, Deferred("UNSPECIFIED_ERROR", TEN_S)),
        (2, Rejected("UNSPECIFIED_ERROR")),
        (9, Rejected("UNSPECIFIED_ERROR")),
    ],
)
def test_an_unexplained_error_is_tried_three_times(attempts, outcome):
    given_reply = reply(500, code="UNSPECIFIED_ERROR")

    assert interpret_response(given_reply, now=NOW, attempts=attempts) == outcome


@pytest.mark.parametrize(
    ("parts", "outcome"),
    [
        ({"message": NO_ENTITY}, TokenGone("NOT_FOUND", is_ambiguous=True)),
        ({"message": "No such project."}, Misconfigured("NOT_FOUND")),
    ],
)
def test_what_a_known_project_does_not_find_is_the_token(parts, outcome):
    given_reply = reply(404, canonical="NOT_FOUND", **parts)

    assert interpret_response(given_reply, now=NOW, is_project_known=True) == outcome


def test_a_known_project_can_still_lose_its_permission():
    given_reply = reply(403, canonical="PERMISSION_DENIED", message=NO_ENTITY)

    outcome = interpret_response(given_reply, now=NOW, is_project_known=True)

    assert outcome == Misconfigured("PERMISSION_DENIED")


@pytest.mark.parametrize("message", ["Device message rate exceeded", "Topic quota exceeded"])
def test_a_limit_of_one_device_or_topic_is_not_ours(message):
    assert of(429, code="QUOTA_EXCEEDED", message=message) == Deferred("QUOTA_EXCEEDED", MINUTE)


@pytest.mark.parametrize(
    ("headers", "delay", "wait_s"),
    [
        ({"retry-after": "7"}, None, 7),
        ({"retry-after": "7"}, "30s", 7),
        ({"retry-after": "0"}, None, 0),
        ({"retry-after": "Sun, 01 Mar 2026 12:02:00 GMT"}, None, 120),
        ({"retry-after": "soon"}, "30.5s", 30.5),
        ({}, "30s", 30),
        ({}, "-1s", 60),
        ({}, "soon", 60),
    ],
)
def test_the_providers_delay_comes_before_ours(headers, delay, wait_s):
    outcome = of(429, code="QUOTA_EXCEEDED", headers=headers, delay=delay)

    assert outcome.retry_after == timedelta(seconds=wait_s)


def test_a_server_error_may_say_when_to_come_back():
    outcome = of(503, code="UNAVAILABLE", headers={"retry-after": "3"})

    assert outcome == Deferred("UNAVAILABLE", timedelta(seconds=3))


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (400, Rejected("NEW_CODE")),
        (401, RefreshCredential("NEW_CODE")),
        (403, Rejected("NEW_CODE")),
        (404, Rejected("NEW_CODE")),
        (418, Rejected("NEW_CODE")),
        (429, Deferred("NEW_CODE", MINUTE, is_ours=True)),
        (500, Deferred("NEW_CODE", TEN_S)),
        (302, Deferred("NEW_CODE")),
        (204, Deferred("NEW_CODE")),
    ],
)
@pytest.mark.parametrize("kind", ["code", "canonical"])
def test_an_unknown_reason_is_judged_by_its_status(status, outcome, kind):
    assert of(status, **{kind: "NEW_CODE"}) == outcome


@pytest.mark.parametrize("status", [401, 429, 500, 503, 302])
@pytest.mark.parametrize("code", ["UNREGISTERED", "SENDER_ID_MISMATCH", "INVALID_ARGUMENT"])
def test_trouble_of_ours_or_theirs_never_makes_a_token_gone(status, code):
    assert not isinstance(of(status, code=code, field="message.token"), TokenGone)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[]",
        b'{"error":"no"}',
        b'{"error":{"status":7,"message":[],"details":{}}}',
        b'{"error":{"details":[7,{"@type":8},{"@type":"x"}]}}',
        b'{"error":{"details":[{"@type":"google.rpc.BadRequest","fieldViolations":7}]}}',
        b'{"error":{"details":[{"@type":"google.rpc.RetryInfo","retryDelay":7}]}}',
        b'{"error":{"details":[{"@type":"google.rpc.BadRequest","fieldViolations":[7,{}]}]}}',
        b"\xff\xfe{",
        b"[" * 100_000,
    ],
    ids=range(11),
)
@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (400, Rejected("HTTP 400")),
        (401, RefreshCredential("HTTP 401")),
        (404, Rejected("HTTP 404")),
        (429, Deferred("HTTP 429", MINUTE, is_ours=True)),
        (502, Deferred("HTTP 502", TEN_S)),
        (301, Deferred("HTTP 301")),
    ],
)
def test_an_unreadable_body_is_judged_by_its_status(status, outcome, body):
    assert interpret_response(Reply(status, {}, body), now=NOW) == outcome


def test_an_endless_reason_is_cut():
    assert of(400, code="X" * 5000) == Rejected("X" * 200)


JSON = st.recursive(
    st.none() | st.text(max_size=5) | st.integers() | st.floats(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["error", "status", "message", "details", "@type", "errorCode", "name"]
            ),
            inner,
        )
    ),
)


@given(
    status=st.integers(200, 599),
    body=st.binary(max_size=60) | JSON.map(lambda value: json.dumps(value).encode()),
    retry_after=st.text(max_size=40),
)
def test_whatever_comes_back_is_an_outcome(status, body, retry_after):
    outcome = interpret_response(Reply(status, {"retry-after": retry_after}, body), now=NOW)

    assert isinstance(outcome, get_args(Outcome))
    assert isinstance(outcome, Accepted) == (status == 200)


@pytest.mark.parametrize(("is_unprocessed", "retry_after"), [(True, AT_ONCE), (False, None)])
def test_a_lost_request_is_tried_again(is_unprocessed, retry_after):
    lost = Lost(is_unprocessed, "the connection was lost", b'{"reason":"session_timed_out"}')

    assert interpret_lost(lost) == Deferred("the connection was lost", retry_after)


@pytest.mark.parametrize(
    ("status", "parts", "outcome"),
    [
        (404, {"code": "UNREGISTERED"}, Rejected("UNREGISTERED")),
        (403, {"code": "SENDER_ID_MISMATCH"}, Rejected("SENDER_ID_MISMATCH")),
        (400, {"code": "INVALID_ARGUMENT", "field": "message.topic"},
         Rejected("INVALID_ARGUMENT: message.topic")),
        (400, {"code": "INVALID_ARGUMENT", "message": NO_TOKEN}, Rejected("INVALID_ARGUMENT")),
        (404, {"canonical": "NOT_FOUND", "message": NO_ENTITY}, Misconfigured("NOT_FOUND")),
        (429, {"code": "QUOTA_EXCEEDED", "message": "Topic quota exceeded"},
         Deferred("QUOTA_EXCEEDED", MINUTE)),
        (401, {"canonical": "UNAUTHENTICATED"}, RefreshCredential("UNAUTHENTICATED")),
    ],
)  # fmt: skip
def test_what_is_said_of_a_group_is_about_no_token(status, parts, outcome):
    said = interpret_response(reply(status, **parts), now=NOW, is_project_known=True, is_group=True)

    assert said == outcome


@pytest.mark.parametrize(
    ("body", "name"),
    [
        (b'{"name":"projects/p/messages/0:1%2"}', "projects/p/messages/0:1%2"),
        (b' {\n"name" : "a b"\r\n} ', "a b"),
        (b'{"name":"\\u0041\\/"}', "A/"),
        ('{"name":"ü"}'.encode(), "ü"),
        (b'{"name":"a","name":"b"}', "b"),
        (b'{"name":"a","other":1}', "a"),
        (b'{"name":""}', None),
        (b'{"name":"a"', None),
        (b'{"name":"a"}}', None),
    ],
)
def test_the_short_way_to_a_name_reads_what_json_says(body, name):
    assert interpret_response(Reply(200, {}, body), now=NOW) == Accepted(name)


@given(st.text(max_size=20))
def test_every_name_is_read_as_json_reads_it(name):
    body = json.dumps({"name": name}, ensure_ascii=False).encode("utf-8", "replace")

    assert interpret_response(Reply(200, {}, body), now=NOW) == Accepted(
        json.loads(body)["name"] or None
    )


def test_endless_fields_are_cut():
    outcome = of(400, code="INVALID_ARGUMENT", field="message.data." + "x" * 5000)

    assert len(outcome.reason) == 200
