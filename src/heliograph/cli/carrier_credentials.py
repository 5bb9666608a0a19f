"""`heliograph credentials set-wns|set-sms-gateway|set-smpp`: Windows and text messages."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from heliograph.cli.credentials import store
from heliograph.cli.options import ApplicationId, ConfigFile, DatabaseUrl, DataDir
from heliograph.cli.output import AsJson, show_one
from heliograph.core.errors import InvalidRequest, Problem, ProblemKind
from heliograph.core.model.application import (
    GatewayParameter,
    SmppAccount,
    SmsGateway,
    WnsCredential,
)
from heliograph.core.model.registration import Environment

SecretFile = Annotated[
    Path, typer.Option("--secret-file", exists=True, dir_okay=False, help="Holds the secret.")
]
GatewayFile = Annotated[
    Path,
    typer.Option(
        "--gateway-file",
        exists=True,
        dir_okay=False,
        help="JSON: host, port, programName, name and parameters, as docs/providers/sms.md says.",
    ),
]
PasswordFile = Annotated[
    Path, typer.Option("--password-file", exists=True, dir_okay=False, help="Holds the password.")
]


def set_wns(
    application: ApplicationId,
    client_id: Annotated[
        str, typer.Option("--client-id", help="Package SID, or with --tenant the app's id.")
    ],
    secret_file: SecretFile,
    tenant: Annotated[
        str | None, typer.Option(help="Of Microsoft Entra; none for an app of the Store.")
    ] = None,
    data: DataDir = None,
    database_url: DatabaseUrl = None,
    config_file: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Set an application's identity at WNS."""
    secret = WnsCredential(client_id, _line_of(secret_file), tenant)
    row = store(config_file, data, database_url, application, Environment.PRODUCTION, secret)
    show_one(row, as_json=as_json)


def set_sms_gateway(
    application: ApplicationId,
    gateway_file: GatewayFile,
    data: DataDir = None,
    database_url: DatabaseUrl = None,
    config_file: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Set the HTTP gateway that an application's text messages go to."""
    secret = read_gateway(gateway_file.read_text(errors="replace"))
    row = store(config_file, data, database_url, application, Environment.PRODUCTION, secret)
    show_one(row, as_json=as_json)


def set_smpp(
    application: ApplicationId,
    host: Annotated[str, typer.Option(help="The SMS centre's.")],
    system_id: Annotated[str, typer.Option("--system-id", help="The account's name.")],
    password_file: PasswordFile,
    port: Annotated[int, typer.Option(help="2775 by custom, 3550 with TLS.")] = 2775,
    system_type: Annotated[str, typer.Option("--system-type")] = "",
    sender: Annotated[str, typer.Option(help="A number, or up to 11 letters.")] = "",
    has_tls: Annotated[bool, typer.Option("--tls", help="Speak TLS.")] = False,
    window: Annotated[int, typer.Option(help="Messages under way at once.")] = 10,
    data: DataDir = None,
    database_url: DatabaseUrl = None,
    config_file: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Set the SMPP account that an application's text messages go by."""
    secret = SmppAccount(
        host,
        port,
        system_id,
        _line_of(password_file),
        system_type=system_type,
        sender=sender,
        has_tls=has_tls,
        window=window,
    )
    row = store(config_file, data, database_url, application, Environment.PRODUCTION, secret)
    show_one(row, as_json=as_json)


def read_gateway(text: str) -> SmsGateway:
    """Read a gateway in MobileFirst's words; raises InvalidRequest naming every problem."""
    try:
        said = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidRequest([Problem((), ProblemKind.NOT_JSON, "a gateway")]) from error
    if not isinstance(said, dict):
        raise InvalidRequest([Problem((), ProblemKind.WRONG_TYPE, "an object")])
    problems = [
        Problem((name,), ProblemKind.MISSING, "a string")
        for name in ("host", "port", "programName")
        if name not in said
    ]
    texts = {name: str(said.get(name, "")) for name in ("host", "port", "programName", "name")}
    if "port" in said and not (texts["port"].isascii() and texts["port"].isdecimal()):
        problems.append(Problem(("port",), ProblemKind.WRONG_TYPE, "a number"))
    parameters = said.get("parameters", [])
    if not isinstance(parameters, list) or not all(map(_is_parameter, parameters)):
        expected = "an array of objects with name, value and perhaps encode"
        problems.append(Problem(("parameters",), ProblemKind.WRONG_TYPE, expected))
    if problems:
        raise InvalidRequest(problems)
    return SmsGateway(
        texts["host"],
        int(texts["port"]),
        texts["programName"],
        texts["name"],
        tuple(
            GatewayParameter(
                str(each["name"]),
                str(each["value"]),
                str(each.get("encode", "true")).lower() == "true",
            )
            for each in parameters
        ),
    )


def _is_parameter(each: Any) -> bool:
    return isinstance(each, dict) and "name" in each and "value" in each


def _line_of(file: Path) -> str:
    return file.read_text(errors="replace").strip()
