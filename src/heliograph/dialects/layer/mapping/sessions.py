"""Sign-ins and identities."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.parse import quote
from uuid import UUID

from heliograph.core.errors import InvalidRequest, Problem, ProblemKind
from heliograph.dialects.layer.mapping.patches import SESSION_TTL
from heliograph.dialects.layer.schemas import sessions as schemas
from heliograph.dialects.layer.schemas import wire

if TYPE_CHECKING:
    from heliograph.core.model.application import Application
    from heliograph.core.stores.issuers import TokenFault

SETTINGS = "layer"
"""The section of an application's settings that is this dialect's."""

_IDENTITY = wire.IDENTITY

_APP_ID = re.compile(
    r"(?:layer:///?apps/(?:production|staging)/)?"
    r"(?P<uuid>[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})",
    re.IGNORECASE,
)
"""The vendor's prose writes two slashes, its samples three; a bare UUID will do."""


def to_uuid(app_id: str) -> UUID | None:
    """Read the UUID of an application in any of its spellings; None for what is none."""
    found = _APP_ID.fullmatch(app_id)
    return None if found is None else UUID(found["uuid"])


def to_user_id(text: str) -> str:
    """Read a user's id, which later versions write as an identity's."""
    return text.removeprefix(_IDENTITY)


def to_session_life(application: Application) -> timedelta | None:
    """Say how long an application's sessions last; None for as long as usual."""
    seconds = application.settings.get(SETTINGS, {}).get(SESSION_TTL)
    return None if seconds is None else timedelta(seconds=seconds)


def token_problem(fault: TokenFault) -> InvalidRequest:
    """Say what is wrong with an identity token."""
    return InvalidRequest([Problem(("identity_token",), ProblemKind.NOT_ALLOWED, fault.value)])


def from_token(token: str) -> schemas.NewSession:
    """Show a new session."""
    return schemas.NewSession(session_token=token)


def from_user_id(user_id: str, root: str) -> schemas.Identity:
    """Show who a user is: of their names only the id is known here. root: the door's URL."""
    return schemas.Identity(
        id=f"{_IDENTITY}{user_id}",
        url=f"{root}/identities/{quote(user_id, safe='')}",
        user_id=user_id,
        display_name=user_id,
    )


def links(root: str, *names: str) -> str:
    """Write a Link header; each link has exactly one parameter, or SDKs drop it."""
    return ", ".join(f"<{_place(root, name)}>; rel={name}" for name in names)


def _place(root: str, name: str) -> str:
    if name == "websocket":
        return re.sub("^http", "ws", root) + "/websocket"
    return f"{root}/{name}"
