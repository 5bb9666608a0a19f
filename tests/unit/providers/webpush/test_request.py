from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from heliograph.config import WebPush
from heliograph.core.model.notification import Content, Options, Priority
from heliograph.core.model.registration import ProviderName
from heliograph.providers.webpush.request import build_message, topic_of

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def message_of(content=None, options=None, left=timedelta(minutes=1), **settings):
    return build_message(
        content or Content("Hi"),
        options or Options(),
        WebPush(**settings),
        expires_at=NOW + left,
        now=NOW,
    )


@pytest.mark.parametrize(
    ("ttl_s", "left", "said"),
    [
        (60, timedelta(seconds=59.2), b"60"),
        (60, timedelta(seconds=-5), b"1"),
        (0, timedelta(0), b"1"),
        (2_419_200, timedelta(days=60), b"2419200"),
    ],
)
def test_the_time_to_live_is_what_is_left_and_never_nothing(ttl_s, left, said):
    headers = dict(message_of(options=Options(ttl_s=ttl_s), left=left).headers)

    assert headers[b"ttl"] == said


@pytest.mark.parametrize(
    ("priority", "urgency"), [(Priority.HIGH, b"high"), (Priority.NORMAL, b"normal")]
)
def test_priority_is_urgency(priority, urgency):
    assert dict(message_of(options=Options(priority=priority)).headers)[b"urgency"] == urgency


@pytest.mark.parametrize("key", ["score", "A" * 32])
def test_a_plain_key_is_its_own_topic(key):
    assert topic_of(key) == key


@pytest.mark.parametrize("key", ["a-b", "a_b", "A" * 33, "Grüße", "a b", "score\n"])
def test_any_other_key_is_digits(key):
    assert topic_of(key).isalnum()
    assert topic_of(key).isascii()
    assert len(topic_of(key)) == 32
    assert topic_of(key) == topic_of(key) != topic_of(key + "x")


def test_without_a_key_there_is_no_topic():
    assert b"topic" not in dict(message_of().headers)


def test_overrides_are_laid_over_key_by_key():
    content = Content(
        "Hi",
        "There",
        {"a": 1, "b": {"c": 2}},
        overrides={
            ProviderName.WEBPUSH: {
                "body": None,
                "data": {"b": {"d": 3}, "a": None},
                "title": {"x": 1},
                "actions": [1],
            }
        },
    )

    assert json.loads(message_of(content).plaintext) == {
        "title": {"x": 1},
        "data": {"b": {"c": 2, "d": 3}},
        "actions": [1],
    }


@pytest.mark.parametrize("value", [float("nan"), object(), {1, 2}])
def test_what_json_can_t_hold_is_a_problem(value):
    assert message_of(Content(data={"x": value})).problem == "the content is not JSON"


def test_the_limit_is_of_bytes():
    fits = message_of(Content(body="ü" * 100), payload_limit_bytes=256, padding_bytes=1)
    does_not = message_of(Content(body="ü" * 130), payload_limit_bytes=256)

    assert fits.problem is None
    assert len(fits.record) == len(fits.plaintext) + 1 == 212
    assert does_not.problem == "PayloadTooLarge: 271 bytes, at most 256"
