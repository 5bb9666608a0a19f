from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from heliograph.core.ids import new_id, spell
from heliograph.core.model.receipt import Receipt, ReceiptKind
from heliograph.core.model.registration import ProviderName, Registration
from heliograph.core.model.webhook import EventKind
from heliograph.core.webhooks import events
from heliograph.dialects.mobilefirst.mapping import subscriptions
from heliograph.dialects.mobilefirst.mapping.webhook_events import to_envelope

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
APPLICATION, NOTIFICATION, TAG = new_id(NOW), new_id(NOW), new_id(NOW)
ROW = Registration(
    id=new_id(NOW),
    application_id=APPLICATION,
    slot=b"s" * 16,
    provider=ProviderName.APNS,
    token="secret-token",
    token_hash=b"h" * 16,
    origin="mobilefirst",
    created=NOW,
    refreshed=NOW,
    device_id="D",
    external_user_id="ann",
)
DEVICE = {
    "deviceId": "D",
    "applicationId": "app",
    "userId": "ann",
    "token": "secret-token",
    "platform": "A",
}


def told(event: Any) -> Any:
    return to_envelope(event, "app", "8f2a0d1k")


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (EventKind.REGISTRATION_CREATED, "onDeviceRegister"),
        (EventKind.REGISTRATION_DELETED, "onDeviceUnregister"),
    ],
)
def test_a_device_comes_and_goes(kind: EventKind, name: str) -> None:
    envelope = told(events.of_registration(kind, ROW, NOW))

    number = envelope["entity"].pop("id")
    assert isinstance(number, int)
    assert number < 2**53
    assert envelope == {
        "type": name,
        "applicationId": "app",
        "eventTimeStamp": 1_767_323_045_000,
        "entity": DEVICE,
    }


def test_a_change_says_less() -> None:
    envelope = told(events.of_registration(EventKind.REGISTRATION_UPDATED, ROW, NOW))

    assert envelope["type"] == "onDeviceUpdate"
    assert set(envelope["entity"]) == {"deviceId", "userId", "token", "platform"}


def test_a_nameless_device_goes_by_its_registration_and_nobody_by_anonymous() -> None:
    nobody = ROW._replace(device_id=None, external_user_id=None)

    entity = told(events.of_registration(EventKind.REGISTRATION_CREATED, nobody, NOW))["entity"]

    assert entity["deviceId"] == spell("registration", ROW.id)
    assert entity["userId"] == "anonymous"


def test_a_subscription_names_its_device_and_tag() -> None:
    made = told(events.of_subscription(EventKind.SUBSCRIPTION_CREATED, ROW, "sports", TAG, NOW))
    ended = told(events.of_subscription(EventKind.SUBSCRIPTION_DELETED, ROW, "sports", TAG, NOW))

    assert (made["type"], ended["type"]) == ("onSubscribe", "onUnsubscribe")
    assert made["entity"]["tagName"] == "sports"
    assert made["entity"]["device"]["deviceId"] == "D"
    assert "deviceId" not in made["entity"]
    assert ended["entity"]["deviceId"] == "D"


def test_a_subscription_goes_by_the_id_that_the_api_knows_it_by() -> None:
    event = events.of_subscription(EventKind.SUBSCRIPTION_CREATED, ROW, "sports", TAG, NOW)

    named = told(event)["entity"]["subscriptionId"]

    assert subscriptions.to_ids(named) == (TAG, ROW.id)


def test_an_event_of_before_names_a_subscription_by_what_it_joins() -> None:
    event = events.of_subscription(EventKind.SUBSCRIPTION_CREATED, ROW, "sports", TAG, NOW)
    older = replace(event, private={"token": "t"})

    assert told(older)["entity"]["subscriptionId"] == "D, sports"


def test_a_new_devices_own_subscription_is_not_told() -> None:
    kind, later = EventKind.SUBSCRIPTION_CREATED, NOW + timedelta(seconds=1)

    assert told(events.of_subscription(kind, ROW, "Push.ALL", TAG, NOW)) is None
    assert told(events.of_subscription(kind, ROW, "Push.ALL", TAG, later)) is not None


def test_what_was_sent_and_what_failed() -> None:
    deliveries = [{"device_id": "D"}, {"registration_id": "reg_1", "reason": "Unregistered"}]

    sent, failed = (
        told(events.of_deliveries(APPLICATION, NOTIFICATION, kind, "fcm", deliveries, NOW))
        for kind in (EventKind.DELIVERY_ACCEPTED, EventKind.DELIVERY_GONE)
    )

    both = {"deviceIds": ["D", "reg_1"], "platform": "G", "messageId": "8f2a0d1k"}
    assert sent["type"] == "onNotificationStatusChange"
    assert sent["entity"] == {**both, "msgStatus": "SENT"}
    assert failed["type"] == "onNotificationFailure"
    assert failed["entity"] == {
        **both,
        "applicationId": "app",
        "msgStatus": "failure",
        "failureReason": "Unregistered",
    }


def test_what_a_device_reports() -> None:
    receipt = Receipt(APPLICATION, NOTIFICATION, ReceiptKind.OPENED, NOW, target_id=ROW.id)

    entity = told(events.of_receipt(receipt, ROW))["entity"]

    assert (entity["deviceIds"], entity["msgStatus"]) == (["D"], "OPEN")


def test_what_the_vendor_does_not_have_is_not_told() -> None:
    receipt = Receipt(APPLICATION, NOTIFICATION, ReceiptKind.DISMISSED, NOW, target_id=ROW.id)

    assert told(events.of_receipt(receipt, ROW)) is None
