from __future__ import annotations

import pytest
from tests.unit.core.registry import apply, draft
from tests.unit.core.stubs import (
    APPLICATION,
    FOREIGN_APPLICATION,
    OTHER_APPLICATION,
    client,
    session,
)

from heliograph.core import access
from heliograph.core.errors import NotFound, NotPermitted
from heliograph.core.ids import spell
from heliograph.core.model.identity import Scope
from heliograph.core.model.registration import MemberKey, UserKey
from heliograph.core.registrations.claims import RegistryState


@pytest.mark.parametrize("scope", Scope)
def test_a_client_may_do_what_it_was_granted(scope: Scope) -> None:
    access.require(client(scopes=frozenset({scope})), scope, APPLICATION)


@pytest.mark.parametrize("scope", Scope)
def test_a_client_may_not_do_anything_else(scope: Scope) -> None:
    caller = client(scopes=frozenset(Scope) - {scope})

    with pytest.raises(NotPermitted) as caught:
        access.require(caller, scope, APPLICATION)

    assert caught.value.action == scope


@pytest.mark.parametrize("scope", Scope)
def test_a_right_can_be_asked_for_before_an_application_is_named(scope: Scope) -> None:
    access.require_right(client(scopes=frozenset({scope})), scope)

    with pytest.raises(NotPermitted):
        access.require_right(client(scopes=frozenset(Scope) - {scope}), scope)


@pytest.mark.parametrize("scope", Scope)
def test_a_session_manages_registrations_and_nothing_else(scope: Scope) -> None:
    its_own = {Scope.REGISTRATIONS_READ, Scope.REGISTRATIONS_WRITE}

    if scope in its_own:
        access.require(session(), scope, APPLICATION)
    else:
        with pytest.raises(NotPermitted):
            access.require(session(), scope, APPLICATION)


@pytest.mark.parametrize(
    ("principal", "application"),
    [
        (client(), FOREIGN_APPLICATION),
        (client(application_id=APPLICATION.id), OTHER_APPLICATION),
        (session(), OTHER_APPLICATION),
        (session(), FOREIGN_APPLICATION),
    ],
    ids=["another account", "another application", "session elsewhere", "session abroad"],
)
def test_an_application_that_is_not_the_callers_is_not_found(principal, application) -> None:
    with pytest.raises(NotFound) as caught:
        access.require_sight(principal, application)

    assert (caught.value.kind, caught.value.id) == (
        "application",
        spell("application", application.id),
    )


@pytest.mark.parametrize(
    "principal",
    [client(), client(application_id=APPLICATION.id), session()],
    ids=["client", "client of one", "session"],
)
def test_a_callers_own_application_is_seen(principal) -> None:
    access.require_sight(principal, APPLICATION)


def test_what_is_not_seen_is_not_found_rather_than_forbidden() -> None:
    without_rights = client(scopes=frozenset())

    with pytest.raises(NotFound):
        access.require(without_rights, Scope.NOTIFICATIONS_SEND, FOREIGN_APPLICATION)


def test_a_session_owns_its_members_registrations_and_a_client_all() -> None:
    ann, bob = session("ann"), session("bob")
    row = apply(RegistryState([]), draft(owner=access.member_of(ann)))

    assert access.owns(ann, row)
    assert not access.owns(bob, row)
    assert access.owns(client(), row)


def test_a_session_acts_for_its_own_user_only() -> None:
    ann, bob = session("ann"), session("bob")

    access.require_ownership(ann, access.member_of(ann))

    for owner in (None, access.member_of(bob), UserKey(ann.account_id, "ann")):
        with pytest.raises(NotPermitted):
            access.require_ownership(ann, owner)


@pytest.mark.parametrize("owner", [None, access.member_of(session())])
def test_a_client_acts_for_anybody(owner: MemberKey | None) -> None:
    access.require_ownership(client(), owner)


def test_a_session_stands_for_a_member() -> None:
    ann = session("ann")

    assert access.member_of(ann) == MemberKey(ann.session.user_id, ann.session.member_id, "ann")
    assert ann.account_id == client().account_id


def test_what_belongs_to_an_application_is_a_back_ends() -> None:
    access.require_back_end(client(), "tags of the application")

    with pytest.raises(NotPermitted) as caught:
        access.require_back_end(session(), "tags of the application")
    assert caught.value.action == "tags of the application"
