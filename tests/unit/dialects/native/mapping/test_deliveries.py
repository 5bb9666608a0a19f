from datetime import UTC, datetime

from heliograph.core.ids import Id, spell
from heliograph.core.model.delivery import Cursor, Delivery, DeliveryState
from heliograph.core.model.registration import ProviderName
from heliograph.core.notifications.notifications import DeliveryPage
from heliograph.dialects.native.mapping import deliveries as mapping

NOW = datetime(2026, 1, 2, 3, 4, 5, 678_000, tzinfo=UTC)


def _delivery(**changes):
    fields = {
        "notification_id": Id(bytes([0xF0]) * 16),
        "target_id": bytes([0x0F]) * 16,
        "bucket": 15,
        "recipient": 7,
        "state": DeliveryState.ACCEPTED,
        "provider": ProviderName.APNS,
        "attempts": 1,
        "at": NOW,
        "is_registered": True,
    }
    return Delivery(**{**fields, **changes})


def test_a_delivery_to_apns_is_known_by_its_derived_id():
    (shown,) = mapping.from_deliveries(DeliveryPage([_delivery()], None), [{}]).items

    assert shown.provider_message_id == "ffffffff-ffff-ffff-ffff-ffffffffffff"
    assert shown.registration_id == spell("registration", bytes([0x0F]) * 16)
    assert shown.recipient is None


def test_a_delivery_to_an_address_is_known_by_its_place_in_the_list():
    delivery = _delivery(
        is_registered=False, provider=ProviderName.FCM, provider_message_id="projects/p/1"
    )

    (shown,) = mapping.from_deliveries(DeliveryPage([delivery], None), [{}]).items

    assert (shown.registration_id, shown.recipient) == (None, 7)
    assert shown.provider_message_id == "projects/p/1"


def test_a_delivery_that_was_never_tried_has_no_message():
    (shown,) = mapping.from_deliveries(DeliveryPage([_delivery(attempts=0)], None), [{}]).items

    assert shown.provider_message_id is None


def test_a_cursor_of_deliveries_comes_back_as_it_went():
    cursor = Cursor(255, 9_999, bytes(range(16)))

    text = mapping.from_deliveries(DeliveryPage([], cursor), []).next

    assert mapping.to_delivery_cursor(text) == cursor
    assert mapping.to_delivery_cursor(None) is None
