"""Bodies of what an application is set up with for each provider."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, Field

from heliograph.dialects.mobilefirst.schemas.wire import Flag, Wire
from heliograph.web.schemas import Items, Text

MAX_CHARS = 16_384
"""Of a secret: a service account's JSON text is the longest."""


def _as_text(value: object) -> object:
    return str(value) if type(value) is int else value


def _as_number(value: object) -> object:
    is_number = isinstance(value, str) and value.isascii() and value.isdecimal()
    return int(value) if is_number and isinstance(value, str) and len(value) <= 5 else value  # noqa: PLR2004 - digits of a port


Given = Annotated[Text, Field(min_length=1, max_length=MAX_CHARS)]


class ApnsForm(Wire):
    """The texts of the form of `PUT …/apnsConf`; the file `certificate` comes beside them."""

    password: Text
    is_sand_box: Flag


class ApnsUpload(ApnsForm):
    """The whole form, for the description: texts and the file."""

    certificate: Annotated[
        str,
        Field(json_schema_extra={"format": "binary", "contentMediaType": "application/x-pkcs12"}),
    ]


class ApnsConf(Wire):
    """What is known of the certificate; its password never is."""

    certificate: str
    is_sand_box: str
    valid_until: str


class GcmConf(Wire):
    """The body of `PUT …/gcmConf`, and what GET answers."""

    api_key: Given
    sender_id: Annotated[Given, BeforeValidator(_as_text)]


class GcmConfPublic(Wire):
    """What devices may know. A string: an SDK casts it."""

    sender_id: str


class WnsConf(Wire):
    """The body of `PUT …/wnsConf`, and what GET answers."""

    package_sid: Annotated[Given, Field(alias="packageSID")]
    client_secret: Given


class SmsParameter(Wire):
    """One pair of a gateway's query."""

    name: Given
    value: Text
    encode: Flag = True


class SmsConfBody(Wire):
    """The body of `PUT …/smsConf`."""

    host: Given
    name: Given
    port: Annotated[Annotated[int, Field(ge=1, le=65535)], BeforeValidator(_as_number)]
    program_name: Given
    parameters: Items[SmsParameter] = ()


class ShownSmsParameter(Wire):
    """A pair as it is shown."""

    name: str
    value: str
    encode: str


class SmsConf(Wire):
    """A gateway as it is shown; its port is a string."""

    host: str
    name: str
    port: str
    program_name: str
    parameters: tuple[ShownSmsParameter, ...]
