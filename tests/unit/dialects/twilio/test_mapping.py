from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heliograph.core.errors import InvalidRequest, NotFound
from heliograph.core.ids import Id, letters_of, new_id
from heliograph.core.model.identity import ApiClient, ClientPrincipal, Member
from heliograph.core.model.registration import (
    Claim,
    FreshUser,
    IfExists,
    IfFull,
    ProviderName,
    Registration,
    Slot,
    TokenKind,
)
from heliograph.dialects.twilio.mapping import answers, contexts, devices, paging
from heliograph.dialects.twilio.mapping import ids as names
from heliograph.dialects.twilio.schemas.devices import DeviceRegistrationQuery, RegisterDevice

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ACCOUNT, CLIENT = Id(bytes(range(16))), Id(bytes(range(16, 32)))
APPLICATION, USER, MEMBER = Id(b"p" * 16), Id(b"u" * 16), Id(b"m" * 16)
REGISTRATION = Registration(
    id=Id(b"r" * 16),
    application_id=APPLICATION,
    slot=b"s" * 16,
    provider=ProviderName.FCM,
    token="t-1",
    token_hash=b"h" * 16,
    origin="twilio",
    created=NOW,
    refreshed=NOW,
)
QUERY = DeviceRegistrationQuery.model_validate({"userId": names.spell_user(USER)})

ids = st.binary(min_size=16, max_size=16).map(Id)


def test_accounts_and_clients_are_spelled_as_the_vendors_are() -> None:
    assert names.account_sid(ACCOUNT) == "AC000102030405060708090a0b0c0d0e0f"
    assert names.key_sid(CLIENT) == "SK101112131415161718191a1b1c1d1e1f"


def test_a_key_is_good_under_its_accounts_name_and_its_own() -> None:
    principal = ClientPrincipal(ApiClient(CLIENT, ACCOUNT, "back end", frozenset(), NOW))

    assert names.user_names_of(principal) == {
        names.account_sid(ACCOUNT),
        names.key_sid(CLIENT),
    }


@given(ids)
def test_an_id_is_read_as_it_was_spelled(raw: Id) -> None:
    assert names.to_member_id(names.spell_member(raw)) == raw
    assert names.to_user_id(names.spell_user(raw)) == raw


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        letters_of(MEMBER),
        names.spell_user(MEMBER),
        names.spell_member(MEMBER).upper(),
        names.spell_member(MEMBER) + "0",
        names.spell_member(MEMBER)[:-1],
        names.REGISTRATION_PREFIX + "8" + "0" * 25,
        names.REGISTRATION_PREFIX + "u" * 26,
        "comms_device_registration_comms_device_registration_",
        "\udcff",
    ],
)
def test_an_id_that_cannot_be_is_not_found(text: str) -> None:
    with pytest.raises(NotFound):
        names.to_member_id(text)

    assert names.to_user_id(text) in (None, MEMBER)


@pytest.mark.parametrize(
    ("word", "provider"), [("APN", ProviderName.APNS), ("FCM", ProviderName.FCM)]
)
def test_a_device_becomes_a_registration_of_the_users(word: str, provider: ProviderName) -> None:
    body = RegisterDevice.model_validate({"appName": "demo", "token": "t-1", "provider": word})
    owner = FreshUser(ACCOUNT, USER, MEMBER)

    draft = devices.to_draft(body, APPLICATION, owner, now=NOW)

    assert (draft.application_id, draft.owner, draft.arrived_at) == (APPLICATION, owner, NOW)
    assert (draft.provider, draft.token, draft.origin) == (provider, "t-1", "twilio")
    assert draft.slot == Slot(by_user=True, by_token=True)
    assert (draft.claim, draft.if_exists) == (Claim.EXCLUSIVE, IfExists.REPLACE)
    assert (draft.member_limit, draft.if_full) == (50, IfFull.REFUSE)
    assert draft.session_id is None
    assert draft.environment is None


def test_devices_are_listed_by_age_and_each_once() -> None:
    second = REGISTRATION._replace(token="t-2", created=NOW + timedelta(seconds=1))
    again = second._replace(id=Id(b"z" * 16), created=NOW + timedelta(seconds=2))
    apple = REGISTRATION._replace(id=Id(b"a" * 16), provider=ProviderName.APNS)

    listed = devices.to_devices([again, second, REGISTRATION, apple])

    assert [(device.token, device.provider) for device in listed] == [
        ("t-1", "APN"),
        ("t-1", "FCM"),
        ("t-2", "FCM"),
    ]


@pytest.mark.parametrize(
    "provider", [name for name in ProviderName if name not in {ProviderName.APNS, ProviderName.FCM}]
)
def test_other_providers_have_no_word(provider: ProviderName) -> None:
    assert devices.to_devices([REGISTRATION._replace(provider=provider)]) == ()


@pytest.mark.parametrize("kind", [kind for kind in TokenKind if kind is not TokenKind.ALERT])
def test_tokens_for_calls_and_activities_are_left_out(kind: TokenKind) -> None:
    assert devices.to_devices([REGISTRATION._replace(kind=kind)]) == ()


def test_a_resource_is_named_alike_in_body_and_headers() -> None:
    resource = devices.from_member(MEMBER, "https://push.example.com/comms")

    place = f"https://push.example.com/comms/v1/PushNotifications/DeviceRegistrations/{resource.resource_id}"
    assert resource.resource_location == place
    assert answers.headers_of(resource) == {
        "location": place,
        "resource-id": names.spell_member(MEMBER),
        "resource-location": place,
    }


def test_lists_begin_with_the_newest_and_go_on_behind_a_place() -> None:
    old, new, newest = (
        Member(new_id(NOW + timedelta(seconds=age)), APPLICATION, USER) for age in range(3)
    )

    assert devices.newest_first([new, newest, old], None) == [newest, new, old]
    assert devices.newest_first([new, newest, old], new.id) == [old]
    assert devices.newest_first([new, newest, old], old.id) == []


@given(st.none() | ids)
def test_a_page_token_is_read_as_it_was_made(before: Id | None) -> None:
    filters = devices.to_filters(QUERY, ACCOUNT)

    assert paging.to_id(paging.unpack(paging.pack(before or b"", filters), filters)) == before


@pytest.mark.parametrize(
    ("query", "account"),
    [
        (QUERY.model_copy(update={"app_name": "demo"}), ACCOUNT),
        (QUERY.model_copy(update={"user_id": names.spell_user(MEMBER)}), ACCOUNT),
        (QUERY, CLIENT),
    ],
)
def test_a_page_token_is_bound_to_its_filters(query: DeviceRegistrationQuery, account: Id) -> None:
    payload = paging.pack(MEMBER, devices.to_filters(QUERY, ACCOUNT))

    with pytest.raises(InvalidRequest) as caught:
        paging.unpack(payload, devices.to_filters(query, account))

    assert [problem.path for problem in caught.value.problems] == [("pageToken",)]


@pytest.mark.parametrize("payload", [None, b"", b"short", b"x" * 16, b"x" * 32])
def test_a_page_token_of_others_is_refused(payload: bytes | None) -> None:
    with pytest.raises(InvalidRequest):
        paging.unpack(payload, devices.to_filters(QUERY, ACCOUNT))


def test_the_size_of_a_page_is_no_filter() -> None:
    larger = QUERY.model_copy(update={"page_size": 1000, "page_token": "x"})

    assert devices.to_filters(larger, ACCOUNT) == devices.to_filters(QUERY, ACCOUNT)


@pytest.mark.parametrize(
    ("path", "context"),
    [
        ((), None),
        (("token",), "$.token"),
        (("to", 0, "variables", "_x1"), "$.to[0].variables._x1"),
        ((2,), "$[2]"),
        (("a.b", ""), "$['a.b']['']"),
        (("it's \\ 1",), "$['it\\'s \\\\ 1']"),
        (("é\n",), "$['é\n']"),
    ],
)
def test_a_problems_place_is_spelled_as_a_json_path(
    path: tuple[str | int, ...], context: str | None
) -> None:
    assert contexts.to_context(path) == context
