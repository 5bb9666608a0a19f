import hashlib
import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heliograph.core.model.delivery import Target
from heliograph.core.model.notification import Content, Options, Priority
from heliograph.core.model.registration import ProviderName
from heliograph.providers.fcm.checks import is_reserved
from heliograph.providers.fcm.request import (
    build_message,
    build_path,
    build_request,
    head_of,
    problem_of,
)

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
EXPIRES_AT = NOW + timedelta(hours=1)
EXPIRES_AT_S = "1772370000"
ALERT = Content(title="Hi", body="There")
DEVICE = Target(b"t" * 16, 0, 0, ProviderName.FCM, None, "tok", b"", "{}", 0, 0, is_registered=True)


def render(content, options=None, now=NOW):
    return build_message(content, options or Options(), expires_at=EXPIRES_AT, now=now)


def body_of(content, options=None, token="tok", now=NOW):
    message = render(content, options, now)
    assert message.problem is None
    return build_request(b"/p", head_of(message, "token"), message, token).body


def message_of(content, options=None, now=NOW):
    return json.loads(body_of(content, options, now=now))["message"]


def test_an_alert_is_exactly_this():
    content = Content(title="Grüße", body="b", data={"k": "v"}, sound="ping", badge=3)

    body = body_of(content, Options(collapse_key="score"), token="to:k-en_1")

    assert (
        body
        == (
            '{"message":{"token":"to:k-en_1",'
            '"notification":{"title":"Grüße","body":"b"},'
            '"data":{"k":"v"},'
            '"android":{"priority":"HIGH","ttl":"3600s","collapse_key":"score",'
            '"notification":{"sound":"ping","notification_count":3,"tag":"score"}},'
            '"apns":{"headers":{"apns-priority":"10","apns-expiration":"1772370000",'
            '"apns-collapse-id":"score"},"payload":{"aps":{"sound":"ping","badge":3}}}}}'
        ).encode()
    )


def test_data_alone_is_exactly_this():
    body = body_of(Content(data={"k": 1}), Options(priority=Priority.NORMAL))

    assert body == (
        b'{"message":{"token":"tok","data":{"k":"1"},'
        b'"android":{"priority":"NORMAL","ttl":"3600s"},'
        b'"apns":{"headers":{"apns-priority":"5","apns-expiration":"1772370000",'
        b'"apns-push-type":"background"},"payload":{"aps":{"content-available":1}}}}}'
    )


def test_a_plain_alert_says_no_more_than_it_must():
    message = message_of(ALERT)

    assert "data" not in message
    assert "notification" not in message["android"]
    assert "payload" not in message["apns"]


@pytest.mark.parametrize(
    ("value", "text"),
    [("ä", "ä"), (1, "1"), (1.5, "1.5"), (True, "true"), (None, "null"), ([1, {"a": "ü"}],) * 2],
)
def test_data_values_become_strings(value, text):
    expected = text if isinstance(text, str) else '[1,{"a":"ü"}]'

    assert message_of(Content(data={"k": value}))["data"] == {"k": expected}


@pytest.mark.parametrize("content", [Content(badge=0), Content(sound="s", data={"k": "v"})])
def test_android_shows_nothing_where_there_is_no_text(content):
    message = message_of(content, Options(collapse_key="c"))

    assert "notification" not in message
    assert "notification" not in message["android"]
    assert "apns-push-type" not in message["apns"]["headers"]
    assert message["apns"]["payload"]["aps"]


def test_a_normal_alert_is_power_aware_on_both_platforms():
    message = message_of(ALERT, Options(priority=Priority.NORMAL))

    assert message["android"]["priority"] == "NORMAL"
    assert message["apns"]["headers"]["apns-priority"] == "5"


@pytest.mark.parametrize(
    ("ttl_s", "elapsed", "ttl", "expiration"),
    [
        (3600, timedelta(0), "3600s", EXPIRES_AT_S),
        (3600, timedelta(minutes=59), "60s", EXPIRES_AT_S),
        (3600, timedelta(minutes=59, milliseconds=1), "60s", EXPIRES_AT_S),
        (3600, timedelta(hours=2), "0s", EXPIRES_AT_S),
        (3600, timedelta(days=-60), "2419200s", EXPIRES_AT_S),
        (0, timedelta(0), "0s", "0"),
    ],
)
def test_a_retry_lives_no_longer_than_the_first_try(ttl_s, elapsed, ttl, expiration):
    message = message_of(ALERT, Options(ttl_s=ttl_s), now=NOW + elapsed)

    assert message["android"]["ttl"] == ttl
    assert message["apns"]["headers"]["apns-expiration"] == expiration


@pytest.mark.parametrize(
    "key", ["from", "message_type", "google.a", "google.", "gcm.notification.x"]
)
def test_a_reserved_data_key_is_rejected_by_name(key):
    message = render(Content(data={"fine": 1, key: 2}))

    assert message.problem == f"INVALID_ARGUMENT: the data key '{key}' is reserved"


def test_a_reserved_key_is_not_quoted_endlessly():
    message = render(Content(data={"google." + "x" * 3000: 1}))

    assert len(message.problem) < 200


@pytest.mark.parametrize("key", ["From", "googles", "gcm.a", "gcm.notifications", "message_types"])
def test_a_key_that_only_resembles_a_reserved_one_is_taken(key):
    assert render(Content(data={key: 1})).problem is None


def test_texts_may_fill_the_limit_and_no_more():
    full = render(Content(title="ü" * 1000, data={"k" * 96: "x" * 2000}))
    over = render(Content(title="ü" * 1000, data={"k" * 96: "x" * 2001}))

    assert (full.size_bytes, over.size_bytes) == (4096, 4097)
    assert problem_of(full, DEVICE) is None
    assert problem_of(over, DEVICE) == "INVALID_ARGUMENT: 4097 bytes, at most 4096"


def deep():
    value = []
    for _ in range(100_000):
        value = [value]
    return value


@pytest.mark.parametrize("value", [float("nan"), object(), deep()], ids=["nan", "object", "deep"])
def test_data_that_is_no_json_is_rejected(value):
    assert render(Content(data={"a": value})).problem == "INVALID_ARGUMENT: data is not JSON"


@pytest.mark.parametrize("token", ['"},"topic":"all', "\\", "\x00", "\ud800", "ä", ""])
def test_a_token_can_only_be_the_token(token):
    body = body_of(ALERT, token=token)

    assert json.loads(body)["message"]["token"] == token
    assert set(json.loads(body)["message"]) == {"token", "notification", "android", "apns"}


@pytest.mark.parametrize(
    ("project_id", "path"),
    [
        ("acme-1", b"/v1/projects/acme-1/messages:send"),
        ("a/b?c", b"/v1/projects/a%2Fb%3Fc/messages:send"),
        ("\ud800", b"/v1/projects/%3F/messages:send"),
    ],
)
def test_a_project_can_only_be_its_part_of_the_path(project_id, path):
    assert build_path(project_id) == path


def test_a_request_needs_no_headers_of_its_own():
    message = render(ALERT)

    request = build_request(b"/p", head_of(message, "token"), message, "tok")

    assert (request.path, request.headers) == (b"/p", ())


@pytest.mark.parametrize(
    ("key", "expected"),
    [("x" * 64, "x" * 64), ("x" * 65, hashlib.sha256(b"x" * 65).hexdigest())],
)
def test_a_collapse_key_over_apples_limit_is_hashed_for_apple_alone(key, expected):
    message = message_of(ALERT, Options(collapse_key=key))

    assert message["apns"]["headers"]["apns-collapse-id"] == expected
    assert message["android"]["collapse_key"] == key


@given(
    st.builds(
        Content,
        title=st.none() | st.text(max_size=50),
        body=st.none() | st.text(max_size=50),
        data=st.dictionaries(
            st.text(max_size=10).filter(lambda key: not is_reserved(key)),
            st.none() | st.booleans() | st.integers() | st.text(max_size=20),
        ),
        sound=st.none() | st.text(max_size=10),
        badge=st.none() | st.integers(),
    ),
    st.text(),
)
def test_every_content_becomes_json_with_texts_in_data(content, token):
    rendered = render(content)
    body = build_request(b"/p", head_of(rendered, "token"), rendered, token).body
    message = json.loads(body)["message"]

    assert message["token"] == token
    assert all(isinstance(value, str) for value in message.get("data", {}).values())
    assert ("notification" in message) == (content.title is not None or content.body is not None)
