import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heliograph.core.model.notification import Content, Options, Priority
from heliograph.core.model.registration import ProviderName
from heliograph.providers.fcm.overrides import merged, spelled
from heliograph.providers.fcm.request import build_message

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def rendered(overrides, content=None, options=None):
    words = {ProviderName.FCM: overrides}
    given_content = content or Content(title="Hi")
    full = Content(
        given_content.title,
        given_content.body,
        given_content.data,
        given_content.sound,
        given_content.badge,
        words,
    )
    return build_message(full, options or Options(), expires_at=NOW + timedelta(hours=1), now=NOW)


def message_of(overrides, content=None, options=None):
    message = rendered(overrides, content, options)
    assert message.problem is None
    body = json.loads(message.head + b'"token":"t"' + message.tail)["message"]
    assert body.pop("token") == "t"
    return body


def test_one_key_is_replaced_and_its_neighbours_stay():
    message = message_of({"android": {"ttl": "3.5s"}}, options=Options(collapse_key="c"))

    assert message["android"] == {
        "priority": "HIGH",
        "ttl": "3.5s",
        "collapse_key": "c",
        "notification": {"tag": "c"},
    }


def test_googles_other_spelling_replaces_ours():
    message = message_of(
        {"android": {"collapseKey": "other", "notification": {"notificationCount": 7}}},
        Content(title="Hi", badge=1),
        Options(collapse_key="c"),
    )

    assert message["android"]["collapse_key"] == "other"
    assert message["android"]["notification"]["notification_count"] == 7
    assert not {"collapseKey", "notificationCount"} & set(message["android"])


def test_null_takes_a_key_out():
    message = message_of({"apns": None, "android": {"ttl": None}, "data": {"a": None}},
                         Content(title="Hi", data={"a": "1", "b": "2"}))  # fmt: skip

    assert "apns" not in message
    assert message["android"] == {"priority": "HIGH"}
    assert message["data"] == {"b": "2"}


def test_everything_may_be_taken_out():
    message = rendered({"apns": None, "android": None, "notification": None})

    assert json.loads(message.head + b'"token":"t"' + message.tail) == {"message": {"token": "t"}}


def test_names_that_are_not_fcms_keep_their_spelling():
    overrides = {
        "data": {"someKey": 1},
        "apns": {"headers": {"Apns-Priority": 5}, "payload": {"myKey": {"innerKey": 1}}},
        "webpush": {"headers": {"TTL": 9}, "notification": {"requireInteraction": True}},
    }

    message = message_of(overrides)

    assert message["data"] == {"someKey": "1"}
    assert message["apns"]["headers"]["apns-priority"] == "5"
    assert message["apns"]["payload"] == {"myKey": {"innerKey": 1}}
    assert message["webpush"] == {
        "headers": {"TTL": "9"},
        "notification": {"requireInteraction": True},
    }


def test_the_newer_android_block_takes_the_place_of_ours():
    message = message_of(
        {"android_v2": {"remoteNotification": {"mutableContent": True}}},
        options=Options(collapse_key="c"),
    )

    assert "android" not in message
    assert message["android_v2"] == {
        "ttl": "3600s",
        "collapse_key": "c",
        "remote_notification": {"mutable_content": True},
    }


@pytest.mark.parametrize(
    "overrides",
    [
        {"notification": {"title_loc_key": "k"}},
        {"apns": {"payload": {"aps": {"alert": {"loc-key": "k"}}}}},
        {"apns": {"liveActivityToken": "abc"}},
    ],
)
def test_what_shows_itself_in_fcms_words_is_no_background_push(overrides):
    message = message_of(overrides, Content(data={"a": 1}), Options(priority=Priority.HIGH))

    assert "apns-push-type" not in message["apns"]["headers"]
    assert message["apns"]["headers"]["apns-priority"] == "10"
    assert "content-available" not in json.dumps(message)


def test_sound_goes_with_a_title_in_fcms_words():
    message = message_of({"notification": {"title": "Hi"}}, Content(sound="ping"))

    assert message["android"]["notification"] == {"sound": "ping"}


@pytest.mark.parametrize("value", [True, False])
@pytest.mark.parametrize("name", ["validate_only", "validateOnly"])
def test_a_rehearsal_is_asked_for_beside_the_message(name, value):
    message = rendered({name: value})

    body = json.loads(message.head + b'"token":"t"' + message.tail)
    assert body.get("validate_only", False) is value
    assert "validate_only" not in body["message"]


PROBLEMS = [
    ({"validate_only": "yes"}, "validate_only must be true or false"),
    ({"token": "x"}, "message.token is not for the content to say"),
    ({"topic": "x"}, "message.topic is not for the content to say"),
    ({"condition": "x"}, "message.condition is not for the content to say"),
    ({"fid": "x"}, "message.fid is not for the content to say"),
    ({"name": "x"}, "message.name is not for the content to say"),
    ({"android": "x"}, "message.android must be an object"),
    ({"data": []}, "message.data must be an object"),
    ({"apns": {"headers": 7}}, "message.apns.headers must be an object"),
    ({"android": {}, "android_v2": {}},
     "message.android and message.android_v2 exclude each other"),
    ({"data": {"from": "x"}}, "the data key 'from' is reserved"),
    ({"android": {"data": {"google.x": "x"}}}, "the data key 'google.x' is reserved"),
    ({"android": {"ttl": 60}},
     'message.android.ttl must be seconds such as "3.5s", 0 to 2419200'),
    ({"android": {"ttl": "2419201s"}},
     'message.android.ttl must be seconds such as "3.5s", 0 to 2419200'),
    ({"android_v2": {"ttl": "-1s"}},
     'message.android_v2.ttl must be seconds such as "3.5s", 0 to 2419200'),
    ({"android": {"priority": "urgent"}}, "message.android.priority must be HIGH or NORMAL"),
    ({"fcm_options": {"analytics_label": "a b"}},
     "message.fcm_options.analytics_label must be 1 to 50 letters, digits or -_.~%"),
    ({"apns": {"fcmOptions": {"analyticsLabel": "x" * 51}}},
     "message.apns.fcm_options.analytics_label must be 1 to 50 letters, digits or -_.~%"),
    ({"webpush": {"fcm_options": {"link": "http://x"}}},
     "message.webpush.fcm_options.link must be an https:// URL"),
]  # fmt: skip


@pytest.mark.parametrize(("overrides", "problem"), PROBLEMS)
def test_what_fcm_would_refuse_is_named(overrides, problem):
    assert rendered(overrides).problem == f"INVALID_ARGUMENT: {problem}"


def test_every_problem_is_named_at_once():
    message = rendered({"topic": "x", "android": {"ttl": 1}})

    assert message.problem == (
        "INVALID_ARGUMENT: message.topic is not for the content to say; "
        'message.android.ttl must be seconds such as "3.5s", 0 to 2419200'
    )


@pytest.mark.parametrize(
    "overrides",
    [
        {"android": {"priority": "high", "ttl": "0s"}},
        {"android": {"ttl": "2419200s"}},
        {"android": {"some_new_field": 1}, "newBlock": {"a": 1}},
        {"data": None, "notification": None},
    ],
)
def test_what_we_dont_know_may_be_new_and_passes(overrides):
    assert rendered(overrides).problem is None


def test_the_largest_reader_decides_the_size():
    assert rendered({}, Content(title="abc", data={"k": "vw"})).size_bytes == 6
    assert rendered({"android": {"data": {"key": "x" * 100}}}).size_bytes == 105
    assert rendered({"webpush": {"notification": {"actions": ["x" * 50]}}}).size_bytes == 52
    payload = {"aps": {"alert": "ü" * 30}}
    assert rendered({"apns": {"payload": payload}}).size_bytes == len('{"aps":{"alert":""}}') + 60


NAMES = st.sampled_from(
    [
        *("android", "androidV2", "apns", "webpush", "data", "notification", "headers", "ttl"),
        *("payload", "aps", "fcmOptions", "priority", "link", "validate_only", "token"),
    ]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(st.text(max_size=6), JSON) | JSON.filter(lambda v: isinstance(v, dict)))
def test_whatever_is_said_becomes_json_or_a_problem(overrides):
    message = rendered(overrides)

    body = json.loads(message.head + b'"token":"t"' + message.tail)
    assert set(body) <= {"message", "validate_only"}
    if message.problem is None:
        assert body["message"]["token"] == "t"
        assert all(isinstance(text, str) for text in body["message"].get("data", {}).values())


@given(JSON.filter(lambda v: isinstance(v, dict)))
def test_spelling_twice_changes_nothing(overrides):
    assert spelled(spelled(overrides)) == spelled(overrides)


def test_merging_leaves_both_sides_as_they_were():
    ours, theirs = {"a": {"b": 1}}, {"a": {"c": [1]}}

    assert merged(ours, theirs) == {"a": {"b": 1, "c": [1]}}
    assert (ours, theirs) == ({"a": {"b": 1}}, {"a": {"c": [1]}})
