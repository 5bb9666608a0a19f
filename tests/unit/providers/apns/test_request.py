import hashlib
import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heliograph.core.model.notification import Content, Options, Priority
from heliograph.core.model.outcome import FaultScope, Misconfigured, Rejected
from heliograph.core.model.registration import TokenKind
from heliograph.providers.apns.push_types import PushType
from heliograph.providers.apns.request import (
    DEVICE_PATH,
    App,
    Message,
    build_message,
    bundle_id_of,
    device_request,
)

EXPIRES_AT = datetime(2026, 3, 1, 13, tzinfo=UTC)
EXPIRES_AT_S = b"1772370000"
ALERT = Content(title="Hi", body="There")


MESSAGE = Message(PushType.ALERT, DEVICE_PATH, (), b"{}", 4096)


def render(content, options=None, own=None, default="com.example"):
    return build_message(
        content, options or Options(), app=App(own, default), expires_at=EXPIRES_AT
    )


def voip(content):
    return render(content, Options(kind=TokenKind.VOIP))


@pytest.mark.parametrize(
    ("content", "body"),
    [
        (ALERT, b'{"aps":{"alert":{"title":"Hi","body":"There"}}}'),
        (Content(body="There"), b'{"aps":{"alert":{"body":"There"}}}'),
        (Content(title=""), b'{"aps":{"alert":{"title":""}}}'),
        (Content(badge=0), b'{"aps":{"badge":0}}'),
        (Content(sound="ping.caf"), b'{"aps":{"sound":"ping.caf"}}'),
        (
            Content(title="Grüße", sound="default", badge=3, data={"a": {"b": [1, None]}}),
            '{"aps":{"alert":{"title":"Grüße"},"sound":"default","badge":3},'
            '"a":{"b":[1,null]}}'.encode(),
        ),
        (Content(data={"a": 1}), b'{"aps":{"content-available":1},"a":1}'),
        (Content(data={"aps": {"alert": "mine"}}), b'{"aps":{"content-available":1}}'),
        (Content(title="\ud800"), b'{"aps":{"alert":{"title":"?"}}}'),
    ],
)
def test_content_becomes_a_payload(content, body):
    message = render(content)

    assert message.problem is None
    assert message.body == body


def test_an_alert_says_all_its_headers():
    message = render(ALERT, Options(collapse_key="score"))

    assert message.headers == (
        (b"apns-topic", b"com.example"),
        (b"apns-push-type", b"alert"),
        (b"apns-priority", b"10"),
        (b"apns-expiration", EXPIRES_AT_S),
        (b"apns-collapse-id", b"score"),
    )


@pytest.mark.parametrize(
    ("key", "expected"),
    [("x" * 64, b"x" * 64), ("x" * 65, hashlib.sha256(b"x" * 65).hexdigest().encode())],
)
def test_a_collapse_key_over_apples_limit_travels_as_its_hash(key, expected):
    message = render(ALERT, Options(collapse_key=key))

    assert dict(message.headers)[b"apns-collapse-id"] == expected


@pytest.mark.parametrize(
    ("content", "priority", "push_type", "expected"),
    [
        (ALERT, Priority.HIGH, b"alert", b"10"),
        (ALERT, Priority.NORMAL, b"alert", b"5"),
        (Content(data={"a": 1}), Priority.HIGH, b"background", b"5"),
        (Content(data={"a": 1}), Priority.NORMAL, b"background", b"5"),
    ],
)
def test_a_background_push_is_never_immediate(content, priority, push_type, expected):
    headers = dict(render(content, Options(priority=priority)).headers)

    assert headers[b"apns-push-type"] == push_type
    assert headers[b"apns-priority"] == expected


def test_a_voip_push_says_so_and_is_no_background_push():
    message = voip(Content(data={"call": "1"}))

    assert dict(message.headers)[b"apns-push-type"] == b"voip"
    assert dict(message.headers)[b"apns-priority"] == b"10"
    assert message.body == b'{"aps":{},"call":"1"}'


def test_a_ttl_of_zero_asks_for_one_attempt():
    assert dict(render(ALERT, Options(ttl_s=0)).headers)[b"apns-expiration"] == b"0"


@pytest.mark.parametrize(
    ("kind", "shown", "limit"),
    [
        (TokenKind.ALERT, "x", 4096),
        (TokenKind.ALERT, None, 4096),
        (TokenKind.VOIP, "x", 5120),
    ],
)
def test_a_payload_may_fill_its_limit_and_no_more(kind, shown, limit):
    options = Options(kind=kind)
    frame = len(render(Content(title=shown, data={"a": ""}), options).body)

    full = render(Content(title=shown, data={"a": "x" * (limit - frame)}), options)
    over = render(Content(title=shown, data={"a": "x" * (limit - frame + 1)}), options)

    assert (len(full.body), full.problem, full.limit_bytes) == (limit, None, limit)
    assert over.problem == Rejected(f"PayloadTooLarge: {limit + 1} bytes, at most {limit}")


def deep():
    value = []
    for _ in range(100_000):
        value = [value]
    return value


@pytest.mark.parametrize("value", [float("nan"), object(), deep()], ids=["nan", "object", "deep"])
def test_data_that_is_no_json_is_rejected(value):
    message = render(Content(data={"a": value}))

    assert message.problem == Rejected("BadPayload: data is not JSON")
    assert message.body == b""


@pytest.mark.parametrize(
    ("attributes", "bundle_id"),
    [
        ('{"bundle_id":"com.acme"}', "com.acme"),
        ('{"bundle_id":""}', None),
        ('{"bundle_id":7}', None),
        ('{"locale":"de"}', None),
        ("[]", None),
        ("", None),
        ("{", None),
        ("[" * 100_000, None),
    ],
)
def test_a_bundle_id_is_read_from_a_registrations_attributes(attributes, bundle_id):
    assert bundle_id_of(attributes) == bundle_id


@pytest.mark.parametrize(
    ("own", "default", "kind", "topic", "scope"),
    [
        ("com.acme", "com.example", TokenKind.ALERT, b"com.acme", FaultScope.TARGET),
        ("com.example", "com.example", TokenKind.ALERT, b"com.example", FaultScope.CREDENTIAL),
        (None, "com.example", TokenKind.ALERT, b"com.example", FaultScope.CREDENTIAL),
        ("com.acme", None, TokenKind.VOIP, b"com.acme.voip", FaultScope.TARGET),
        (None, "com.example", TokenKind.VOIP, b"com.example.voip", FaultScope.TARGET),
    ],
)
def test_a_topic_is_the_bundle_id_and_the_push_types_suffix(own, default, kind, topic, scope):
    message = render(ALERT, Options(kind=kind), own, default)

    assert dict(message.headers)[b"apns-topic"] == topic
    assert (message.scope, message.problem) == (scope, None)


@pytest.mark.parametrize(
    ("own", "default", "problem"),
    [
        ("com.acme\r\nx: y", "com.example", Misconfigured("BadTopic", FaultScope.TARGET)),
        ("com..acme", None, Misconfigured("BadTopic", FaultScope.TARGET)),
        ("a" * 156, None, Misconfigured("BadTopic", FaultScope.TARGET)),
        ("com.acme\n", None, Misconfigured("BadTopic", FaultScope.TARGET)),
        ("ä.acme", None, Misconfigured("BadTopic", FaultScope.TARGET)),
        (None, "com acme", Misconfigured("BadTopic", FaultScope.CREDENTIAL)),
    ],
)
def test_a_bad_bundle_id_is_the_trouble_of_who_named_it(own, default, problem):
    assert render(ALERT, own=own, default=default).problem == problem


@pytest.mark.parametrize("default", [None, ""])
def test_without_any_bundle_id_that_registration_is_misconfigured(default):
    problem = render(ALERT, default=default).problem

    assert isinstance(problem, Misconfigured)
    assert problem.detail.startswith("MissingTopic")
    assert problem.scope is FaultScope.TARGET


@pytest.mark.parametrize(
    ("token", "path"),
    [
        ("a1B2", b"/3/device/a1B2"),
        ("a/../b?c", b"/3/device/a%2F..%2Fb%3Fc"),
        ("ä \x00", b"/3/device/%C3%A4%20%00"),
        ("٣", b"/3/device/%D9%A3"),
        ("\ud800", b"/3/device/%3F"),
        ("", b"/3/device/"),
    ],
)
def test_a_token_can_only_be_the_last_part_of_the_path(token, path):
    request = device_request(MESSAGE, token, "id")

    assert request.path == path
    assert request.body == b"{}"
    assert request.headers == ((b"apns-id", b"id"),)


@given(st.text())
def test_no_token_leaves_its_place(token):
    path = device_request(MESSAGE, token, "id").path

    assert path.startswith(b"/3/device/")
    assert path.count(b"/") == 3
    assert all(33 <= byte < 127 for byte in path)
    assert b"?" not in path
    assert b"#" not in path


@given(
    st.builds(
        Content,
        title=st.none() | st.text(max_size=50),
        body=st.none() | st.text(max_size=50),
        data=st.dictionaries(
            st.text(max_size=10), st.none() | st.booleans() | st.integers() | st.text(max_size=20)
        ),
        sound=st.none() | st.text(max_size=10),
        badge=st.none() | st.integers(),
    )
)
def test_every_content_becomes_json_that_keeps_its_data(content):
    message = render(content)
    if message.problem is not None:
        assert message.problem.reason.startswith(("PayloadTooLarge", "BadPayload: aps.badge"))
        return

    payload = json.loads(message.body)

    assert isinstance(payload["aps"], dict)
    clean = [key for key in content.data if key.isascii() and key != "aps"]
    assert all(key in payload for key in clean)
