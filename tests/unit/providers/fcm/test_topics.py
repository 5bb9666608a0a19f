import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from heliograph.core.model.outcome import (
    Accepted,
    Deferred,
    Misconfigured,
    RefreshCredential,
    Rejected,
    TokenGone,
)
from heliograph.outbound.http1 import HttpReply
from heliograph.outbound.http2.messages import Reply
from heliograph.providers.fcm.topics import (
    MEMBER_GONE,
    MEMBER_LATER,
    build_batch,
    build_subscription,
    interpret_batch,
    interpret_subscription,
)

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
PAGE = Path(__file__).parents[4] / "docs" / "providers" / "fcm.md"
TEN_S = timedelta(seconds=10)
MINUTE = timedelta(seconds=60)
NO_ENTITY = "Requested entity was not found."
DONE = Accepted()


def test_joining_names_the_topic_in_the_query():
    request = build_subscription("acme", "/topics/a~b%", "to:k/1", subscribe=True)

    assert request.path == (
        b"/v1/projects/acme/registrations/to%3Ak%2F1/topicSubscriptions?topicName=a~b%25"
    )
    assert request.body == b"{}"


def test_leaving_names_the_topic_in_the_path_and_may_be_repeated():
    request = build_subscription("acme", "news", "tok", subscribe=False)

    assert request.path == (
        b"/v1/projects/acme/registrations/tok/topicSubscriptions/news?allowMissing=true"
    )
    assert request.body == b""


def error(status, *, canonical=None, code=None, message="m"):
    details = []
    if code is not None:
        kind = "type.googleapis.com/google.firebase.fcm.v1.FcmError"
        details.append({"@type": kind, "errorCode": code})
    said = {"code": status, "status": canonical, "message": message, "details": details}
    return Reply(status, {}, json.dumps({"error": said}).encode())


@pytest.mark.parametrize(
    ("reply", "outcome"),
    [
        (Reply(200, {}, b'{"name":"projects/p/registrations/t/topicSubscriptions/x"}'), DONE),
        (Reply(200, {}, b""), DONE),
        (error(409, canonical="ALREADY_EXISTS"), DONE),
        (error(404, code="UNREGISTERED"), TokenGone("UNREGISTERED")),
        (error(404, canonical="NOT_FOUND", message=NO_ENTITY), Misconfigured("NOT_FOUND")),
        (error(400, canonical="FAILED_PRECONDITION"), Rejected("FAILED_PRECONDITION")),
        (error(401, canonical="UNAUTHENTICATED"), RefreshCredential("UNAUTHENTICATED")),
        (error(403, canonical="PERMISSION_DENIED"), Misconfigured("PERMISSION_DENIED")),
        (
            error(429, canonical="RESOURCE_EXHAUSTED"),
            Deferred("RESOURCE_EXHAUSTED", MINUTE, is_ours=True),
        ),
        (error(503, canonical="UNAVAILABLE"), Deferred("UNAVAILABLE", TEN_S)),
        (Reply(500, {}, b"<html>"), Deferred("HTTP 500", TEN_S)),
    ],
)
def test_each_reply_about_one_device_has_its_outcome(reply, outcome):
    assert interpret_subscription(reply, now=NOW) == outcome


def test_where_the_project_is_known_it_is_the_device_that_was_not_found():
    reply = error(404, canonical="NOT_FOUND", message=NO_ENTITY)

    outcome = interpret_subscription(reply, now=NOW, is_project_known=True)

    assert outcome == TokenGone("NOT_FOUND", is_ambiguous=True)


def test_the_instance_id_service_gets_all_devices_at_once():
    assert json.loads(build_batch("/topics/news", ["a", "b"])) == {
        "to": "/topics/news",
        "registration_tokens": ["a", "b"],
    }
    assert build_batch("news", ["a"]) == build_batch("/topics/news", ["a"])


def batch(status, body, count=1, headers=None):
    read = body if isinstance(body, bytes) else json.dumps(body).encode()
    return interpret_batch(HttpReply(status, headers or {}, read), count, now=NOW)


@pytest.mark.parametrize(
    ("result", "outcome"),
    [
        ({}, DONE),
        ({"error": "NOT_FOUND"}, TokenGone("NOT_FOUND", is_ambiguous=True)),
        ({"error": "INVALID_ARGUMENT"}, TokenGone("INVALID_ARGUMENT", is_ambiguous=True)),
        ({"error": "INTERNAL"}, Deferred("INTERNAL")),
        ({"error": "UNAVAILABLE"}, Deferred("UNAVAILABLE")),
        ({"error": "RESOURCE_EXHAUSTED"}, Deferred("RESOURCE_EXHAUSTED")),
        ({"error": "TOO_MANY_TOPICS"}, Rejected("TOO_MANY_TOPICS")),
        ({"error": "SOMETHING_NEW"}, Rejected("SOMETHING_NEW")),
        ({"error": {"x": 1}}, Rejected("{'x': 1}")),
        (7, Deferred("unreadable reply")),
    ],
)
def test_each_result_of_a_batch_has_its_outcome(result, outcome):
    assert batch(200, {"results": [{}, result]}, 2) == [DONE, outcome]


@pytest.mark.parametrize(
    "body", [b"", b"[]", {}, {"results": 7}, {"results": []}, {"results": [{}, {}, {}]}]
)
def test_a_batch_that_doesnt_answer_for_each_device_is_tried_again(body):
    assert batch(200, body, 2) == [Deferred("unreadable reply")] * 2


LATER = format_datetime(NOW + timedelta(seconds=90), usegmt=True)


@pytest.mark.parametrize(
    ("status", "body", "headers", "outcome"),
    [
        (401, {"error": "Unauthorized"}, {}, RefreshCredential("Unauthorized")),
        (403, {"error": "PERMISSION_DENIED"}, {}, Misconfigured("PERMISSION_DENIED")),
        (400, {"error": "INVALID_ARGUMENT"}, {}, Rejected("INVALID_ARGUMENT")),
        (404, b"<html>", {}, Rejected("HTTP 404")),
        (429, {"error": {"status": "RESOURCE_EXHAUSTED"}}, {},
         Deferred("RESOURCE_EXHAUSTED", MINUTE, is_ours=True)),
        (429, b"", {"retry-after": "5"},
         Deferred("HTTP 429", timedelta(seconds=5), is_ours=True)),
        (429, b"", {"retry-after": LATER},
         Deferred("HTTP 429", timedelta(seconds=90), is_ours=True)),
        (500, {"error": "INTERNAL"}, {}, Deferred("INTERNAL", TEN_S)),
        (503, b"", {"retry-after": "0"}, Deferred("HTTP 503", timedelta(0))),
        (302, b"", {}, Deferred("HTTP 302")),
    ],
)  # fmt: skip
def test_a_refused_batch_is_every_devices(status, body, headers, outcome):
    assert batch(status, body, 3, headers) == [outcome] * 3


def test_every_word_of_the_service_is_on_the_page():
    page = PAGE.read_text(encoding="utf-8")

    words = MEMBER_GONE | MEMBER_LATER | {"TOO_MANY_TOPICS", "ALREADY_EXISTS"}
    assert [word for word in sorted(words) if f"`{word}`" not in page] == []
