"""What a notification may say in Apple's own words."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heliograph.core.model.notification import Content, Options
from heliograph.core.model.outcome import FaultScope, Rejected
from heliograph.providers.apns.overrides import BadOverride, read_overrides
from heliograph.providers.apns.request import App, build_message

EXPIRES_AT = datetime(2026, 3, 1, 13, tzinfo=UTC)
CONTENT = Content(title="Hi", body="There", sound="ping", badge=1, data={"own": 1, "n": 2})


def render(said, options=None, own=None):
    return build_message(
        CONTENT,
        options or Options(),
        app=App(own, "com.example"),
        expires_at=EXPIRES_AT,
        overrides=read_overrides(said),
    )


def payload_of(said):
    message = render(said)
    assert message.problem is None
    return json.loads(message.body)


def headers_of(message):
    return {name.decode(): value.decode() for name, value in message.headers}


@pytest.mark.parametrize(
    "aps",
    [
        {"mutable-content": 1},
        {"thread-id": "t"},
        {"category": "c"},
        {"interruption-level": "time-sensitive"},
        {"relevance-score": 0.5},
        {"target-content-id": "w"},
        {"filter-criteria": "f"},
        {"content-available": 1},
        {"sound": {"critical": 1, "name": "siren", "volume": 0.5}},
        {"url-args": ["a"]},
    ],
    ids=lambda aps: next(iter(aps)),
)
def test_keys_of_aps_are_added_to_ours(aps):
    ours = {"alert": {"title": "Hi", "body": "There"}, "sound": "ping", "badge": 1}

    assert payload_of({"aps": aps}) == {"aps": {**ours, **aps}, "own": 1, "n": 2}


def test_keys_of_the_alert_are_added_to_ours():
    alert = {"subtitle": "S", "title-loc-key": "T", "title-loc-args": ["a"], "body": None}

    sent = payload_of({"aps": {"alert": alert}})["aps"]["alert"]

    assert sent == {"title": "Hi", "subtitle": "S", "title-loc-key": "T", "title-loc-args": ["a"]}


def test_an_alert_that_is_text_replaces_ours():
    assert payload_of({"aps": {"alert": "text"}})["aps"]["alert"] == "text"


def test_other_keys_stand_beside_aps_and_null_takes_one_away():
    assert payload_of({"n": None, "mine": {"a": None}, "own": 3}) == {
        "aps": {"alert": {"title": "Hi", "body": "There"}, "sound": "ping", "badge": 1},
        "own": 3,
        "mine": {"a": None},
    }


def test_an_alert_that_only_apple_is_told_of_is_no_background_push():
    message = build_message(
        Content(data={"a": 1}),
        Options(),
        app=App(None, "com.example"),
        expires_at=EXPIRES_AT,
        overrides=read_overrides({"aps": {"alert": {"loc-key": "K"}}}),
    )

    assert headers_of(message)["apns-push-type"] == "alert"
    assert json.loads(message.body) == {"aps": {"alert": {"loc-key": "K"}}, "a": 1}


def test_what_shows_nothing_any_more_is_a_background_push():
    said = {"aps": {"alert": None, "sound": None, "badge": None}}

    message = render(said)

    assert headers_of(message)["apns-push-type"] == "background"
    assert headers_of(message)["apns-priority"] == "5"
    assert message.problem is None


def test_headers_are_taken_over():
    said = {"apns-priority": "5", "apns-expiration": 0, "apns-collapse-id": "grün"}

    headers = headers_of(render({"headers": said}, Options(collapse_key="other")))

    assert headers["apns-priority"] == "5"
    assert headers["apns-expiration"] == "0"
    assert headers["apns-collapse-id"] == "grün"


@pytest.mark.parametrize(
    ("said", "topic"),
    [
        ({"headers": {"apns-topic": "com.other"}}, "com.other"),
        ({"push_type": "voip", "headers": {"apns-topic": "com.other.voip"}}, "com.other.voip"),
    ],
)
def test_a_topic_of_its_own_concerns_that_message_alone(said, topic):
    message = render(said, own="com.device")

    assert headers_of(message)["apns-topic"] == topic
    assert (message.problem, message.scope) == (None, FaultScope.TARGET)


@pytest.mark.parametrize(
    "said",
    [
        {"push_type": "voip", "headers": {"apns-topic": "com.other"}},
        {"headers": {"apns-topic": "com.other.voip"}},
        {"headers": {"apns-topic": "com other"}},
        {"headers": {"apns-topic": "com.other\r\nx: y"}},
    ],
)
def test_a_topic_that_does_not_fit_the_push_type_is_refused(said):
    problem = render(said).problem

    assert isinstance(problem, Rejected)
    assert problem.reason.startswith("BadTopic: push type ")


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ({"headers": []}, None),
        ({"headers": "x"}, "BadHeader: headers must be an object"),
        ({"headers": {"apns-id": "x"}}, "BadHeader: apns-id is not one of "),
        ({"headers": {"authorization": "x"}}, "BadHeader: authorization is not one of "),
        ({"aps": "x"}, "BadPayload: aps must be an object"),
        ({"push_type": "loud"}, "InvalidPushType: loud is not one of "),
        ({"push_type": ["alert"]}, "InvalidPushType: list is not one of "),
        ({"push_type": "alert", "headers": {"apns-push-type": "voip"}}, "InvalidPushType: "),
        ({"headers": {"apns-priority": "high"}}, "BadPriority: "),
        ({"headers": {"apns-priority": True}}, "BadPriority: "),
        ({"headers": {"apns-expiration": -1}}, "BadExpirationDate: "),
        ({"headers": {"apns-expiration": 1.5}}, "BadExpirationDate: "),
        ({"headers": {"apns-topic": 7}}, "BadTopic: "),
        ({"headers": {"apns-collapse-id": "x" * 65}}, "BadCollapseId: 65 bytes, "),
        ({"headers": {"apns-collapse-id": "ü" * 33}}, "BadCollapseId: 66 bytes, "),
        ({"headers": {"apns-collapse-id": ""}}, "BadCollapseId: 0 bytes, "),
        ({"headers": {"apns-collapse-id": "a\nb"}}, "BadCollapseId: "),
        ({"headers": {"apns-collapse-id": 7}}, "BadCollapseId: "),
    ],
)
def test_a_wrong_override_is_named(said, reason):
    if reason is None:
        assert read_overrides(said) == read_overrides(None)
        return
    with pytest.raises(BadOverride) as caught:
        read_overrides(said)

    assert str(caught.value).startswith(reason)


def test_an_expiration_in_milliseconds_is_named():
    problem = render({"headers": {"apns-expiration": 177_237_000_000}}).problem

    assert problem == Rejected("BadExpirationDate: apns-expiration must be Unix seconds")


@pytest.mark.parametrize(
    ("aps", "expected"),
    [
        ({"alert": 7}, "aps.alert must be a string or an object"),
        ({"sound": 7}, "aps.sound must be a string or an object with a name"),
        ({"sound": {}}, "aps.sound must be a string or an object with a name"),
        ({"badge": -1}, "aps.badge must be a number from 0"),
        ({"badge": True}, "aps.badge must be a number from 0"),
        ({"thread-id": 7}, "aps.thread-id must be a string"),
        ({"interruption-level": "loud"}, "aps.interruption-level must be one of passive, "),
        ({"interruption-level": []}, "aps.interruption-level must be one of passive, "),
        ({"relevance-score": "1"}, "aps.relevance-score must be a number"),
        ({"mutable-content": True}, "aps.mutable-content must be 0 or 1"),
        ({"content-state": []}, "aps.content-state must be an object"),
        ({"timestamp": "now"}, "aps.timestamp must be Unix seconds"),
    ],
)
def test_a_key_of_aps_of_the_wrong_type_is_named(aps, expected):
    problem = render({"aps": aps}).problem

    assert problem.reason.startswith(f"BadPayload: {expected}")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)
WORDS = st.sampled_from(
    ["push_type", "headers", "aps", "alert", "apns-topic", "apns-priority", "apns-collapse-id"]
)


def named(said):
    """Render, or say what is wrong with the override."""
    try:
        return render(said)
    except BadOverride as error:
        return str(error)


@given(st.dictionaries(WORDS | st.text(max_size=8), JSON | st.dictionaries(WORDS, JSON)))
def test_whatever_is_said_is_either_sent_or_named(said):
    message = named(said)

    if isinstance(message, str):
        assert message.startswith(("Bad", "InvalidPushType: "))
    elif message.problem is None:
        assert isinstance(json.loads(message.body), dict)
        assert all(b"\n" not in value for _, value in message.headers)
    else:
        assert message.problem.reason
