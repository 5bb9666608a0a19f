from __future__ import annotations

import hashlib
from datetime import UTC, datetime

import pytest

from heliograph.core.ids import Id, letters_of, new_id
from heliograph.core.model.registration import Slot, TokenKind, token_hash
from heliograph.core.registrations.slots import SLOT_BYTES, bucket_of, slot_hash

NOW = datetime(2026, 1, 1, tzinfo=UTC)
APPLICATION, ANN, BOB, SESSION = (new_id(NOW) for _ in range(4))


def hash_of(
    slot: Slot, *, application: Id = APPLICATION, user: Id | None = ANN, token: str = "T"
) -> bytes:
    return slot_hash(
        application, slot, user_id=user, provider="fcm", token_hash=token_hash("fcm", token)
    )


FORMS = {
    "user and device": Slot(by_user=True, device_id="phone"),
    "user and token": Slot(by_user=True, by_token=True),
    "session": Slot(session_id=SESSION),
    "device": Slot(device_id="phone"),
    "token": Slot(by_token=True),
}


def test_every_form_of_slot_is_another_slot() -> None:
    assert len({hash_of(slot) for slot in FORMS.values()}) == len(FORMS)


@pytest.mark.parametrize("slot", FORMS.values(), ids=FORMS)
def test_a_slot_has_a_bucket_and_never_changes(slot: Slot) -> None:
    first = hash_of(slot)

    assert first == hash_of(slot)
    assert len(first) == SLOT_BYTES
    assert bucket_of(first) == first[-1]


def test_a_session_has_a_slot_of_its_own() -> None:
    assert hash_of(Slot(session_id=SESSION)) != hash_of(Slot(session_id=new_id(NOW)))


STORED = {
    "user and device": "a840b2aaec75d03c8196d12e6f6583c3",
    "user and token": "0c5c300b38385af05e76b5a023d5ac62",
    "session": "b490f8d8cc46daf7a493e445da3a9936",
    "device": "0da9a46a156a1025a46c85c7b80d656a",
    "token": "b031aadd76934a71b0c231da02d9b09d",
}


@pytest.mark.parametrize("form", FORMS)
def test_slots_that_older_versions_stored_are_found(form: str) -> None:
    application, ann, session = (Id(bytes([number] * 16)) for number in (1, 2, 3))
    slot = FORMS[form]._replace(session_id=session) if form == "session" else FORMS[form]

    assert hash_of(slot, application=application, user=ann).hex() == STORED[form]


@pytest.mark.parametrize("slot", FORMS.values(), ids=FORMS)
def test_another_application_has_other_slots(slot: Slot) -> None:
    assert hash_of(slot) != hash_of(slot, application=new_id(NOW))


@pytest.mark.parametrize(
    ("form", "counts"),
    [
        ("user and device", True),
        ("user and token", True),
        ("session", False),
        ("device", False),
        ("token", False),
    ],
)
def test_the_user_counts_where_the_slot_says_so(form: str, counts: bool) -> None:
    is_other = hash_of(FORMS[form], user=ANN) != hash_of(FORMS[form], user=BOB)

    assert is_other == counts


@pytest.mark.parametrize(
    ("form", "counts"),
    [
        ("user and device", False),
        ("user and token", True),
        ("session", False),
        ("device", False),
        ("token", True),
    ],
)
def test_the_token_counts_where_the_slot_says_so(form: str, counts: bool) -> None:
    is_other = hash_of(FORMS[form], token="T") != hash_of(FORMS[form], token="U")

    assert is_other == counts


def test_a_token_has_a_slot_for_each_kind() -> None:
    slots = [Slot(by_user=True, by_token=True, kind=kind) for kind in TokenKind]

    assert len({hash_of(slot) for slot in slots}) == len(TokenKind)


def test_the_kind_of_an_alert_is_not_spelled() -> None:
    slot = Slot(by_user=True, by_token=True, kind=TokenKind.ALERT)
    spelled = f"u:{letters_of(ANN)}/fcm/{token_hash('fcm', 'T').hex()}"

    assert hash_of(slot) == hashlib.sha256(APPLICATION + spelled.encode()).digest()[:SLOT_BYTES]


@pytest.mark.parametrize("form", ["user and device", "session", "device"])
def test_the_kind_counts_in_slots_by_token_only(form: str) -> None:
    assert hash_of(FORMS[form]._replace(kind=TokenKind.VOIP)) == hash_of(FORMS[form])


def test_nobody_is_an_owner_too() -> None:
    slot = FORMS["user and device"]

    assert hash_of(slot, user=None) != hash_of(slot, user=ANN)


def test_no_device_id_can_pretend_to_be_another_slot() -> None:
    pretender = Slot(device_id="phone/fcm/" + token_hash("fcm", "T").hex())

    assert hash_of(pretender) != hash_of(Slot(device_id="phone", by_token=True))
