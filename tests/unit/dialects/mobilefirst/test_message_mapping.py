from __future__ import annotations

import json
from typing import Any

import pytest

from heliograph.core.errors import InvalidRequest, NotFound
from heliograph.core.model.audience import Address, Addresses, Devices, Everyone, Tags, Users
from heliograph.core.model.listing import RegistrationField
from heliograph.core.model.registration import ProviderName
from heliograph.dialects.mobilefirst.mapping import messages

ID = "8f2a0d1k"
APNS, FCM, WNS, SMS = (
    ProviderName.APNS,
    ProviderName.FCM,
    ProviderName.WNS,
    ProviderName.SMS,
)
PUSH = (APNS, FCM, ProviderName.WEBPUSH, WNS)


def plan(**more: Any) -> messages.Plan:
    body = messages.to_body({"message": {"alert": "hi"}, **more})
    return messages.to_plan(body, ID)


def said(provider: ProviderName, settings: dict[str, Any], **message: Any) -> Any:
    body = {"message": {"alert": "hi", **message}, "settings": settings}
    return messages.to_plan(messages.to_body(body), ID).content.overrides.get(provider)


@pytest.mark.parametrize(
    ("target", "audience"),
    [
        (None, Tags(("Push.ALL",), PUSH)),
        ({}, Tags(("Push.ALL",), PUSH)),
        ({"deviceIds": ["a", "b"]}, Devices(("a", "b"), PUSH)),
        ({"userIds": ["ann"]}, Users(("ann",), PUSH)),
        ({"tagNames": ["news", "push.all"]}, Tags(("news", "Push.ALL"), PUSH)),
        ({"platforms": ["A"]}, Everyone((APNS,))),
        ({"platforms": ["A,M"]}, Everyone((APNS, WNS))),
        ({"platforms": "G, WEB_CHROME"}, Everyone((FCM, ProviderName.WEBPUSH))),
    ],
)
def test_a_target_is_an_audience_of_push(target: Any, audience: Any) -> None:
    made = plan(target=target)

    assert made.push == audience
    assert made.numbers is None
    assert made.texted is None


def test_a_text_message_by_number_goes_to_nobody_else() -> None:
    made = plan(notificationType=2, target={"phoneNumber": "+49 (170) 123-4567"})

    assert made.numbers is not None
    assert made.numbers.phones == ("+491701234567",)
    assert (made.push, made.texted) == (None, None)


def test_a_number_is_dialled_without_what_groups_its_digits_and_once() -> None:
    addresses = messages.to_addresses(["+49 (170) 123-4567", "+491701234567", "+49.170/1"])

    assert addresses == Addresses((Address(SMS, "+491701234567"), Address(SMS, "+491701")))


def test_a_push_that_is_also_a_text_message_goes_to_both() -> None:
    made = plan(notificationType=3, target={"userIds": ["ann"]})

    assert made.push == Users(("ann",), PUSH)
    assert made.numbers == messages.Numbers(field=RegistrationField.USER_ID, names=("ann",))
    assert made.texted == Users(("ann",), (SMS,))


def test_a_text_message_to_a_platform_is_one_to_everybody_who_has_a_number() -> None:
    assert plan(notificationType=2, target={"platforms": ["A"]}).texted == Everyone((SMS,))


def test_without_settings_each_provider_is_told_the_messages_id() -> None:
    overrides = plan().content.overrides

    assert overrides[APNS] == {"nid": ID, "payload": f'{{"nid":"{ID}"}}'}
    assert overrides[FCM] == {
        "notification": None,
        "data": {"nid": ID, "alert": "hi", "payload": f'{{"nid":"{ID}"}}'},
    }
    assert WNS not in overrides


def test_every_setting_of_ios_has_its_place() -> None:
    settings = {
        "badge": 3,
        "sound": "ping.caf",
        "iosActionKey": "Play",
        "payload": {"a": 1},
        "type": "mixed",
        "category": 1,
        "title": "T",
        "subtitle": "S",
        "attachmentUrl": "https://x.test/a.png",
        "titleLocKey": "tk",
        "titleLocArgs": ["1"],
        "locKey": "k",
        "locArgs": ["2"],
        "launchImage": "i.png",
        "apnsCollapseId": "c",
        "apnsThreadId": "t",
        "apnsGroupSummaryArg": "g",
        "apnsGroupSummaryArgCount": 2,
    }

    told = said(APNS, {"apns": settings}, url="https://x.test")

    assert json.loads(told.pop("payload")) == {"a": 1, "nid": ID}
    assert told == {
        "nid": ID,
        "url": "https://x.test",
        "attachment-url": "https://x.test/a.png",
        "headers": {"apns-collapse-id": "c"},
        "aps": {
            "badge": 3,
            "sound": "ping.caf",
            "category": "1",
            "thread-id": "t",
            "content-available": 1,
            "mutable-content": 1,
            "alert": {
                "title": "T",
                "subtitle": "S",
                "action-loc-key": "Play",
                "title-loc-key": "tk",
                "title-loc-args": ["1"],
                "loc-key": "k",
                "loc-args": ["2"],
                "launch-image": "i.png",
                "summary-arg": "g",
                "summary-arg-count": 2,
            },
        },
    }


def test_a_silent_message_shows_nothing_whatever_else_is_said() -> None:
    told = said(APNS, {"apns": {"type": "SILENT", "badge": 1, "sound": "x", "title": "T"}})

    assert (told["push_type"], told["aps"]) == ("background", {"content-available": 1})


def test_the_interactive_category_wins() -> None:
    told = said(APNS, {"apns": {"category": "old", "interactiveCategory": "new"}})

    assert told["aps"]["category"] == "new"


def test_every_setting_of_android_has_its_place() -> None:
    settings = {
        "payload": {"a": {"b": 1}},
        "sound": "s",
        "delayWhileIdle": True,
        "timeToLive": 9_999_999,
        "collapseKey": "c",
        "priority": "MAX",
        "visibility": "SECRET",
        "redact": "r",
        "category": "EMAIL",
        "interactiveCategory": "i",
        "bridge": True,
        "sync": "FALSE",
        "lights": {"ledArgb": "red", "ledOnMs": 1, "ledOffMs": 2},
        "style": {"notification_type": "picture_notification", "title": "t", "url": "u"},
        "type": "silent",
        "icon": "x.png",
        "androidTitle": "T",
        "groupId": "g",
    }

    told = said(FCM, {"gcm": settings}, url="https://x.test")

    assert json.loads(told["data"].pop("payload")) == {"a": {"b": 1}, "nid": ID}
    assert told == {
        "notification": None,
        "android": {"priority": "HIGH", "ttl": "2419200s", "collapse_key": "c"},
        "data": {
            "nid": ID,
            "alert": "hi",
            "url": "https://x.test",
            "sound": "s",
            "priority": "max",
            "visibility": "secret",
            "redact": "r",
            "category": "email",
            "interactiveCategory": "i",
            "bridge": "true",
            "sync": "false",
            "lights": {"ledArgb": "RED", "ledOnMs": 1, "ledOffMs": 2},
            "style": {"type": "PICTURE_NOTIFICATION", "title": "t", "url": "u"},
            "type": "SILENT",
            "icon": "x.png",
            "androidTitle": "T",
            "groupId": "g",
        },
    }


def test_a_message_that_can_wait_does_not_wake_a_phone() -> None:
    assert said(FCM, {"gcm": {"priority": "default"}})["android"] == {"priority": "NORMAL"}


TEXT = [{"content": "x", "lang": "de"}]
TILE = {"tag": "t1", "visual": {"lang": "de", "binding": [{"template": "TileWide", "text": TEXT}]}}


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({}, None),
        (
            {"toast": {"duration": "LONG", "launch": {"a": 1}}},
            {
                "toast": {
                    "duration": "long",
                    "launch": {"a": 1},
                    "visual": {
                        "binding": {"template": "ToastGeneric", "text": [{"content": "hi"}]}
                    },
                }
            },
        ),
        (
            {"toast": {"audio": {"loop": "true"}, "visual": {"binding": {"template": "T"}}}},
            {"toast": {"audio": {"loop": True}, "visual": {"binding": {"template": "T"}}}},
        ),
        (
            {"tile": TILE, "badge": {"value": 1}, "cachePolicy": False},
            {
                "tile": {"visual": TILE["visual"]},
                "headers": {"X-WNS-Cache-Policy": "no-cache", "X-WNS-Tag": "t1"},
            },
        ),
        ({"badge": {"value": "alert", "version": 1}}, {"badge": {"value": "alert", "version": 1}}),
        (
            {"raw": {"payload": {"a": 1}}, "expirationTime": 9e9, "cachePolicy": True},
            {
                "raw": {"a": 1},
                "headers": {"X-WNS-Cache-Policy": "cache", "X-WNS-TTL": 2_592_000},
            },
        ),
        ({"tile": {"tag": "t"}}, None),
    ],
)
def test_windows_is_told_one_kind_of_notification(settings: Any, told: Any) -> None:
    assert said(WNS, {"wns": settings}) == told


def test_every_problem_of_a_bulk_is_named_with_its_place() -> None:
    documents = [{"message": {"alert": "a"}}, {"message": {}}, {"message": 1}]

    with pytest.raises(InvalidRequest) as refused:
        messages.to_bodies(documents)

    assert [problem.field for problem in refused.value.problems] == ["1.message.alert", "2.message"]


def test_a_bulk_has_a_bound() -> None:
    with pytest.raises(InvalidRequest):
        messages.to_documents([{"message": {"alert": "a"}}] * 1001)


@pytest.mark.parametrize("message_id", ["", "a" * 9, "ABC", "a-b", "ä"])
def test_an_id_that_cant_be_is_not_found(message_id: str) -> None:
    with pytest.raises(NotFound):
        messages.listed_id(message_id)


def test_ids_are_eight_letters_and_digits() -> None:
    made = {messages.new_message_id() for _ in range(100)}

    assert len(made) == 100
    assert all(messages.listed_id(each) == each and len(each) == 8 for each in made)
