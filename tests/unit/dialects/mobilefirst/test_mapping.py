from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from tests.unit.core.stubs import APPLICATION

from heliograph.core.errors import InvalidRequest, NotFound
from heliograph.core.ids import Id, letters_of, new_id, spell
from heliograph.core.model.listing import Condition, RegistrationField, Window
from heliograph.core.model.registration import (
    Attribute,
    IfExists,
    OwnerChange,
    ProviderName,
    Registration,
    Slot,
    UserKey,
)
from heliograph.dialects.mobilefirst.mapping import (
    devices,
    paging,
    positions,
    subscriptions,
    tags,
    token,
)
from heliograph.dialects.mobilefirst.mapping.filters import (
    DEVICE_FIELDS,
    SUBSCRIPTION_FIELDS,
    TAG_FIELDS,
    to_conditions,
)
from heliograph.dialects.mobilefirst.schemas.devices import DeviceBody, DeviceChanges, DeviceQuery
from heliograph.dialects.mobilefirst.schemas.subscriptions import SubscriptionBody

NOW = datetime(2026, 1, 2, 3, 4, 5, 678_000, tzinfo=UTC)
PLACE = paging.Place("https://push.test/imfpush/v1/apps/a/devices")
BODY = {"deviceId": "D", "token": "t", "platform": "A"}
ROW = Registration(
    id=new_id(NOW),
    application_id=APPLICATION.id,
    slot=b"s" * 16,
    provider=ProviderName.APNS,
    token="t",
    token_hash=b"h" * 16,
    origin="layer",
    created=NOW,
    refreshed=NOW,
    device_id="D",
    attributes={"bundle_id": "b", "phone": "42"},
)
USER, DEVICE = RegistrationField.USER_ID, RegistrationField.DEVICE_ID
PROVIDER, LABEL = RegistrationField.PROVIDER, RegistrationField.LABEL


def draft(user_agent: str = "", **body: object):
    wanted = DeviceBody.model_validate({**BODY, **body})
    return devices.to_draft(wanted, APPLICATION, user_agent, now=NOW)


def changes(registration: Registration = ROW, **body: object):
    wanted = DeviceChanges.model_validate(body)
    return devices.to_changes(wanted, registration, "D", APPLICATION, now=NOW)


def test_a_device_becomes_a_registration_of_its_own_slot() -> None:
    made = draft("agent", userId="ann", phoneNumber="42")

    assert made.slot == Slot(device_id="D")
    assert made.if_exists is IfExists.REFUSE
    assert made.labels == ("Push.ALL",)
    assert made.owner == UserKey(APPLICATION.account_id, "ann")
    assert made.attributes == {Attribute.PHONE: "42", Attribute.USER_AGENT: "agent"}


@pytest.mark.parametrize("user_id", ["", "anonymous", None])
def test_nobody_owns_the_device_of_nobody(user_id: str | None) -> None:
    assert draft(userId=user_id).owner is None


def test_a_user_agent_is_one_short_line() -> None:
    made = draft("a\x80\x00b" + "c" * 600)

    assert made.attributes[Attribute.USER_AGENT] == ("ab" + "c" * 600)[:512]


def test_an_update_keeps_what_it_does_not_name() -> None:
    made = changes(userId="bob")

    assert made.token is None
    assert made.owner == OwnerChange(UserKey(APPLICATION.account_id, "bob"))
    assert made.attributes == {
        "bundle_id": "b",
        "phone": "42",
        "updated_at": "2026-01-02T03:04:05Z",
    }


def test_an_update_may_take_owner_and_phone_away() -> None:
    made = changes(userId="", phoneNumber="")

    assert made.owner == OwnerChange(None)
    assert "phone" not in made.attributes
    assert changes().owner is None


def test_the_last_update_is_the_later_of_two() -> None:
    def shown(updated_at: datetime) -> str | None:
        attributes = {"updated_at": paging.timestamp(updated_at)}
        row = ROW._replace(attributes=attributes)
        return devices.from_registration(row, PLACE).last_updated_time

    assert shown(NOW + timedelta(hours=1)) == "2026-01-02T04:04:05Z"
    assert shown(NOW - timedelta(hours=1)) == "2026-01-02T03:04:05Z"


@pytest.mark.parametrize(
    ("provider", "platform"),
    [("apns", "A"), ("fcm", "G"), ("wns", "W"), ("webpush", "WEB_CHROME"), ("sms", "")],
)
def test_every_provider_has_a_platform(provider: str, platform: str) -> None:
    assert devices.platform_of(ROW._replace(provider=ProviderName(provider))) == platform


def test_a_registration_without_a_device_goes_by_its_id() -> None:
    assert devices.device_id_of(ROW._replace(device_id=None)) == spell("registration", ROW.id)


def test_links_escape_what_urls_cannot_hold() -> None:
    assert PLACE.link("a/b c") == f"{PLACE.url}/a%2Fb%20c"
    assert (
        PLACE.query_link(deviceId="a&b", tagName="ä")
        == f"{PLACE.url}?deviceId=a%26b&tagName=%C3%A4"
    )


@pytest.mark.parametrize(
    ("offset", "size", "total", "following", "previous"),
    [
        (0, 10, 10, None, None),
        (0, 10, 11, 10, None),
        (5, 10, 20, 15, 0),
        (20, 10, 20, None, 10),
        (0, 10**9, 5001, 5000, None),
    ],
)
def test_a_page_links_to_its_neighbours(
    offset: int, size: int, total: int, following: int | None, previous: int | None
) -> None:
    pairs = [("userId", "a b"), ("offset", str(offset)), ("size", str(size)), ("position", "x")]
    window = paging.to_window(paging.to_query(pairs, DeviceQuery))
    listed = paging.sliced(range(total), window)

    info = paging.page_info(window, listed, PLACE, pairs)

    def link(at: int | None) -> str:
        return "" if at is None else f"{PLACE.url}?userId=a%20b&offset={at}&size={window.limit}"

    assert (info.next, info.previous) == (link(following), link(previous))
    assert (info.count, info.total_count) == (str(len(listed.items)), str(total))
    placed = paging.with_positions(info, "a.b", None)
    assert (placed.next, placed.previous) == (f"{link(following)}&position=a.b", info.previous)


def test_a_position_places_a_window_of_its_own_list_alone() -> None:
    one, other = Id(b"1" * 16), Id(b"2" * 16)
    window = Window(offset=5, limit=10)
    following = positions.after(one, "devices", 5, b"key")
    preceding = positions.before(one, "devices", 5, b"key")

    assert positions.placed(window, following, one, "devices") == window._replace(after=b"key")
    assert positions.placed(window, preceding, one, "devices") == window._replace(before=b"key")
    for payload, application_id, collection, offset in (
        (None, one, "devices", 5),
        (following, other, "devices", 5),
        (following, one, "tags", 5),
        (following, one, "devices", 6),
    ):
        with pytest.raises(InvalidRequest):
            positions.placed(window._replace(offset=offset), payload, application_id, collection)


@pytest.mark.parametrize(
    ("text", "condition"),
    [
        ("platform==A,G", Condition(PROVIDER, ("apns", "fcm"))),
        ("platform==W,M", Condition(PROVIDER, ("wns",))),
        ("platform==APPEXT_CHROME", Condition(PROVIDER, ())),
        ("platform==WEB_CHROME,WEB_FIREFOX", Condition(PROVIDER, ("webpush",))),
        ("platform=@G", Condition(PROVIDER, ("fcm",))),
        ("userId==anonymous,ann", Condition(USER, (None, "ann"))),
        ("userId==", Condition(USER, (None,))),
        ("userId=@nym", Condition(USER, ("nym", None), is_exact=False)),
        (r"deviceId==a\,b\\c", Condition(DEVICE, (r"a,b\c",))),
        ("deviceId==a==b", Condition(DEVICE, ("a==b",))),
        ("deviceId==a,color==b", Condition(DEVICE, ("a", "color==b"))),
        (r"deviceId==a\,userId==b", Condition(DEVICE, ("a,userId==b",))),
        (
            "platform==A,platform==G",
            Condition(PROVIDER, ("apns",), alternatives=(Condition(PROVIDER, ("fcm",)),)),
        ),
        (
            "deviceId=@x,y,userId==ann",
            Condition(
                DEVICE, ("x", "y"), is_exact=False, alternatives=(Condition(USER, ("ann",)),)
            ),
        ),
    ],
)
def test_a_filter_becomes_a_condition(text: str, condition: Condition) -> None:
    assert to_conditions([text], DEVICE_FIELDS) == (condition,)


def test_the_broadcast_tag_has_one_spelling() -> None:
    (condition,) = to_conditions(["tagName==push.all,Push.ALL"], SUBSCRIPTION_FIELDS)

    assert condition == Condition(LABEL, ("Push.ALL", "Push.ALL"))


def test_names_of_other_lists_are_passed_over_for_tags() -> None:
    found = to_conditions(["platform==A", "platform==A,name==x"], TAG_FIELDS, ignores_others=True)

    assert found == (Condition(LABEL, ("x",)),)


@pytest.mark.parametrize("text", ["", ",", "a", "=@x", "platform=A", "color==x", "userId==a\\"])
def test_what_is_no_filter_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        to_conditions(["platform==A", text, "x"], DEVICE_FIELDS)

    assert [problem.path for problem in caught.value.problems] == [("filter",)] * 2


def test_filters_have_a_limit() -> None:
    values = ",".join("x" * 51)

    to_conditions([f"token=={values}"], DEVICE_FIELDS)
    with pytest.raises(InvalidRequest):
        to_conditions([f"token=={values}"] * 2, DEVICE_FIELDS)


def test_a_subscriptions_id_is_read_back() -> None:
    tag_id = new_id(NOW)

    assert subscriptions.to_ids(letters_of(tag_id) + letters_of(ROW.id)) == (tag_id, ROW.id)
    for text in ("", "x", letters_of(tag_id), letters_of(tag_id) * 3):
        with pytest.raises(NotFound):
            subscriptions.to_ids(text)


def test_tags_are_named_once_and_several_beat_one() -> None:
    body = SubscriptionBody.model_validate(
        {"deviceId": "D", "tagName": "c", "tagNames": ["a", "PUSH.ALL", "a", "push.all"]}
    )

    assert subscriptions.to_names(body) == ("a", "Push.ALL")


def test_the_broadcast_tag_is_nobodys_to_name() -> None:
    assert tags.own_name("push.allen") == "push.allen"
    with pytest.raises(InvalidRequest):
        tags.own_name("pUSH.aLL")


@pytest.mark.parametrize(
    ("scope", "elements"),
    [
        ("", ("RegisteredClient",)),
        ("  ", ("RegisteredClient",)),
        ("a b", ("a", "b")),
        ("a+b  a", ("a", "b")),
    ],
)
def test_a_scope_is_split(scope: str, elements: tuple[str, ...]) -> None:
    assert token.to_elements(scope) == elements


def test_a_telephones_number_is_dialled_without_what_groups_its_digits() -> None:
    made = draft(token=None, phoneNumber="+49 (170) 123-4567")
    telephone = ROW._replace(provider=ProviderName.SMS, token=made.token)

    assert made.token == "+491701234567"
    assert made.attributes[Attribute.PHONE] == "+49 (170) 123-4567"
    assert changes(telephone, phoneNumber="+49 170 1").token == "+491701"


@pytest.mark.parametrize("platform", ["G", None])
def test_a_telephone_becomes_a_device_if_it_said_what_it_is(platform: str | None) -> None:
    number = "+491701234567"
    attributes = {"phone": number} | ({"platform": platform} if platform else {})
    telephone = ROW._replace(provider=ProviderName.SMS, token=number, attributes=attributes)
    changes = DeviceChanges(token="t2", phoneNumber="")

    draft = devices.to_promotion(changes, telephone, APPLICATION, now=NOW)

    if platform is None:
        assert draft is None
    else:
        assert draft is not None
        assert (draft.provider, draft.token, draft.device_id) == (ProviderName.FCM, "t2", "D")
        assert "phone" not in draft.attributes
    assert (
        devices.to_promotion(DeviceChanges(token=number), telephone, APPLICATION, now=NOW) is None
    )
    assert devices.to_promotion(changes, ROW, APPLICATION, now=NOW) is None
