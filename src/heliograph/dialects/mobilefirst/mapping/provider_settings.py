"""What an application is set up with for each provider."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

from heliograph.core.errors import InvalidRequest, Problem, ProblemKind
from heliograph.core.model.application import GatewayParameter, SmsGateway, WnsCredential
from heliograph.core.model.registration import Environment
from heliograph.dialects.mobilefirst.schemas import provider_settings as schemas
from heliograph.dialects.mobilefirst.schemas.wire import quoted
from heliograph.web.schemas import check

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from heliograph.web.multipart import MultipartForm, Upload

DEFAULT_FILE_NAME = "certificate.p12"

_NAMES: Mapping[str, str] = {
    "environment": "isSandBox",
    "client_id": "packageSID",
    "client_secret": "clientSecret",
    "program_name": "programName",
}
"""What the core calls the vendor's fields."""


def renamed(error: InvalidRequest) -> InvalidRequest:
    """Name fields as the caller knows them."""
    return InvalidRequest(
        [
            Problem(
                (_NAMES.get(str(each.path[0]), each.path[0]), *each.path[1:]) if each.path else (),
                each.kind,
                each.expected,
            )
            for each in error.problems
        ]
    )


def to_apns_form(form: MultipartForm) -> tuple[schemas.ApnsForm, Upload]:
    """Read a certificate's form; raises InvalidRequest naming every problem."""
    problems = []
    upload = form.files.get("certificate")
    if upload is None:
        kind = ProblemKind.WRONG_TYPE if "certificate" in form.texts else ProblemKind.MISSING
        problems.append(Problem(("certificate",), kind, "a file"))
    try:
        texts = check(form.texts, schemas.ApnsForm)
    except InvalidRequest as error:
        raise InvalidRequest([*problems, *error.problems]) from error
    if upload is None:
        raise InvalidRequest(problems)
    return texts, upload


def environment_of(texts: schemas.ApnsForm) -> Environment:
    """Say which of Apple's worlds a certificate is for."""
    return Environment.SANDBOX if texts.is_sand_box else Environment.PRODUCTION


def to_kept_apns(texts: schemas.ApnsForm, upload: Upload, valid_until: datetime) -> dict[str, Any]:
    """Say what is kept of a certificate. Its password is not."""
    return {
        "certificate": upload.name or DEFAULT_FILE_NAME,
        "isSandBox": quoted(texts.is_sand_box),
        "validUntil": valid_until.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
        "file": base64.b64encode(upload.content).decode("ascii"),
    }


def from_kept_apns(kept: Mapping[str, Any]) -> schemas.ApnsConf:
    """Show a certificate."""
    return schemas.ApnsConf(
        certificate=kept["certificate"],
        isSandBox=kept["isSandBox"],
        validUntil=kept["validUntil"],
    )


def file_of(kept: Mapping[str, Any]) -> tuple[str, bytes]:
    """Answer the file that was uploaded, and its name."""
    return kept["certificate"], base64.b64decode(kept["file"])


def is_service_account(api_key: str) -> bool:
    """Say whether a key is one that Google still takes: a service account's JSON text."""
    try:
        return isinstance(json.loads(api_key), dict)
    except (ValueError, RecursionError):
        return False


def from_kept_gcm(kept: Mapping[str, Any]) -> schemas.GcmConf:
    """Show Google's settings."""
    return schemas.GcmConf(apiKey=kept["apiKey"], senderId=kept["senderId"])


def to_wns(body: schemas.WnsConf) -> WnsCredential:
    """Translate Microsoft's settings."""
    return WnsCredential(body.package_sid, body.client_secret)


def from_wns(secret: WnsCredential) -> schemas.WnsConf:
    """Show Microsoft's settings."""
    return schemas.WnsConf(packageSID=secret.client_id, clientSecret=secret.client_secret)


def to_gateway(body: schemas.SmsConfBody) -> SmsGateway:
    """Translate a gateway."""
    parameters = (GatewayParameter(each.name, each.value, each.encode) for each in body.parameters)
    return SmsGateway(body.host, body.port, body.program_name, body.name, tuple(parameters))


def from_gateway(secret: SmsGateway) -> schemas.SmsConf:
    """Show a gateway."""
    parameters = (
        schemas.ShownSmsParameter(name=each.name, value=each.value, encode=quoted(each.encode))
        for each in secret.parameters
    )
    return schemas.SmsConf(
        host=secret.host,
        name=secret.name,
        port=str(secret.port),
        programName=secret.program_name,
        parameters=tuple(parameters),
    )
