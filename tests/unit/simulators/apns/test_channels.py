"""What the fake makes of requests about channels."""

import json
from datetime import UTC, datetime

import pytest

from heliograph.simulators.apns.channels import ChannelBook, Published, judge, serves
from heliograph.simulators.apns.reasons import STATUS_OF, Refused
from heliograph.simulators.exchange import Answer, Request

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
CHANNELS = b"/1/apps/com.example/channels"
ALL = b"/1/apps/com.example/all-channels"
PUBLISH = b"/4/broadcasts/apps/com.example"
WISH = {"message-storage-policy": 0, "push-type": "LiveActivity"}
PUSH = {
    b"apns-channel-id": b"QUFB",
    b"apns-push-type": b"liveactivity",
    b"apns-expiration": b"0",
    b"apns-priority": b"5",
}


class Key:
    """A key for one app."""

    def suffix_of(self, topic):
        return b"" if topic == b"com.example" else None


class Admitted:
    """A connection whose requests all prove who sends them."""

    def __init__(self, answer=None):
        self._answer = answer or Key()

    def admit(self, authorization, *, now):
        return self._answer


@pytest.fixture
def book():
    made = ChannelBook(make_id=iter([b"QUFB", b"QUFC"]).__next__, limit=2)
    made.apps[b"com.example"] = {}
    return made


def ask(book, method, path, body=b"", headers=None, *, ambiguous=False, tokens=None):
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    request = Request(method, path, headers or {}, raw, ambiguous)
    return judge(book, request, tokens or Admitted(), now=NOW)


def test_only_paths_about_channels_are_its_own():
    assert serves(CHANNELS)
    assert serves(ALL)
    assert serves(PUBLISH)
    assert not serves(b"/3/device/ab")
    assert not serves(b"/1/apps/a/b/channels")


def test_a_channel_lives_from_its_making_to_its_end(book):
    named = {b"apns-channel-id": b"QUFB"}

    assert ask(book, b"POST", CHANNELS, WISH) == Answer(201, ((b"apns-channel-id", b"QUFB"),))
    assert json.loads(ask(book, b"GET", CHANNELS, headers=named).body) == WISH
    assert json.loads(ask(book, b"GET", ALL).body) == {"channels": ["QUFB"]}
    assert ask(book, b"DELETE", CHANNELS, headers=named) == Answer(204)
    assert ask(book, b"GET", CHANNELS, headers=named) == Refused("ChannelNotRegistered")
    assert json.loads(ask(book, b"GET", ALL).body) == {"channels": []}


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "BadRequestPayload"),
        (b"[]", "BadRequestPayload"),
        ({"message-storage-policy": 0}, "MissingPushType"),
        ({**WISH, "push-type": "alert"}, "InvalidPushType"),
        ({**WISH, "message-storage-policy": 2}, "BadRequestPayload"),
        ({**WISH, "message-storage-policy": True}, "BadRequestPayload"),
        ({"push-type": "LiveActivity"}, "BadRequestPayload"),
    ],
)
def test_a_wish_that_is_wrong_has_its_reason(book, body, reason):
    assert ask(book, b"POST", CHANNELS, body) == Refused(reason)


def test_a_full_book_takes_no_more(book):
    ask(book, b"POST", CHANNELS, WISH)
    ask(book, b"POST", CHANNELS, WISH)

    assert ask(book, b"POST", CHANNELS, WISH) == Refused("CannotCreateChannelConfig")


@pytest.mark.parametrize(
    ("method", "path", "headers", "reason"),
    [
        (b"GET", CHANNELS, {}, "MissingChannelId"),
        (b"GET", CHANNELS, {b"apns-channel-id": b"?"}, "BadChannelId"),
        (b"DELETE", CHANNELS, {b"apns-channel-id": b"QQ=="}, "ChannelNotRegistered"),
        (b"PUT", CHANNELS, {}, "MethodNotAllowed"),
        (b"POST", ALL, {}, "MethodNotAllowed"),
        (b"GET", b"/1/apps/com.stranger/all-channels", {}, "TopicMismatch"),
        (b"GET", b"/elsewhere", {}, "BadPath"),
    ],
)
def test_a_request_that_is_wrong_has_its_reason(book, method, path, headers, reason):
    assert ask(book, method, path, headers=headers) == Refused(reason)


def test_who_is_not_known_is_refused_first(book):
    tokens = Admitted(Refused("ExpiredProviderToken"))

    assert ask(book, b"GET", ALL, tokens=tokens) == Refused("ExpiredProviderToken")
    assert ask(book, b"GET", ALL, ambiguous=True) == Refused("DuplicateHeaders")


def test_a_push_reaches_its_channel(book):
    book.apps[b"com.example"][b"QUFB"] = 0

    assert ask(book, b"POST", PUBLISH, b"{}", PUSH) == Published("/channels/QUFB")


def test_a_channel_that_stores_takes_a_later_expiration(book):
    book.apps[b"com.example"][b"QUFB"] = 1

    later = ask(book, b"POST", PUBLISH, b"{}", {**PUSH, b"apns-expiration": b"1772370000"})

    assert later == Published("/channels/QUFB")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({b"apns-push-type": b"alert"}, "InvalidPushType"),
        ({b"apns-push-type": None}, "MissingPushType"),
        ({b"apns-channel-id": None}, "MissingChannelId"),
        ({b"apns-channel-id": b"QUFC"}, "ChannelNotRegistered"),
        ({b"apns-priority": b"1"}, "BadPriority"),
        ({b"apns-expiration": None}, "BadExpirationDate"),
        ({b"apns-expiration": b"soon"}, "BadExpirationDate"),
        ({b"apns-expiration": b"1772370000"}, "BadExpirationDate"),
    ],
)
def test_a_push_that_is_wrong_has_its_reason(book, change, reason):
    book.apps[b"com.example"][b"QUFB"] = 0
    headers = {name: value for name, value in {**PUSH, **change}.items() if value is not None}

    assert ask(book, b"POST", PUBLISH, b"{}", headers) == Refused(reason)


@pytest.mark.parametrize(
    ("method", "path", "body", "reason"),
    [
        (b"GET", PUBLISH, b"{}", "MethodNotAllowed"),
        (b"POST", b"/4/broadcasts/apps/com.stranger", b"{}", "TopicMismatch"),
        (b"POST", PUBLISH, b"", "PayloadEmpty"),
        (b"POST", PUBLISH, b"x" * 5121, "PayloadTooLarge"),
    ],
)
def test_a_push_elsewhere_or_of_nothing_has_its_reason(book, method, path, body, reason):
    book.apps[b"com.example"][b"QUFB"] = 0

    assert ask(book, method, path, body, PUSH) == Refused(reason)


def test_every_reason_has_a_status():
    assert STATUS_OF["TopicMismatch"] == 403
    assert {STATUS_OF[each] for each in STATUS_OF if "Channel" in each} == {400}
