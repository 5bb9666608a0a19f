"""Applications, and what they send by.

Source: docs/dialects/native.md.
"""

from __future__ import annotations

import base64
import binascii
from datetime import datetime
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from heliograph.core.errors import ProblemKind
from heliograph.core.model.registration import Environment, ProviderName
from heliograph.web.schemas import Choice, Items, Label, Schema, Text, custom_error

MAX_FILE_CHARS = 256 * 1024


def _in_base64(text: str) -> str:
    try:
        base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise custom_error(ProblemKind.MALFORMED, "a file in base64") from None
    return text


File = Annotated[str, Field(min_length=1, max_length=MAX_FILE_CHARS), AfterValidator(_in_base64)]
"""A file's bytes in base64."""

Line = Annotated[Label, Field(max_length=255)]


class Defaults(Schema):
    """What registrations are taken for that don't say."""

    bundle_id: Label | None
    environment: Environment


class DefaultsChanges(Schema):
    """What of the defaults to change. What is absent stays as it is; bundle_id null for none."""

    bundle_id: Label | None = None
    environment: Choice[Environment] | None = None


class ApplicationChanges(Schema):
    """PATCH /v1/applications/{app}."""

    defaults: DefaultsChanges | None = None
    is_muted: bool | None = None


class Application(Schema):
    """An application. is_muted: nothing is sent to its registrations."""

    id: str
    name: str
    created: datetime
    defaults: Defaults
    is_muted: bool


class ApnsKey(Schema):
    """A signing key of Apple's. key: the text of its .p8 file."""

    key_id: Label
    team_id: Label
    key: Text


class ApnsCertificate(Schema):
    """A certificate of Apple's. file: the .p12 file in base64."""

    file: File
    password: Text | None = None


class WnsIdentity(Schema):
    """An app's identity at WNS: a package SID, or an id at Microsoft Entra with its tenant."""

    client_id: Line
    client_secret: Line
    tenant: Line | None = None


class GatewayParameter(Schema):
    """A pair of a gateway's query; `{to}`, `{text}` and `{from}` in its value are filled in."""

    name: Line
    value: Annotated[Text, Field(max_length=1024)] = ""
    encode: bool = True


class SmsGateway(Schema):
    """A gateway that takes one HTTP request for each text message."""

    host: Line
    port: Annotated[int, Field(ge=1, le=65535)]
    path: Line
    name: Annotated[Text, Field(max_length=255)] = ""
    parameters: Annotated[Items[GatewayParameter], Field(max_length=50)] = ()


class CredentialBody(Schema):
    """PUT …/credentials/{provider}: one of its forms, the one that the provider knows.

    service_account: Google's file as an object.
    """

    environment: Choice[Environment] = Environment.PRODUCTION
    key: ApnsKey | None = None
    certificate: ApnsCertificate | None = None
    service_account: dict[str, Any] | None = None
    identity: WnsIdentity | None = None
    gateway: SmsGateway | None = None


class Credential(Schema):
    """A credential, without its secret: nobody can read that. is_own: what is sent by."""

    id: str
    provider: ProviderName
    environment: Environment
    is_own: bool
    created: datetime
    updated: datetime


class CredentialList(Schema):
    """An application's credentials, the oldest first."""

    items: Items[Credential]


class CredentialQuery(Schema):
    """DELETE …/credentials/{provider}. environment: of one alone, without it of both."""

    environment: Choice[Environment] | None = None
