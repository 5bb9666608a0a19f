from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heliograph.core import access
from heliograph.core.ids import Id
from heliograph.core.model.registration import (
    Attribute,
    Claim,
    Environment,
    IfExists,
    MemberKey,
    ProviderName,
    Slot,
    TokenKind,
)
from heliograph.dialects.discord import mapping, schemas
from heliograph.dialects.discord.schemas import Device, NewDevice, Synchronization

from .conftest import NOW, PRINCIPAL, SESSION

ALERT, VOIP = TokenKind.ALERT, TokenKind.VOIP
APNS, FCM = ProviderName.APNS, ProviderName.FCM
BOB = MemberKey(Id(b"b" * 16), Id(b"B" * 16), "bob")
SAMPLE = "ODUyODkyMjk3NjYxOTA2OTkz.ZfoufA.rHvCtpfHjr9kdRab1ZTl83PRhhY"
"""The published example, but for two bits of its last letter that spell nothing."""


def new_device(**fields: Any) -> NewDevice:
    return NewDevice.model_validate({"provider": "apns", "token": "t"} | fields)


def synchronization(**fields: Any) -> Synchronization:
    body = {"provider": "apns", "token": "t", "push_sync_tokens": []}
    return Synchronization.model_validate(body | fields)


def test_a_device_becomes_a_registration_of_the_callers_session() -> None:
    (draft,) = mapping.to_drafts(new_device(), PRINCIPAL, now=NOW)

    assert draft.application_id == SESSION.application_id
    assert draft.slot == Slot(by_user=True, by_token=True)
    assert (draft.token, draft.origin, draft.arrived_at) == ("t", "discord", NOW)
    assert (draft.claim, draft.if_exists) == (Claim.SHARED, IfExists.REPLACE)
    assert draft.owner == access.member_of(PRINCIPAL)
    assert (draft.session_id, draft.silent_after) == (SESSION.id, SESSION.expires_at)
    assert not draft.keeps_session
    assert draft.member_limit is None


@pytest.mark.parametrize(
    ("word", "provider", "kind", "environment"),
    [
        ("gcm", FCM, ALERT, None),
        ("meta_horizon", FCM, ALERT, None),
        ("apns", APNS, ALERT, None),
        ("apns_internal", APNS, ALERT, Environment.PRODUCTION),
        ("apns_local", APNS, ALERT, Environment.SANDBOX),
        ("apns_voip", APNS, VOIP, None),
        ("apns_internal_voip", APNS, VOIP, Environment.PRODUCTION),
        ("apns_local_voip", APNS, VOIP, Environment.SANDBOX),
    ],
)
def test_each_word_has_its_meaning_and_is_kept(
    word: str, provider: ProviderName, kind: TokenKind, environment: Environment | None
) -> None:
    (draft,) = mapping.to_drafts(new_device(provider=word), PRINCIPAL, now=NOW)

    assert (draft.provider, draft.kind, draft.environment) == (provider, kind, environment)
    assert draft.slot == Slot(by_user=True, by_token=True, kind=kind)
    assert draft.attributes["discord_provider"] == word


@pytest.mark.parametrize("word", get_args(schemas.Provider))
def test_every_word_that_is_accepted_has_a_meaning(word: str) -> None:
    assert mapping.to_drafts(new_device(provider=word), PRINCIPAL, now=NOW)
    assert mapping.to_places(Device(provider=word, token="t"))  # type: ignore[arg-type]


def test_a_pair_becomes_two_registrations() -> None:
    body = new_device(
        voip_provider="apns_local_voip",
        voip_token="v",
        bundle_id="com.example",
        bypass_server_throttling_supported=True,
    )

    alert, voip = mapping.to_drafts(body, PRINCIPAL, now=NOW)

    assert (alert.token, alert.kind, alert.environment) == ("t", ALERT, None)
    assert (voip.token, voip.kind, voip.environment) == ("v", VOIP, Environment.SANDBOX)
    assert (alert.owner, alert.session_id) == (voip.owner, voip.session_id)
    for draft, word in ((alert, "apns"), (voip, "apns_local_voip")):
        assert draft.attributes == {
            "discord_provider": word,
            "bypass_server_throttling_supported": True,
            Attribute.BUNDLE_ID: "com.example",
        }


@pytest.mark.parametrize("half", [{"voip_provider": "apns_voip"}, {"voip_token": "v"}])
def test_half_a_pair_is_ignored(half: dict[str, str]) -> None:
    whole = mapping.to_drafts(new_device(), PRINCIPAL, now=NOW)

    assert mapping.to_drafts(new_device(**half), PRINCIPAL, now=NOW) == whole


def test_each_listed_user_and_the_caller_get_the_token_once() -> None:
    caller = access.member_of(PRINCIPAL)
    listed = [mapping.Leave(owner, number=7) for owner in (BOB, caller, BOB)]

    drafts = mapping.to_sync_drafts(synchronization(), PRINCIPAL, listed, now=NOW)

    assert [draft.owner for draft in drafts] == [BOB, caller]
    bobs, own = drafts
    assert (bobs.session_id, bobs.silent_after, bobs.keeps_session) == (None, None, True)
    assert (own.session_id, own.silent_after) == (SESSION.id, SESSION.expires_at)
    assert (bobs.leave, own.leave) == (7, None)
    assert (own.silent_with_session, bobs.silent_with_session) == (True, False)
    assert not own.keeps_session


def test_the_caller_counts_as_listed() -> None:
    (draft,) = mapping.to_sync_drafts(synchronization(), PRINCIPAL, [], now=NOW)

    assert draft.owner == access.member_of(PRINCIPAL)


@pytest.mark.parametrize(
    ("word", "kinds"),
    [
        ("gcm", [ALERT]),
        ("meta_horizon", [ALERT]),
        ("apns", [ALERT, VOIP]),
        ("apns_internal", [ALERT, VOIP]),
        ("apns_local", [ALERT, VOIP]),
        ("apns_voip", [VOIP]),
        ("apns_internal_voip", [VOIP]),
        ("apns_local_voip", [VOIP]),
    ],
)
def test_a_plain_word_is_looked_for_as_its_voip_sibling_too(
    word: Any, kinds: list[TokenKind]
) -> None:
    places = mapping.to_places(Device(provider=word, token="t"))

    assert [place.slot.kind for place in places] == kinds
    assert {place.token for place in places} == {"t"}


def test_the_published_example_is_read_as_it_was_decoded() -> None:
    read = mapping.to_sync_token(SAMPLE)

    assert read is not None
    assert read.snowflake == "852892297661906993"
    assert read.issued_at == datetime(2024, 3, 20, 0, 31, 56, tzinfo=UTC)
    assert len(read.mac) == 20
    assert read.signed == b"ODUyODkyMjk3NjYxOTA2OTkz.ZfoufA"


@given(
    st.integers(0, 2**64 - 1),
    st.integers(0, 2**32 - 1),
    st.binary(min_size=20, max_size=32),
)
def test_what_is_spelled_is_read_again(snowflake: int, issued_s: int, mac: bytes) -> None:
    issued_at = datetime.fromtimestamp(issued_s, UTC)
    signed = mapping.to_signed_part(str(snowflake), issued_at + timedelta(milliseconds=999))

    read = mapping.to_sync_token(mapping.from_sync_token(signed, mac))

    assert read == mapping.ReadSyncToken(str(snowflake), issued_at, signed.encode(), mac[:20])


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "..",
        "x",
        SAMPLE + "\n",
        SAMPLE + "=",
        SAMPLE + "A",
        SAMPLE[:-1],
        SAMPLE[:-1] + "Z",
        SAMPLE[:-1] + "é",
        SAMPLE.replace(".", ","),
        SAMPLE.replace(".", "..", 1),
        "A" + SAMPLE,
        "_____" + SAMPLE[24:],
        "____" + SAMPLE[24:],
        "AAAA" + SAMPLE[24:],
        "LTEyMw" + SAMPLE[24:],
        "\ud800",
        "\0",
        "ab" * 100_000,
    ],
)
def test_another_form_is_no_sync_token(text: str) -> None:
    assert mapping.to_sync_token(text) is None


@given(st.text(alphabet="AZaz09-_.=é", max_size=80))
def test_any_text_can_be_read(text: str) -> None:
    read = mapping.to_sync_token(text)

    assert read is None or mapping.from_sync_token(read.signed.decode(), read.mac) == text
