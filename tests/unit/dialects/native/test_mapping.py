from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from heliograph.core.errors import InvalidRequest
from heliograph.core.ids import Id, new_id, spell
from heliograph.core.model import audience as audiences
from heliograph.core.model.application import Application
from heliograph.core.model.delivery import Cursor, Delivery, DeliveryState
from heliograph.core.model.identity import (
    ALL_SCOPES,
    ApiClient,
    ClientPrincipal,
    Session,
    SessionForm,
    SessionPrincipal,
)
from heliograph.core.model.notification import Content, Notification, NotificationState, Options
from heliograph.core.model.registration import (
    MemberKey,
    ProviderName,
    Registration,
    Slot,
    UserKey,
)
from heliograph.core.notifications import DeliveryPage
from heliograph.core.registrations import RegistrationPage
from heliograph.dialects.native import mapping, schemas

NOW = datetime(2026, 1, 2, 3, 4, 5, 678_000, tzinfo=UTC)
ACCOUNT, USER, MEMBER = (Id(bytes([n]) * 16) for n in (1, 2, 3))
APPLICATION = Application(Id(bytes([4]) * 16), ACCOUNT, "demo", NOW)
CLIENT = ClientPrincipal(ApiClient(Id(bytes(16)), ACCOUNT, "back end", ALL_SCOPES, NOW))
SESSION = SessionPrincipal(
    Session(
        id=Id(bytes([5]) * 16),
        account_id=ACCOUNT,
        application_id=APPLICATION.id,
        user_id=USER,
        member_id=MEMBER,
        form=SessionForm.NATIVE,
        created=NOW,
        expires_at=NOW + timedelta(days=1),
        external_user_id="ann",
    )
)


def _draft(principal, **fields):
    body = schemas.RegistrationBody.model_validate({"provider": "fcm", "token": "t", **fields})
    return mapping.to_draft(body, principal, APPLICATION, arrived_at=NOW)


def test_a_device_is_the_slot_where_one_is_named():
    assert _draft(CLIENT, device_id="d1").slot == Slot(device_id="d1")


def test_user_and_token_are_the_slot_otherwise():
    assert _draft(CLIENT, user_id="ann").slot == Slot(by_user=True, by_token=True)


@pytest.mark.parametrize(
    ("principal", "user_id", "owner"),
    [
        (CLIENT, None, None),
        (CLIENT, "ann", UserKey(ACCOUNT, "ann")),
        (SESSION, None, MemberKey(USER, MEMBER, "ann")),
        (SESSION, "ann", MemberKey(USER, MEMBER, "ann")),
        (SESSION, "bob", UserKey(ACCOUNT, "bob")),
    ],
)
def test_a_registration_belongs_to_whom_the_caller_may_name(principal, user_id, owner):
    assert _draft(principal, user_id=user_id).owner == owner


def test_a_sessions_registrations_end_with_it():
    assert _draft(SESSION).session_id == SESSION.session.id
    assert _draft(CLIENT).session_id is None


def test_categories_are_kept_only_where_there_are_some():
    assert _draft(CLIENT, attributes={"categories": []}).attributes == {}
    assert _draft(CLIENT, attributes={"categories": ["a"], "x": "y"}).attributes == {
        "categories": ["a"],
        "x": "y",
    }


REGISTRATION = Registration(
    id=new_id(NOW),
    application_id=APPLICATION.id,
    slot=bytes(16),
    provider=ProviderName.FCM,
    token="t",
    token_hash=bytes(16),
    origin="native",
    created=NOW,
    refreshed=NOW,
)


def test_a_new_registration_is_created_and_a_refreshed_one_is_not():
    assert mapping.status_of(REGISTRATION) == 201
    assert mapping.status_of(replace(REGISTRATION, refreshed=NOW + timedelta(seconds=1))) == 200


def test_times_are_shown_in_utc():
    shown = mapping.from_registration(REGISTRATION).model_dump_json()

    assert '"created":"2026-01-02T03:04:05.678000Z"' in shown


def test_a_cursor_comes_back_as_it_went():
    page = RegistrationPage([REGISTRATION], REGISTRATION.id)

    text = mapping.from_registrations(page).next

    assert mapping.to_id_cursor(text) == REGISTRATION.id
    assert mapping.to_id_cursor(None) is None


@pytest.mark.parametrize("text", ["", "a", "é", "!" * 22, "A" * 21, "A" * 23, "\ud800"])
def test_a_cursor_that_is_none_of_ours_is_refused(text):
    with pytest.raises(InvalidRequest):
        mapping.to_id_cursor(text)
    with pytest.raises(InvalidRequest):
        mapping.to_delivery_cursor(text)


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
    (shown,) = mapping.from_deliveries(DeliveryPage([_delivery()], None)).items

    assert shown.provider_message_id == "ffffffff-ffff-ffff-ffff-ffffffffffff"
    assert shown.registration_id == spell("registration", bytes([0x0F]) * 16)
    assert shown.recipient is None


def test_a_delivery_to_an_address_is_known_by_its_place_in_the_list():
    delivery = _delivery(
        is_registered=False, provider=ProviderName.FCM, provider_message_id="projects/p/1"
    )

    (shown,) = mapping.from_deliveries(DeliveryPage([delivery], None)).items

    assert (shown.registration_id, shown.recipient) == (None, 7)
    assert shown.provider_message_id == "projects/p/1"


def test_a_delivery_that_was_never_tried_has_no_message():
    (shown,) = mapping.from_deliveries(DeliveryPage([_delivery(attempts=0)], None)).items

    assert shown.provider_message_id is None


def test_a_cursor_of_deliveries_comes_back_as_it_went():
    cursor = Cursor(255, 9_999, bytes(range(16)))

    text = mapping.from_deliveries(DeliveryPage([], cursor)).next

    assert mapping.to_delivery_cursor(text) == cursor
    assert mapping.to_delivery_cursor(None) is None


@pytest.mark.parametrize(
    ("body", "form", "audience"),
    [
        ({"users": ["ann"]}, "users", audiences.Users(("ann",))),
        ({"tags": ["news"]}, "tags", audiences.Tags(("news",))),
        (
            {"registrations": [spell("registration", REGISTRATION.id)]},
            "registrations",
            audiences.Registrations((REGISTRATION.id,)),
        ),
        (
            {"addresses": [{"provider": "sms", "token": "+491"}]},
            "addresses",
            audiences.Addresses((audiences.Address(ProviderName.SMS, "+491"),)),
        ),
        ({"everyone": True}, "everyone", audiences.Everyone()),
    ],
)
def test_an_audience_is_translated_there_and_back(body, form, audience):
    translated = mapping.to_audience(schemas.AudienceBody.model_validate(body))

    assert translated == audience
    notification = Notification(
        id=new_id(NOW),
        application_id=APPLICATION.id,
        audience=audience,
        content=Content(),
        options=Options(),
        state=NotificationState.RUNNING,
        created=NOW,
    )
    assert mapping.from_notification(notification).audience == form


def test_a_session_without_a_life_has_the_usual_one():
    body = schemas.SessionBody(user_id="ann")

    assert mapping.to_ttl(body) is None
    assert mapping.to_ttl(body.model_copy(update={"ttl_s": 60})) == timedelta(minutes=1)
