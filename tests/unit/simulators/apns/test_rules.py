import json
from dataclasses import replace
from datetime import timedelta

import pytest
from tests.unit.simulators.tokens import provider_token

from heliograph.simulators.apns.provider_tokens import ConnectionTokens, KnownKeys
from heliograph.simulators.apns.reasons import STATUS_OF, Refused
from heliograph.simulators.apns.rules import Accepted, judge
from heliograph.simulators.apns.topics import TOPIC_SUFFIXES
from heliograph.simulators.exchange import Request

TOKEN = "ab" * 32
MESSAGE_ID = b"123e4567-e89b-42d3-a456-426614174000"


@pytest.fixture
def judged(credentials, now):
    """Judge a good push with some changes; a header of None is left out."""
    authorization = b"bearer " + provider_token(credentials.apns, now).encode()

    def judge_push(
        *, method=b"POST", path=None, body=b'{"aps":{}}', ambiguous=False, key=None, **headers
    ):
        given = {
            b"authorization": authorization,
            b"apns-topic": b"com.example.demo",
            b"apns-push-type": b"alert",
            **{name.replace("_", "-").encode(): value for name, value in headers.items()},
        }
        present = {name: value for name, value in given.items() if value is not None}
        path = f"/3/device/{TOKEN}".encode() if path is None else path
        tokens = ConnectionTokens(KnownKeys([key or credentials.apns_key]))
        return judge(Request(method, path, present, body, ambiguous), tokens, now=now)

    return judge_push


@pytest.fixture
def team_key(credentials):
    return replace(credentials.apns_key, topics=None)


def test_a_good_push_is_accepted(judged):
    assert judged() == Accepted(TOKEN)


def test_a_good_push_with_every_option_is_accepted(judged):
    verdict = judged(
        apns_id=MESSAGE_ID,
        apns_priority=b"10",
        apns_expiration=b"1700000000",
        apns_collapse_id="\u00e9".encode() * 32,
    )

    assert verdict == Accepted(TOKEN)


@pytest.mark.parametrize(
    ("reason", "changes"),
    [
        ("MethodNotAllowed", {"method": b"GET"}),
        ("BadPath", {"path": b"/4/device/abcd"}),
        ("BadPath", {"path": b"/"}),
        ("DuplicateHeaders", {"ambiguous": True}),
        ("BadMessageId", {"apns_id": b"not-a-uuid"}),
        ("BadMessageId", {"apns_id": MESSAGE_ID + b"0"}),
        ("MissingProviderToken", {"authorization": None}),
        ("MissingTopic", {"apns_topic": None}),
        ("MissingTopic", {"apns_topic": b""}),
        ("BadTopic", {"apns_topic": b"com..example"}),
        ("BadTopic", {"apns_topic": b"com.example demo"}),
        ("TopicDisallowed", {"apns_topic": b"com.example.other"}),
        ("TopicDisallowed", {"apns_topic": b"com.example.demonstration"}),
        ("DeviceTokenNotForTopic", {"apns_topic": b"com.example.demo.voip"}),
        ("DeviceTokenNotForTopic", {"apns_push_type": b"voip"}),
        ("DeviceTokenNotForTopic", {"apns_topic": b"com.example.demo.beta"}),
        ("InvalidPushType", {"apns_push_type": b"shout"}),
        ("InvalidPushType", {"apns_push_type": b""}),
        ("BadPriority", {"apns_priority": b"7"}),
        ("BadPriority", {"apns_priority": b"10", "apns_push_type": b"background"}),
        ("BadExpirationDate", {"apns_expiration": b"tomorrow"}),
        ("BadExpirationDate", {"apns_expiration": b"-1"}),
        ("BadCollapseId", {"apns_collapse_id": "\u00e9".encode() * 33}),
        ("BadCollapseId", {"apns_collapse_id": b""}),
        ("MissingDeviceToken", {"path": b"/3/device/"}),
        ("BadDeviceToken", {"path": b"/3/device/abc"}),
        ("BadDeviceToken", {"path": b"/3/device/zz"}),
        ("BadDeviceToken", {"path": b"/3/device/" + b"ab" * 101}),
        ("PayloadEmpty", {"body": b""}),
        ("PayloadEmpty", {"body": b"{}"}),
        ("PayloadEmpty", {"body": b"not json"}),
        ("PayloadEmpty", {"body": b"[1]"}),
        ("PayloadEmpty", {"body": b"[" * 4000}),
        ("PayloadTooLarge", {"body": b" " * 4097}),
    ],
)
def test_a_wrong_push_gets_its_reason(judged, reason, changes):
    assert judged(**changes) == Refused(reason)


@pytest.mark.parametrize(("push_type", "suffix"), TOPIC_SUFFIXES.items())
def test_each_push_type_has_its_topic(judged, push_type, suffix):
    topic = b"com.example.demo" + suffix

    assert judged(apns_topic=topic, apns_push_type=push_type) == Accepted(TOKEN)


@pytest.mark.parametrize(("push_type", "suffix"), TOPIC_SUFFIXES.items())
def test_a_team_key_pushes_to_any_bundle_id(judged, team_key, push_type, suffix):
    topic = b"org.acme.chat" + suffix

    assert judged(key=team_key, apns_topic=topic, apns_push_type=push_type) == Accepted(TOKEN)


@pytest.mark.parametrize(
    ("reason", "changes"),
    [
        ("MissingTopic", {"apns_topic": None}),
        ("BadTopic", {"apns_topic": b"org..acme"}),
        ("BadTopic", {"apns_topic": b".voip", "apns_push_type": b"voip"}),
        ("DeviceTokenNotForTopic", {"apns_topic": b"org.acme.voip"}),
        ("DeviceTokenNotForTopic", {"apns_topic": b"org.acme", "apns_push_type": b"voip"}),
        ("DeviceTokenNotForTopic", {"apns_topic": b"org.acme.voip-ptt", "apns_push_type": b"voip"}),
        ("InvalidPushType", {"apns_topic": b"org.acme", "apns_push_type": b"shout"}),
    ],
)
def test_a_team_keys_topic_still_has_to_suit_the_push(judged, team_key, reason, changes):
    assert judged(key=team_key, **changes) == Refused(reason)


def test_without_a_push_type_any_topic_of_the_app_will_do(judged):
    verdict = judged(apns_push_type=None, apns_topic=b"com.example.demo.voip")

    assert verdict == Accepted(TOKEN)


@pytest.mark.parametrize(
    ("push_type", "suffix", "limit"),
    [(b"alert", b"", 4096), (b"voip", b".voip", 5120)],
)
def test_the_payload_limit_is_exact(judged, push_type, suffix, limit):
    frame = len(b'{"a":""}')
    at_limit = b'{"a":"' + b"x" * (limit - frame) + b'"}'
    options = {"apns_push_type": push_type, "apns_topic": b"com.example.demo" + suffix}

    assert judged(body=at_limit, **options) == Accepted(TOKEN)
    assert judged(body=at_limit + b" ", **options) == Refused("PayloadTooLarge")


@pytest.mark.parametrize("token", ["AB" * 32, "00", "ab" * 80])
def test_device_tokens_have_no_fixed_length(judged, token):
    assert judged(path=f"/3/device/{token}".encode()) == Accepted(token)


def test_the_provider_token_is_checked_before_the_topic(judged):
    assert judged(authorization=None, apns_topic=None) == Refused("MissingProviderToken")


def test_the_message_id_is_checked_before_the_provider_token(judged):
    assert judged(authorization=None, apns_id=b"x") == Refused("BadMessageId")


def test_the_device_is_checked_before_the_body(judged):
    assert judged(path=b"/3/device/zz", body=b"") == Refused("BadDeviceToken")


def test_every_reason_has_a_status():
    assert {Refused(reason).status for reason in STATUS_OF} == {
        *(400, 403, 404, 405, 410, 413, 429, 500, 503)
    }
    assert json.loads(json.dumps(STATUS_OF))["Unregistered"] == 410


def test_a_stale_provider_token_is_refused_on_the_way(judged, credentials, now):
    old = provider_token(credentials.apns, now - timedelta(hours=2))

    assert judged(authorization=b"bearer " + old.encode()) == Refused("ExpiredProviderToken")
