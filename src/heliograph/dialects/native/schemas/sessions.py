"""Sessions.

Source: docs/dialects/native.md.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import Field

from heliograph.core.identity.identity import MAX_TTL_S as MAX_SESSION_S
from heliograph.core.identity.identity import MIN_TTL_S as MIN_SESSION_S
from heliograph.core.model.identity import SessionForm
from heliograph.web.schemas import Choice, Label, Schema


class SessionBody(Schema):
    """POST …/sessions. ttl_s: seconds; without it 30 days."""

    user_id: Label
    form: Choice[SessionForm] = SessionForm.NATIVE
    ttl_s: Annotated[int, Field(ge=MIN_SESSION_S, le=MAX_SESSION_S)] | None = None


class MintedSession(Schema):
    """A session's token, shown only now."""

    token: str
    expires_at: datetime
