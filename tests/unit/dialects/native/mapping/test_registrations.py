from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from heliograph.core.clock import from_ms, to_ms
from heliograph.core.ids import Id, new_id
from heliograph.core.model.application import Application
from heliograph.core.model.identity import (
    ALL_SCOPES,
    ApiClient,
    ClientPrincipal,
    Session,
    SessionForm,
    SessionPrincipal,
)
from heliograph.core.model.registration import (
    Environment,
    MemberKey,
    ProviderName,
    Registration,
    RegistrationState,
    Slot,
    TokenKind,
    UserKey,
)
from heliograph.core.registrations.registrations import RegistrationPage
from heliograph.dialects.native.mapping import cursors
from heliograph.dialects.native.mapping import registrations as mapping
from heliograph.dialects.native.schemas import registrations as schemas

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


def test_a_new_registration_is_created_and_a_refreshed_one_is_not():
    assert mapping.status_of(REGISTRATION) == 201
    assert mapping.status_of(REGISTRATION._replace(refreshed=NOW + timedelta(seconds=1))) == 200


def test_times_are_shown_in_utc():
    shown = mapping.from_registration(REGISTRATION).model_dump_json()

    assert '"created":"2026-01-02T03:04:05.678000Z"' in shown


_TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
_TIMES = st.integers(0, to_ms(datetime.max.replace(tzinfo=UTC))).map(from_ms)


@given(
    registration=st.builds(
        REGISTRATION._replace,
        id=st.binary(min_size=16, max_size=16).map(Id),
        external_user_id=st.none() | _TEXTS,
        device_id=st.none() | _TEXTS,
        token=_TEXTS,
        provider=st.sampled_from(ProviderName),
        environment=st.none() | st.sampled_from(Environment),
        kind=st.sampled_from(TokenKind),
        state=st.sampled_from(RegistrationState),
        shared=st.booleans(),
        created=_TIMES,
        refreshed=st.just(REGISTRATION.created) | _TIMES,
        attributes=st.dictionaries(_TEXTS, _TEXTS | st.lists(_TEXTS, max_size=2), max_size=2),
    )
)
@example(REGISTRATION)
@example(REGISTRATION._replace(created=NOW.replace(microsecond=0), device_id='"\\\n\x7f\u2028é😀'))
def test_a_registration_is_spelled_as_its_schema_spells_it(registration):
    spelled = mapping.body_of(registration)

    assert spelled == mapping.from_registration(registration).model_dump_json().encode()


def test_a_cursor_comes_back_as_it_went():
    page = RegistrationPage([REGISTRATION], REGISTRATION.id)

    text = mapping.from_registrations(page).next

    assert cursors.to_id_cursor(text) == REGISTRATION.id
    assert cursors.to_id_cursor(None) is None
