from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from heliograph.dialects.layer.schemas.push_tokens import PushToken
from heliograph.web.schemas import problems_of

BODY = {"token": "105ebe3f", "type": "apns", "device_id": "a7775566"}
OPTIONAL = ("apns_bundle_id", "gcm_sender_id", "ios_version")


def refused(body: dict[str, Any]) -> list[str]:
    with pytest.raises(ValidationError) as caught:
        PushToken.model_validate(body)
    return [problem.field for problem in problems_of(caught.value)]


def test_absent_properties_are_named_in_the_order_of_the_page() -> None:
    assert refused({}) == ["token", "type", "device_id"]


@pytest.mark.parametrize("name", BODY)
@pytest.mark.parametrize("value", ["", None, 1, True, ["105ebe3f"], {}])
def test_a_required_property_is_a_text_with_something_in_it(name: str, value: Any) -> None:
    assert refused(BODY | {name: value}) == [name]


@pytest.mark.parametrize("name", OPTIONAL)
@pytest.mark.parametrize("value", [1, 9.0, False, [], {}])
def test_an_optional_property_is_a_text_if_anything(name: str, value: Any) -> None:
    assert refused(BODY | {name: value}) == [name]


@pytest.mark.parametrize("name", OPTIONAL)
@pytest.mark.parametrize("value", [None, ""])
def test_null_and_empty_mean_absent(name: str, value: Any) -> None:
    assert PushToken.model_validate(BODY | {name: value}) == PushToken.model_validate(BODY)


@pytest.mark.parametrize("value", ["fcm", "APNS", "apns ", "apns_voip"])
def test_a_type_is_one_of_two_words(value: str) -> None:
    assert refused(BODY | {"type": value}) == ["type"]


@pytest.mark.parametrize("name", ["token", "device_id", *OPTIONAL])
@pytest.mark.parametrize("value", ["a\0b", "a\nb", "a\x7fb", "a\x9fb", "a\ud800b"])
def test_no_property_holds_control_characters_or_lone_surrogates(name: str, value: str) -> None:
    assert refused(BODY | {name: value}) == [name]


@pytest.mark.parametrize(("name", "longest"), [("token", 4096), ("device_id", 256)])
def test_lengths_are_limited(name: str, longest: int) -> None:
    assert PushToken.model_validate(BODY | {name: "x" * longest})
    assert refused(BODY | {name: "x" * (longest + 1)}) == [name]


def test_unknown_properties_are_ignored() -> None:
    body = PushToken.model_validate(BODY | {"device_model": {"name": "newer"}})

    assert body == PushToken.model_validate(BODY)
