"""Apps on the wire."""

from __future__ import annotations

from heliograph.dialects.twilio.schemas.credentials import Switch
from heliograph.dialects.twilio.schemas.wire import (
    Answer,
    CredentialType,
    DatedQuery,
    Pagination,
)
from heliograph.web.schemas import Items


class AppQuery(DatedQuery):
    """The query of `GET …/Apps`."""

    is_default: Switch | None = None


class DefaultCredential(Answer):
    """What an App sends by, of one type."""

    id: str
    credential_type: CredentialType
    created_at: str
    updated_at: str


class App(Answer):
    """An App."""

    name: str
    is_default: bool
    default_credentials: Items[DefaultCredential]
    created_at: str
    updated_at: str


class Apps(Answer):
    """A page of Apps."""

    apps: Items[App]
    pagination: Pagination
