"""Each push type of the page: its topic, its priorities, its size, what it must and mustn't say."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from heliograph.core.model.audience import AddressForm
from heliograph.core.model.notification import Content, Options, Priority
from heliograph.core.model.outcome import Rejected
from heliograph.core.model.registration import TokenKind
from heliograph.providers.apns.overrides import read_overrides
from heliograph.providers.apns.push_types import TRAITS, PushType, bare_topic
from heliograph.providers.apns.request import App, broadcast_request, build_message

PAGE = Path(__file__).parents[4] / "docs" / "providers" / "apns.md"
EXPIRES_AT = datetime(2026, 3, 1, 13, tzinfo=UTC)
CREATED_S = 1_772_366_400
STATE = {"content-state": {"score": 3, "note": None}}


def render(said=None, content=None, options=None, **more):
    return build_message(
        content or Content(title="Hi", sound="ping", badge=1, data={"own": 1}),
        options or Options(),
        app=App(None, "com.example"),
        expires_at=EXPIRES_AT,
        created_s=CREATED_S,
        overrides=read_overrides(said),
        **more,
    )


def headers_of(message):
    return {name.decode(): value.decode() for name, value in message.headers}


ROWS = [
    ("alert", {}, "", "10", 4096,
     {"aps": {"alert": {"title": "Hi"}, "sound": "ping", "badge": 1}, "own": 1}),
    ("background", {}, "", "5", 4096, {"aps": {"content-available": 1}, "own": 1}),
    ("voip", {}, ".voip", "10", 5120,
     {"aps": {"alert": {"title": "Hi"}, "sound": "ping", "badge": 1}, "own": 1}),
    ("location", {}, ".location-query", "10", 4096, {"aps": {}, "own": 1}),
    ("complication", {}, ".complication", "10", 4096, {"aps": {}, "own": 1}),
    ("fileprovider", {"container-identifier": "root", "domain": "d"}, ".pushkit.fileprovider",
     "10", 4096, {"own": 1, "container-identifier": "root", "domain": "d"}),
    ("mdm", {"mdm": "magic", "own": None}, "", "10", 4096, {"mdm": "magic"}),
    ("liveactivity", {"aps": STATE}, ".push-type.liveactivity", "10", 4096,
     {"aps": {"alert": {"sound": "ping", "title": "Hi"}, "timestamp": CREATED_S,
              "event": "update", **STATE}, "own": 1}),
    ("pushtotalk", {}, ".voip-ptt", "10", 4096, {"aps": {}, "own": 1}),
    ("widgets", {}, ".push-type.widgets", "10", 4096,
     {"aps": {"content-changed": True}, "own": 1}),
    ("controls", {}, ".push-type.controls", "10", 4096,
     {"aps": {"content-changed": True}, "own": 1}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("push_type", "said", "suffix", "priority", "limit", "payload"), ROWS, ids=[r[0] for r in ROWS]
)
def test_each_push_type_has_its_headers_and_its_payload(
    push_type, said, suffix, priority, limit, payload
):
    message = render({"push_type": push_type, **said})

    headers = headers_of(message)
    assert message.problem is None
    assert headers["apns-push-type"] == push_type
    assert headers["apns-topic"] == "com.example" + suffix
    assert headers["apns-priority"] == priority
    assert message.limit_bytes == limit
    assert json.loads(message.body) == payload


def test_the_table_is_the_code_and_the_page():
    page = PAGE.read_text(encoding="utf-8")

    assert [row[0] for row in sorted(ROWS)] == sorted(PushType) == sorted(TRAITS)
    for push_type, traits in TRAITS.items():
        (row,) = (line for line in page.splitlines() if line.startswith(f"| `{push_type}` |"))
        assert f"`{traits.suffix}`" in row or not traits.suffix


@pytest.mark.parametrize(
    ("kind", "push_type"), [(TokenKind.VOIP, "voip"), (TokenKind.LIVE_ACTIVITY, "liveactivity")]
)
def test_a_kind_of_tokens_takes_its_push_type(kind, push_type):
    message = render({"aps": STATE}, options=Options(kind=kind))

    assert headers_of(message)["apns-push-type"] == push_type
    assert message.problem is None


@pytest.mark.parametrize("push_type", PushType)
@pytest.mark.parametrize("priority", [10, 5, 1, 7])
def test_a_priority_that_the_push_type_does_not_take_is_named(push_type, priority):
    said = dict(next(row for row in ROWS if row[0] == push_type)[1])
    said |= {"push_type": push_type, "headers": {"apns-priority": priority}}

    message = render(said)

    if priority in TRAITS[push_type].priorities:
        assert (headers_of(message)["apns-priority"], message.problem) == (str(priority), None)
    else:
        assert message.problem.reason.startswith(f"BadPriority: push type {push_type} takes ")


@pytest.mark.parametrize("push_type", PushType)
def test_a_normal_push_is_power_aware(push_type):
    message = render({"push_type": push_type}, options=Options(priority=Priority.NORMAL))

    assert headers_of(message)["apns-priority"] == "5"


@pytest.mark.parametrize("push_type", PushType)
def test_only_some_push_types_may_be_sent_by_certificate(push_type):
    said = dict(next(row for row in ROWS if row[0] == push_type)[1])

    message = render({"push_type": push_type, **said}, has_key=False)

    expected = f"InvalidPushType: {push_type} needs a signing key, and this is a certificate"
    assert message.problem == (Rejected(expected) if TRAITS[push_type].needs_key else None)


@pytest.mark.parametrize("key", ["alert", "sound", "badge"])
def test_a_background_push_shows_nothing(key):
    value = {"alert": "Hi", "sound": "ping", "badge": 1}[key]

    message = render({"push_type": "background", "aps": {key: value}})

    expected = f"BadPayload: aps.{key} does not go with push type background"
    assert message.problem == Rejected(expected)


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ({"push_type": "alert", "aps": {"alert": None, "sound": None, "badge": None}},
         "BadPayload: push type alert needs aps.alert, aps.sound or aps.badge"),
        ({"push_type": "background", "aps": {"content-available": None}},
         "BadPayload: push type background needs aps.content-available 1"),
        ({"push_type": "background", "aps": {"content-available": 0}},
         "BadPayload: push type background needs aps.content-available 1"),
        ({"push_type": "mdm"}, "BadPayload: push type mdm needs the key mdm, a string"),
        ({"push_type": "fileprovider", "own": None}, "PayloadEmpty"),
        ({"push_type": "liveactivity"}, "BadPayload: event update needs aps.content-state"),
        ({"push_type": "liveactivity", "aps": {"event": "pause"}},
         "BadPayload: aps.event must be one of start, update, end"),
        ({"push_type": "liveactivity", "aps": {**STATE, "timestamp": None}},
         "BadPayload: push type liveactivity needs aps.timestamp"),
        ({"push_type": "liveactivity", "aps": {**STATE, "event": "start"}},
         "BadPayload: event start needs aps.attributes-type"),
        ({"push_type": "liveactivity",
          "aps": {**STATE, "event": "start", "attributes-type": "Game"}},
         "BadPayload: event start needs aps.attributes"),
    ],
)  # fmt: skip
def test_what_a_push_type_needs_is_named(said, reason):
    assert render(said).problem == Rejected(reason)


@pytest.mark.parametrize(
    "aps",
    [
        {"event": "end"},
        {"event": "end", "dismissal-date": 1_772_370_000, **STATE},
        {"event": "update", "stale-date": 1_772_370_000, "relevance-score": 75, **STATE},
        {"event": "start", "attributes-type": "Game", "attributes": {"a": 1}, **STATE},
        {"timestamp": 1_772_366_999, **STATE},
    ],
)
def test_every_field_of_a_live_activity_reaches_it(aps):
    message = render({"push_type": "liveactivity", "aps": aps})

    sent = json.loads(message.body)["aps"]
    assert message.problem is None
    assert sent == {"timestamp": CREATED_S, "event": "update", "alert": sent["alert"], **aps}


def publish(said=None, content=None, **options):
    return render(
        {"aps": STATE} if said is None else said,
        content or Content(),
        Options(**options),
        form=AddressForm.CHANNEL,
    )


def test_a_push_to_a_channel_names_it_in_a_header_and_no_topic():
    message = publish(ttl_s=0, collapse_key="x")

    request = broadcast_request(message, "dHN0LXNyY2gtY2hubA==", "some-id")

    assert message.problem is None
    assert headers_of(message) == {
        "apns-push-type": "liveactivity",
        "apns-priority": "10",
        "apns-expiration": "0",
    }
    assert request.path == b"/4/broadcasts/apps/com.example"
    assert request.headers == (
        (b"apns-channel-id", b"dHN0LXNyY2gtY2hubA=="),
        (b"apns-request-id", b"some-id"),
    )


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ({"aps": {**STATE, "event": "start"}}, "BadPayload: a channel can't start an activity"),
        ({"push_type": "alert"}, "InvalidPushType: a channel takes push type liveactivity only"),
    ],
)
def test_what_no_channel_takes_is_named(said, reason):
    assert publish(said).problem == Rejected(reason)


def test_a_channel_takes_5120_bytes():
    message = publish({"aps": {"content-state": {"a": "x" * 6000}}})

    assert message.limit_bytes == 5120
    assert message.problem.reason.startswith("PayloadTooLarge: ")
    assert message.problem.reason.endswith(" at most 5120")


@pytest.mark.parametrize("form", [AddressForm.TOPIC, AddressForm.CONDITION])
def test_groups_of_other_providers_are_refused(form):
    message = render(form=form)

    assert message.problem == Rejected(f"BadPath: APNs knows no {form} addresses")


@pytest.mark.parametrize("push_type", PushType)
def test_a_topic_comes_apart_again(push_type):
    assert bare_topic("a.b" + TRAITS[push_type].suffix) == ("a.b", TRAITS[push_type].suffix)
