"""Who may do what: the only place with permission rules.

A foreign application, or one that a client is not meant for, is not found
rather than forbidden, so that nobody learns which ids exist.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from heliograph.core.errors import NotFound, NotPermitted, Suspended
from heliograph.core.ids import spell
from heliograph.core.model.identity import ClientPrincipal, Scope, SessionKind, SessionPrincipal
from heliograph.core.model.registration import MemberKey

if TYPE_CHECKING:
    from heliograph.core.model.application import Application
    from heliograph.core.model.identity import Principal
    from heliograph.core.model.registration import Owner, Registration

_OF_A_SESSION = frozenset({Scope.REGISTRATIONS_READ, Scope.REGISTRATIONS_WRITE})
"""A device manages its own registrations, and nothing else."""


def require(principal: Principal, scope: Scope, application: Application) -> None:
    """Let pass who may do this in this application.

    Raises NotFound where the application is not the caller's, NotPermitted
    where the right is missing.
    """
    require_sight(principal, application)
    require_right(principal, scope)


def require_right(principal: Principal, scope: Scope) -> None:
    """Let pass who may do this wherever at all; raises NotPermitted.

    For requests that name no application, or only in their body.
    """
    match principal:
        case ClientPrincipal(client):
            granted = client.scopes
        case SessionPrincipal(session):
            granted = frozenset() if session.kind is SessionKind.GUEST else _OF_A_SESSION
        case _:
            assert_never(principal)
    if scope not in granted:
        raise NotPermitted(scope)


def require_whole_account(principal: Principal) -> None:
    """Let pass who is meant for all of an account's applications; raises NotPermitted."""
    if not isinstance(principal, ClientPrincipal) or principal.client.application_id is not None:
        raise NotPermitted("applications beside its own")


def require_back_end(principal: Principal, what: str) -> None:
    """Let pass who acts for a whole application; raises NotPermitted for a device's session."""
    if not isinstance(principal, ClientPrincipal):
        raise NotPermitted(what)


def require_sight(principal: Principal, application: Application) -> None:
    """Let pass who may know that this application exists; raises NotFound."""
    match principal:
        case ClientPrincipal(client):
            is_own = client.account_id == application.account_id
            is_seen = is_own and client.application_id in (None, application.id)
        case SessionPrincipal(session):
            is_seen = session.application_id == application.id
        case _:
            assert_never(principal)
    if not is_seen:
        raise NotFound("application", spell("application", application.id))


def require_voice(application: Application) -> None:
    """Let pass what may be sent to; raises Suspended for a muted application."""
    if application.is_muted:
        raise Suspended("application")


def owns(principal: Principal, registration: Registration) -> bool:
    """Say whether a caller may see and change a registration: sessions only their user's."""
    match principal:
        case ClientPrincipal():
            return True
        case SessionPrincipal(session):
            return registration.member_id == session.member_id
        case _:
            assert_never(principal)


def require_ownership(principal: Principal, owner: Owner | None) -> None:
    """Let pass who acts for this owner: a session only for its own; raises NotPermitted."""
    if isinstance(principal, SessionPrincipal) and (
        not isinstance(owner, MemberKey) or owner.member_id != principal.session.member_id
    ):
        raise NotPermitted("registrations of other users")


def member_of(principal: SessionPrincipal) -> MemberKey:
    """Name the user that a session stands for, as owner of registrations."""
    session = principal.session
    return MemberKey(session.user_id, session.member_id, session.external_user_id)
