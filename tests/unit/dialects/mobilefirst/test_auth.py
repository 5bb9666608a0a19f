from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta

import pytest
from tests.unit.core.stubs import client

from heliograph.core.ids import new_id
from heliograph.core.model.identity import ALL_SCOPES, Scope
from heliograph.dialects.mobilefirst.auth import scopes, tokens
from heliograph.dialects.mobilefirst.auth.scopes import may_have, opens, rights_of
from heliograph.security.sealing import KeyRing
from heliograph.security.signing import HmacSigner

NOW = datetime(2026, 1, 1, tzinfo=UTC)
CLIENT_ID = new_id(NOW)
SIGNER = HmacSigner(KeyRing([b"k" * 32]))
APP = "com.sample.app"
OF_APP = f"push.application.{APP}"
ELEMENTS = [
    f"{what}.{how}"
    for what in ("devices", "subscriptions", "tags", "messages", "apps", "webhooks")
    for how in ("read", "write")
]


def test_a_token_says_what_it_was_made_of() -> None:
    text = tokens.mint(SIGNER, CLIENT_ID, ("tags.read", OF_APP), now=NOW)

    read = tokens.read(SIGNER, text, now=NOW + timedelta(minutes=59))

    assert read == tokens.AccessToken(CLIENT_ID, ("tags.read", OF_APP))


def test_a_token_is_over_after_its_life() -> None:
    text = tokens.mint(SIGNER, CLIENT_ID, ("*",), now=NOW)

    assert tokens.read(SIGNER, text, now=NOW + tokens.LIFE - timedelta(milliseconds=1))
    assert tokens.read(SIGNER, text, now=NOW + tokens.LIFE) is None


def test_a_token_of_anybody_else_is_none() -> None:
    forged = base64.urlsafe_b64encode(b"{}").decode()
    stranger = HmacSigner(KeyRing([b"x" * 32]))
    of_stranger = tokens.mint(stranger, CLIENT_ID, ("*",), now=NOW)

    for text in ("", "x", f"{forged}.x", of_stranger, SIGNER.sign("nonce", b"{}")):
        assert tokens.read(SIGNER, text, now=NOW) is None


@pytest.mark.parametrize("element", [*ELEMENTS, "*", "push.application.*", "push.mobileclient"])
def test_whoever_may_all_may_have_every_element(element: str) -> None:
    assert may_have(client().client, element)


@pytest.mark.parametrize("element", ["*", "push.application.*", "custom"])
def test_who_is_bound_to_one_application_has_nothing_of_others(element: str) -> None:
    assert not may_have(client(application_id=CLIENT_ID).client, element)


@pytest.mark.parametrize("element", [*ELEMENTS, "*", "push.mobileclient", "custom"])
def test_who_may_nothing_gets_nothing(element: str) -> None:
    nobody = client(scopes=frozenset()).client

    assert not may_have(nobody, element)
    assert may_have(nobody, scopes.DEFAULT)


def test_elements_open_no_more_than_they_name() -> None:
    assert rights_of(["tags.read"]) == {Scope.REGISTRATIONS_READ}
    assert rights_of(["messages.write"]) == {Scope.NOTIFICATIONS_SEND, Scope.NOTIFICATIONS_READ}
    assert rights_of(["push.mobileclient"]) == {
        Scope.REGISTRATIONS_READ,
        Scope.REGISTRATIONS_WRITE,
    }
    assert rights_of(["custom", OF_APP, scopes.DEFAULT]) == frozenset()
    assert rights_of(["*"]) == ALL_SCOPES


@pytest.mark.parametrize(
    ("elements", "is_own", "is_open"),
    [
        (["devices.read", OF_APP], False, True),
        (["devices.read", "push.application.*"], False, True),
        (["*"], False, True),
        (["devices.write", OF_APP], False, True),
        (["push.mobileclient", OF_APP], False, True),
        (["push.mobileclient"], True, True),
        (["push.mobileclient"], False, False),
        (["devices.read"], True, False),
        (["devices.read", OF_APP + "s"], False, False),
        (["devices.*", OF_APP], False, False),
        ([OF_APP], False, False),
        ([], True, False),
    ],
)
def test_an_operation_needs_its_element_and_its_application(
    elements: list[str], is_own: bool, is_open: bool
) -> None:
    assert opens(elements, scopes.DEVICES_READ, APP, is_own=is_own) is is_open
