"""Credentials on the wire. Secrets come in and never go out."""

from __future__ import annotations

import base64
import binascii
from typing import Annotated, Any

from pydantic import AfterValidator, ConfigDict, Field
from pydantic.alias_generators import to_camel

from heliograph.core.errors import ProblemKind
from heliograph.dialects.twilio.schemas.wire import (
    Answer,
    AppName,
    CredentialType,
    DatedQuery,
    Pagination,
    Question,
)
from heliograph.web.schemas import Items, custom_error

Switch = Annotated[bool, Field(strict=False)]


def _decoded(text: str) -> str:
    try:
        return base64.b64decode("".join(text.split()), validate=True).decode()
    except (binascii.Error, ValueError):
        raise custom_error(ProblemKind.MALFORMED, "text in base64") from None


Encoded = Annotated[str, Field(min_length=1), AfterValidator(_decoded)]
"""Text that travels in base64."""


class CreateCredential(Question):
    """The body of `POST …/Credentials`. Its content depends on its type."""

    credential_type: CredentialType
    content: dict[str, Any]
    app_name: AppName | None = None
    is_default: bool = False


class CertificateContent(Question):
    """A certificate and its key, each in PEM."""

    certificate: Encoded
    private_key: Encoded


class ServiceAccountContent(Question):
    """A Google service account's key file."""

    model_config = ConfigDict(extra="forbid", alias_generator=to_camel, populate_by_name=False)

    private_key: Encoded


class ChangeDefault(Question):
    """The body of `PATCH …/Credentials/{id}` and of `PATCH …/Apps/{name}`."""

    is_default: bool


class CredentialQuery(DatedQuery):
    """The query of `GET …/Credentials`."""

    app_name: AppName | None = None
    credential_type: CredentialType | None = None
    is_default: Switch | None = None


class Credential(Answer):
    """A credential, without its secret."""

    id: str
    credential_type: CredentialType
    is_default: bool
    app_name: str
    created_at: str
    updated_at: str


class Credentials(Answer):
    """A page of credentials."""

    credentials: Items[Credential]
    pagination: Pagination
