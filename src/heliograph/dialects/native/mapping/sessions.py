"""Sessions <-> the core's."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from heliograph.dialects.native.schemas import sessions as schemas

if TYPE_CHECKING:
    from heliograph.core.model.identity import Session


def to_ttl(body: schemas.SessionBody) -> timedelta | None:
    """Translate a session's life."""
    return None if body.ttl_s is None else timedelta(seconds=body.ttl_s)


def from_session(session: Session, token: str) -> schemas.MintedSession:
    """Show a new session."""
    return schemas.MintedSession(token=token, expires_at=session.expires_at)
