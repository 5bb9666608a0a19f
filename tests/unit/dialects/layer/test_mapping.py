from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heliograph.core import access
from heliograph.core.errors import InvalidRequest
from heliograph.core.model.identity import SessionPrincipal
from heliograph.core.model.registration import (
    Attribute,
    Claim,
    IfExists,
    ProviderName,
    Slot,
)
from heliograph.dialects.layer.mapping import media_types
from heliograph.dialects.layer.mapping import push_tokens as mapping
from heliograph.dialects.layer.schemas.push_tokens import PushToken

from .conftest import NOW, SESSION

PRINCIPAL = SessionPrincipal(SESSION)


def push_token(**properties: str) -> PushToken:
    body = {"token": "105ebe3f", "type": "apns", "device_id": "a7775566"}
    return PushToken.model_validate(body | properties)


def test_a_push_token_becomes_a_registration_of_the_callers_device() -> None:
    draft = mapping.to_draft(push_token(), PRINCIPAL, now=NOW)

    assert draft.application_id == SESSION.application_id
    assert draft.slot == Slot(by_user=True, device_id="a7775566")
    assert draft.owner == access.member_of(PRINCIPAL)
    assert (draft.session_id, draft.device_id) == (SESSION.id, "a7775566")
    assert (draft.token, draft.origin, draft.arrived_at) == ("105ebe3f", "layer", NOW)
    assert draft.environment is None
    assert draft.attributes == {}


def test_a_token_moves_to_its_newest_owner_who_keeps_25() -> None:
    draft = mapping.to_draft(push_token(), PRINCIPAL, now=NOW)

    assert (draft.claim, draft.if_exists) == (Claim.EXCLUSIVE, IfExists.REPLACE)
    assert draft.member_limit == 25


@pytest.mark.parametrize(
    ("word", "provider"), [("apns", ProviderName.APNS), ("gcm", ProviderName.FCM)]
)
def test_each_type_has_its_provider(word: str, provider: ProviderName) -> None:
    assert mapping.to_draft(push_token(type=word), PRINCIPAL, now=NOW).provider is provider


def test_what_is_said_of_the_app_and_the_system_is_kept() -> None:
    body = push_token(apns_bundle_id="com.layer.bundleid", gcm_sender_id="12", ios_version="9.0")

    assert mapping.to_draft(body, PRINCIPAL, now=NOW).attributes == {
        Attribute.BUNDLE_ID: "com.layer.bundleid",
        Attribute.SENDER_ID: "12",
        Attribute.OS_VERSION: "9.0",
    }


@pytest.mark.parametrize("device_id", ["\0", "a\nb", "\x1b[2J", "\x85"])
def test_no_device_has_control_characters_in_its_id(device_id: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        mapping.to_slot(device_id)

    assert [problem.field for problem in caught.value.problems] == ["device_id"]


@pytest.mark.parametrize(
    "accept",
    [
        "application/vnd.layer+json; version=1.0",
        "application/vnd.layer+json;version=1.0",
        "application/vnd.layer+json ;\tversion = 1.1",
        'Application/VND.Layer+JSON; Version="2.0"',
        "application/vnd.layer+json; version='3.0'",
        "application/vnd.layer+json; q=0.5; version=1.0; charset=utf-8",
        "text/html, application/vnd.layer+json; version=1.0, */*",
        "application/vnd.layer+json; version=1.0, application/vnd.layer+json; version=9.0",
    ],
)
def test_a_known_version_is_understood_however_it_is_spelled(accept: str) -> None:
    assert media_types.asks_for_known_version([accept])
    assert media_types.asks_for_layer([accept])


@pytest.mark.parametrize(
    "accept",
    [
        "application/vnd.layer+json",
        "application/vnd.layer+json; version",
        "application/vnd.layer+json; version=",
        "application/vnd.layer+json; version=1",
        "application/vnd.layer+json; version=4.0",
        "application/vnd.layer+json; version=9.0, application/vnd.layer+json; version=1.0",
        "application/vnd.layer-patch+json; version=1.0",
        "application/vnd.layer.webhooks+json; version=1.0",
    ],
)
def test_another_version_or_type_is_layers_but_not_spoken(accept: str) -> None:
    assert not media_types.asks_for_known_version([accept])
    assert media_types.asks_for_layer([accept])


@pytest.mark.parametrize("accept", ["", "*/*", "application/json", "text/html;version=1.0", ",;="])
def test_a_type_of_others_is_not_layers(accept: str) -> None:
    assert not media_types.asks_for_known_version([accept])
    assert not media_types.asks_for_layer([accept])


def test_no_header_asks_for_nothing_and_several_are_one() -> None:
    layer = "application/vnd.layer+json; version=1.0"

    assert not media_types.asks_for_known_version([])
    assert not media_types.asks_for_layer([])
    assert media_types.asks_for_known_version(["text/html", layer])


@given(st.text())
def test_any_header_can_be_read(accept: str) -> None:
    assert not media_types.asks_for_known_version([accept]) or media_types.asks_for_layer([accept])
