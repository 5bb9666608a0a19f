import json

import pytest

from heliograph.simulators.fcm.errors import BAD_REQUEST, FCM_ERROR
from heliograph.simulators.fcm.rules import Accepted, Invalid, judge


def judged(message, **others):
    return judge(json.dumps({"message": message, **others}).encode())


@pytest.mark.parametrize(
    ("message", "target"),
    [
        ({"token": "dev:APA91b_x-1"}, "dev:APA91b_x-1"),
        ({"fid": "fid-1"}, "fid-1"),
        ({"topic": "news"}, "/topics/news"),
        ({"topic": "/topics/news"}, "/topics/news"),
        ({"condition": "'a' in topics && !('b' in topics)"}, "'a' in topics && !('b' in topics)"),
    ],
)
def test_a_message_has_one_target(message, target):
    assert judged(message) == Accepted(target, is_rehearsal=False)


@pytest.mark.parametrize("name", ["validate_only", "validateOnly"])
def test_a_rehearsal_is_noticed(name):
    assert judged({"token": "a"}, **{name: True}) == Accepted("a", is_rehearsal=True)


@pytest.mark.parametrize(
    ("message", "where"),
    [
        ({}, "message"),
        ({"data": {"a": "b"}}, "message"),
        ({"token": ""}, "message.token"),
        ({"token": "with space"}, "message.token"),
        ({"fid": "/"}, "message.fid"),
        ({"topic": "no spaces please"}, "message.topic"),
        ({"condition": "always"}, "message.condition"),
        ({"condition": " || ".join(["'a' in topics"] * 6)}, "message.condition"),
        ({"token": "a", "data": {"from": "x"}}, "message.data"),
        ({"token": "a", "data": {"message_type": "x"}}, "message.data"),
        ({"token": "a", "data": {"google.x": "x"}}, "message.data"),
        ({"token": "a", "android": {"data": {"gcm.notification.x": "x"}}}, "message.android.data"),
        ({"token": "a", "android": {"ttl": "2419201s"}}, "message.android.ttl"),
        ({"token": "a", "android": {"ttl": "-1s"}}, "message.android.ttl"),
        ({"token": "a", "android_v2": {"ttl": "-1s"}}, "message.android_v2.ttl"),
        ({"token": "a", "android": {}, "android_v2": {}}, "message.android_v2"),
        (
            {"token": "a", "fcm_options": {"analytics_label": "no spaces"}},
            "message.fcm_options.analytics_label",
        ),
        (
            {"token": "a", "apns": {"fcm_options": {"analytics_label": ""}}},
            "message.apns.fcm_options.analytics_label",
        ),
        (
            {"token": "a", "webpush": {"fcm_options": {"link": "http://x"}}},
            "message.webpush.fcm_options.link",
        ),
        ({"token": "a", "data": {"k": "x" * 4096}}, "message"),
        ({"token": "a", "apns": {"payload": {"aps": {"alert": "x" * 4090}}}}, "message"),
    ],
)
def test_a_wrong_message_names_its_field(message, where):
    verdict = judged(message)

    assert isinstance(verdict, Invalid)
    assert [violation.field for violation in verdict.violations] == [where]
    assert verdict.has_fcm_code


def test_two_targets_are_one_too_many():
    verdict = judged({"token": "a", "topic": "b"})

    assert verdict.violations[0].field == "message"
    assert "token and topic" in verdict.message


@pytest.mark.parametrize("body", [b"", b"{", b"[" * 100_000, b"\xff"])
def test_what_is_no_json_is_refused(body):
    verdict = judge(body)

    assert isinstance(verdict, Invalid)
    assert not verdict.has_fcm_code


def test_a_message_is_needed():
    assert judge(b"{}").violations[0].field == "message"


def test_the_size_limit_is_exact_and_in_bytes():
    value = "\u00e9" * 2047

    assert isinstance(judged({"token": "a", "data": {"kk": value}}), Accepted)
    assert isinstance(judged({"token": "a", "data": {"kkk": value}}), Invalid)


def test_platform_blocks_override_rather_than_add():
    message = {
        "token": "a",
        "data": {"k": "x" * 3000},
        "android": {"data": {"k": "y" * 3000}},
    }

    assert isinstance(judged(message), Accepted)


def test_a_token_violation_is_answered_as_google_does():
    answer = judged({"token": "no token!"}).answer()

    error = json.loads(answer.body)["error"]
    assert (answer.status, error["code"], error["status"]) == (400, 400, "INVALID_ARGUMENT")
    assert "not a valid FCM registration token" in error["message"]
    assert [detail["@type"] for detail in error["details"]] == [FCM_ERROR, BAD_REQUEST]
    assert error["details"][0]["errorCode"] == "INVALID_ARGUMENT"
    assert error["details"][1]["fieldViolations"][0]["field"] == "message.token"


def test_an_unknown_name_is_answered_without_an_fcm_code():
    answer = judged({"token": "a", "nonsense": 1}).answer()

    error = json.loads(answer.body)["error"]
    assert [detail["@type"] for detail in error["details"]] == [BAD_REQUEST]
    assert "nonsense" in error["message"]
