"""What recipients are told, and how it reads at Apple and at Google."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from tests.unit.dialects.layer.conftest import NOW

from heliograph.core.model.audience import Users
from heliograph.core.model.notification import Content, Options
from heliograph.core.model.registration import ProviderName
from heliograph.dialects.layer.mapping import notifications as mapping
from heliograph.dialects.layer.schemas.notifications import AnnouncementBody, NotificationObject
from heliograph.providers.apns.overrides import read_overrides
from heliograph.providers.apns.payload import build_payload
from heliograph.providers.fcm.request import build_message
from heliograph.web.schemas import check

WORDS = {
    "title": "Simon and Garfunkel",
    "text": "Hello darkness my old friend",
    "sound": "silence.aiff",
}


def told(
    said: dict[str, Any], *names: str, badges: dict[str, int] | None = None
) -> dict[tuple[str, ...], Content]:
    parts = mapping.to_parts(names or ("ann",), check(said, NotificationObject), badges or {})
    return {
        part.audience.user_ids: part.content for part in parts if isinstance(part.audience, Users)
    }


def content(said: dict[str, Any], **badges: int) -> Content:
    (only,) = told(said, badges=badges).values()
    return only


def at_apple(said: dict[str, Any], **badges: int) -> tuple[str, dict[str, Any]]:
    shown = content(said, **badges)
    overrides = read_overrides(shown.overrides.get(ProviderName.APNS))
    push_type, payload = build_payload(shown, overrides, overrides.push_type, created_s=0)
    return push_type, payload


def at_google(said: dict[str, Any]) -> str:
    message = build_message(content(said), Options(), expires_at=NOW + timedelta(hours=1), now=NOW)
    assert message.problem is None
    return (message.head + message.tail).decode()


def test_the_pages_basic_example() -> None:
    assert at_apple(WORDS) == (
        "alert",
        {
            "aps": {
                "alert": {"title": WORDS["title"], "body": WORDS["text"]},
                "sound": "silence.aiff",
            }
        },
    )
    google = at_google(WORDS)
    assert '"notification":{"title":"Simon and Garfunkel","body":"Hello darkness' in google
    assert '"sound":"silence.aiff"' in google


def test_the_pages_advanced_example() -> None:
    said = {
        "category": "chat",
        "title-loc-key": "TITLE",
        "title-loc-args": ["a", "b"],
        "loc-key": "BODY",
        "loc-args": ["c"],
        "action-loc-key": "OPEN",
        "apns": {"launch-image": "start.png"},
        "data": {"key": "value"},
    }

    _, payload = at_apple(said)
    google = at_google(said)

    assert payload == {
        "aps": {
            "alert": {
                "title-loc-key": "TITLE",
                "title-loc-args": ["a", "b"],
                "loc-key": "BODY",
                "loc-args": ["c"],
                "action-loc-key": "OPEN",
                "launch-image": "start.png",
            },
            "category": "chat",
        },
        "data": {"key": "value"},
    }
    assert '"title_loc_key":"TITLE","title_loc_args":["a","b"]' in google
    assert '"body_loc_key":"BODY","body_loc_args":["c"]' in google
    assert '"data":{"key":"value"}' in google
    assert "chat" not in google
    assert "start.png" not in google


def test_what_is_said_to_one_platform_is_not_said_to_the_other() -> None:
    said = {**WORDS, "apns": {"sound": "bell.caf"}, "gcm": {"title": "For Android"}}

    _, payload = at_apple(said)
    google = at_google(said)

    assert payload["aps"]["sound"] == "bell.caf"
    assert payload["aps"]["alert"]["title"] == WORDS["title"]
    assert "For Android" in google
    assert "bell.caf" not in google


def test_recipients_who_are_told_the_same_share_a_notification() -> None:
    said = {
        **WORDS,
        "recipients": [
            {"user_id": "klaus", "text": "hallo welt"},
            {"recipient": "layer:///identities/luigi", "text": "ciao mondo", "sound": "ping.aiff"},
            {"user_id": "stranger", "text": "nobody asked"},
        ],
    }

    found = told(said, "ann", "klaus", "luigi", "bob")

    words = {names: (each.title, each.body, each.sound) for names, each in found.items()}
    assert words == {
        ("ann", "bob"): (WORDS["title"], WORDS["text"], WORDS["sound"]),
        ("klaus",): (WORDS["title"], "hallo welt", WORDS["sound"]),
        ("luigi",): (WORDS["title"], "ciao mondo", "ping.aiff"),
    }


def test_words_of_ones_own_stand_before_a_platforms_words_for_everybody() -> None:
    said = {
        **WORDS,
        "apns": {"text": "for Apples", "sound": "bell.caf", "launch-image": "start.png"},
        "gcm": {"text": "for Androids", "title": "Android's"},
        "recipients": [{"user_id": "ann", "text": "for Ann", "sound": "ann.caf"}],
    }

    _, payload = at_apple(said)
    google = at_google(said)

    assert payload["aps"] == {
        "alert": {"title": WORDS["title"], "body": "for Ann", "launch-image": "start.png"},
        "sound": "ann.caf",
    }
    assert '"body":"for Ann"' in google
    assert '"title":"Android\'s"' in google
    assert '"sound":"ann.caf"' in google
    assert "for Androids" not in google


def test_words_of_ones_own_make_no_notification_of_their_own_without_need() -> None:
    said = {
        **WORDS,
        "gcm": {"title": "Android's"},
        "recipients": [{"user_id": "ann", "text": WORDS["text"]}],
    }

    assert set(told(said, "ann", "bob")) == {("ann", "bob")}


def test_who_is_told_nothing_gets_a_silent_push() -> None:
    found = told({"recipients": [{"user_id": "klaus", "text": "hallo"}]}, "ann", "klaus")

    assert found[("ann",)].overrides[ProviderName.APNS] == {"aps": {"content-available": 1}}
    assert ProviderName.APNS not in found[("klaus",)].overrides
    assert at_apple({}) == ("background", {"aps": {"content-available": 1}})
    assert '"content-available":1' in at_google({})


def test_a_badge_is_the_users_and_for_apple_alone() -> None:
    found = told(WORDS, "ann", "bob", "eve", badges={"ann": 3, "eve": 3})

    assert set(found) == {("ann", "eve"), ("bob",)}
    _, payload = at_apple(WORDS, ann=3)
    assert payload["aps"]["badge"] == 3
    assert "badge" not in at_google(WORDS)


def test_beyond_a_thousand_pushes_badges_are_left_out() -> None:
    names = [f"user {number}" for number in range(mapping.MAX_PARTS + 1)]
    badges = {name: place for place, name in enumerate(names)}

    assert set(told(WORDS, *names, badges=badges)) == {tuple(names)}


def test_nobody_is_told_twice() -> None:
    named = ("ann", "layer:///identities/ann", "bob")

    assert mapping.to_recipients(named) == ("ann", "bob")


@pytest.mark.parametrize(
    ("parts", "text"),
    [
        ([{"body": "Hi", "mime_type": "text/plain"}], "Hi"),
        ([{"body": "SGk=", "mime_type": "text/plain", "encoding": "base64"}], "Hi"),
        ([{"body": "{}", "mime_type": "application/json"}, {"body": "Hi"}], "Hi"),
        ([{"body": "!", "encoding": "base64"}], None),
        ([{"body": "/w==", "encoding": "base64"}], None),
        ([{"body": "", "mime_type": "text/plain"}], None),
    ],
)
def test_an_announcement_without_words_for_a_push_shows_its_first_text(
    parts: list[dict[str, str]], text: str | None
) -> None:
    body = check(
        {"recipients": ["ann"], "sender": {"name": "Us"}, "parts": parts}, AnnouncementBody
    )

    said = mapping.to_announced(body)

    assert (said.title, said.text) == ("Us", text)


def test_a_request_is_known_by_its_uuid_however_that_is_written() -> None:
    plain = mapping.to_key(["F3CC7B32-3c92-11e4-baad-164230d1df67"], {})
    quoted = mapping.to_key(['"f3cc7b32-3c92-11e4-baad-164230d1df67"'], {})

    assert plain == quoted
    assert plain is not None
    assert mapping.to_key([], {}) is None
