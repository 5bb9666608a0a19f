from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from heliograph.dialects.twilio.schemas.devices import DeviceRegistrationQuery, RegisterDevice
from heliograph.dialects.twilio.schemas.wire import NamedResource
from heliograph.web.schemas import problems_of

USER = "comms_pushnotificationuser_01h9krwprkeee8fzqspvwy6nq8"
BODY = {"appName": "demo_app", "token": "t-1", "provider": "FCM"}


def refused(body: Any) -> list[str]:
    with pytest.raises(ValidationError) as caught:
        RegisterDevice.model_validate(body)
    return [problem.field for problem in problems_of(caught.value)]


def test_every_absent_property_is_named_in_the_order_of_the_page() -> None:
    assert refused({}) == ["appName", "token", "provider"]


@pytest.mark.parametrize("name", [*BODY, "userId"])
@pytest.mark.parametrize("value", ["", None, 1, True, ["t-1"], {}])
def test_a_property_is_a_text_with_something_in_it(name: str, value: Any) -> None:
    assert refused(BODY | {name: value}) == [name]


@pytest.mark.parametrize("value", ["A", "a-b", "a b", "ä", "a\n", "\na", "a" * 65])
def test_an_apps_name_is_of_small_letters_digits_and_underscores(value: str) -> None:
    assert refused(BODY | {"appName": value}) == ["appName"]


@pytest.mark.parametrize("value", ["a", "_", "0", "limonade_app", "a" * 64])
def test_an_apps_name_has_up_to_64_of_them(value: str) -> None:
    assert RegisterDevice.model_validate(BODY | {"appName": value}).app_name == value


@pytest.mark.parametrize("value", ["apn", "fcm", "APN ", "APNS", "APN_SANDBOX"])
def test_a_provider_is_one_of_two_words(value: str) -> None:
    assert refused(BODY | {"provider": value}) == ["provider"]


@pytest.mark.parametrize("value", ["a\0b", "a\nb", "a\x7fb", "a\x9fb", "a\ud800b", "x" * 4097])
def test_a_token_is_one_line_of_at_most_4096_characters(value: str) -> None:
    assert refused(BODY | {"token": value}) == ["token"]


@pytest.mark.parametrize("value", [USER, USER + "00000000", USER + "ilou"])
def test_a_users_id_fits_the_published_pattern(value: str) -> None:
    assert RegisterDevice.model_validate(BODY | {"userId": value}).user_id == value


@pytest.mark.parametrize(
    "value", [USER[:-1], USER.upper(), " " + USER, USER.replace("_0", "_8"), "ann"]
)
def test_any_other_id_does_not(value: str) -> None:
    assert refused(BODY | {"userId": value}) == ["userId"]


def test_unknown_properties_are_ignored_and_ours_are_unknown() -> None:
    body = RegisterDevice.model_validate(BODY | {"tags": {}, "app_name": 1, "user_id": USER})

    assert body == RegisterDevice.model_validate(BODY)
    assert refused({"app_name": "demo_app", "token": "t-1", "provider": "FCM"}) == ["appName"]


def test_a_query_has_a_page_size_of_50_unless_it_says_otherwise() -> None:
    plain = DeviceRegistrationQuery.model_validate_strings({"userId": USER})
    sized = DeviceRegistrationQuery.model_validate_strings({"userId": USER, "pageSize": "1000"})

    assert (plain.page_size, plain.app_name, plain.page_token) == (50, None, None)
    assert sized.page_size == 1000


def test_answers_are_spelled_as_the_vendor_does() -> None:
    answer = NamedResource(resource_id="x", resource_location="https://push.example.com/x")

    assert answer.model_dump(by_alias=True) == {
        "resourceId": "x",
        "resourceLocation": "https://push.example.com/x",
    }
