from __future__ import annotations

from datetime import UTC, datetime

import pytest

from heliograph.config import WebPush
from heliograph.core.errors import InvalidRequest
from heliograph.core.model.application import FcmCredential, VapidKey, WebPushCredential
from heliograph.core.model.registration import Environment
from heliograph.outbound.guard import Guard
from heliograph.providers.webpush.settings import (
    check_secret,
    endpoint_rule,
    is_apple,
    is_wns,
    key_from_scalar,
    new_key,
)
from heliograph.providers.webpush.subscription import SubscriptionCheck
from heliograph.simulators.webpush.browser import Subscription

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
KEYS = Subscription.make("https://fcm.googleapis.com/1", None).to_json()["keys"]
CHECK = SubscriptionCheck(Guard(), endpoint_rule(WebPush()))


def problems_of(secret, environment=Environment.PRODUCTION):
    try:
        check_secret(secret, environment, now=NOW)
    except InvalidRequest as error:
        return [problem.field for problem in error.problems]
    return []


def test_a_key_can_be_taken_along():
    key = new_key()

    assert key_from_scalar(key.private) == key
    assert key_from_scalar(f" {key.private}=\n") == key


@pytest.mark.parametrize("text", ["", "AAAA", "A" * 43, "_" * 43, "!" * 43])
def test_what_is_no_private_key_is_named(text):
    with pytest.raises(InvalidRequest) as caught:
        key_from_scalar(text)

    assert [problem.field for problem in caught.value.problems] == ["private_key"]


@pytest.mark.parametrize(
    "contact", ["mailto:ops@example.com", "https://example.com", "https://a.example.com/x?y"]
)
def test_contacts_that_push_services_take(contact):
    assert problems_of(WebPushCredential(contact, (new_key(),))) == []


@pytest.mark.parametrize(
    "contact",
    ["", "ops@example.com", "mailto:", "mailto:root@localhost", "https://localhost", "http://a.bc",
     "mailto:a@localhost.localdomain", "https://1.2.3.4/", "mailto:a b@example.com"],
)  # fmt: skip
def test_contacts_that_push_services_refuse(contact):
    assert problems_of(WebPushCredential(contact, (new_key(),))) == ["contact"]


def test_every_problem_of_a_credential_is_named():
    pair = VapidKey(new_key().public, new_key().private)
    secret = WebPushCredential("x", (new_key(), pair, VapidKey("A", "A")))

    assert problems_of(secret, Environment.SANDBOX) == [
        "environment",
        "contact",
        "keys.1",
        "keys.2",
    ]
    assert problems_of(WebPushCredential("https://example.com", ())) == ["keys"]
    assert problems_of(FcmCredential("p", "a@b", "k", "x")) == ["provider"]


@pytest.mark.parametrize(
    "endpoint",
    [
        "https://fcm.googleapis.com/fcm/send/abc:def",
        "https://updates.push.services.mozilla.com/wpush/v2/gAAA",
        "https://web.push.apple.com/QGuQ",
        "https://db5p.notify.windows.com/w/?token=BQYAAA%3d",
    ],
)
def test_the_push_services_of_browsers_are_known(endpoint):
    assert CHECK(endpoint, KEYS) == []


@pytest.mark.parametrize(
    "endpoint",
    [
        "http://fcm.googleapis.com/1",
        "https://fcm.googleapis.com:8443/1",
        "https://fcm.googleapis.com.evil.example/1",
        "https://evil.example/fcm.googleapis.com",
        "https://user@fcm.googleapis.com/1",
        "https://push.apple.com/1",
        "https://169.254.169.254/1",
        "https://[::1]/1",
        "https://localhost/1",
        "fcm.googleapis.com/1",
        "",
    ],
)
def test_anything_else_is_no_push_service(endpoint):
    assert [problem.field for problem in CHECK(endpoint, KEYS)] == ["token"]


@pytest.mark.parametrize(
    ("attributes", "named"),
    [
        ({}, ["attributes.p256dh", "attributes.auth"]),
        (KEYS | {"auth": "A" * 20}, ["attributes.auth"]),
        (KEYS | {"p256dh": "B" + "A" * 86}, ["attributes.p256dh"]),
        (KEYS | {"p256dh": 7}, ["attributes.p256dh"]),
    ],
)
def test_keys_are_named_by_themselves(attributes, named):
    problems = CHECK("https://fcm.googleapis.com/1", attributes)

    assert [problem.field for problem in problems] == named


def test_makers_are_told_by_their_hosts():
    assert is_apple("https://web.push.apple.com")
    assert not is_apple("https://apple.com")
    assert is_wns("db5p.notify.windows.com")
    assert not is_wns("windows.com")
