"""`heliograph credentials set-apns|set-apns-certificate|set-fcm`: what providers ask for."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from heliograph.cli.admin import with_core
from heliograph.cli.options import ApplicationId, ConfigFile, DatabaseUrl, DataDir
from heliograph.cli.output import AsJson, show_one
from heliograph.core.ids import spell
from heliograph.core.model.application import ApnsCredential
from heliograph.core.model.registration import Environment
from heliograph.providers.apns import certificates
from heliograph.providers.apns import settings as apns
from heliograph.providers.fcm import settings as fcm

if TYPE_CHECKING:
    from heliograph.core.core import Core
    from heliograph.core.model.application import Secret

app = typer.Typer(help="Provider credentials of applications.", no_args_is_help=True)

KeyFile = Annotated[
    Path, typer.Option("--key-file", exists=True, dir_okay=False, help="Apple's .p8 file.")
]
CertificateFile = Annotated[
    Path,
    typer.Option(
        "--certificate-file", exists=True, dir_okay=False, help="A .p12 file, or PEM with its key."
    ),
]
PasswordFile = Annotated[
    Path | None,
    typer.Option("--password-file", exists=True, dir_okay=False, help="Holds its password."),
]
AccountFile = Annotated[
    Path,
    typer.Option(
        "--service-account", exists=True, dir_okay=False, help="Google's service account JSON."
    ),
]


@app.command("set-apns")
def set_apns(
    application: ApplicationId,
    key_file: KeyFile,
    key_id: Annotated[str, typer.Option("--key-id", help="The key's 10 characters.")],
    team_id: Annotated[str, typer.Option("--team-id", help="Your team's 10 characters.")],
    environment: Annotated[
        Environment, typer.Option(help="Which of Apple's worlds the key is for.")
    ] = Environment.PRODUCTION,
    data: DataDir = None,
    database_url: DatabaseUrl = None,
    config_file: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Set an application's APNs signing key."""
    secret = ApnsCredential(key_id, team_id, key_file.read_text(errors="replace"))
    apns.check_credential(secret)
    row = store(config_file, data, database_url, application, environment, secret)
    show_one(row, as_json=as_json)


@app.command("set-apns-certificate")
def set_apns_certificate(
    application: ApplicationId,
    certificate_file: CertificateFile,
    password_file: PasswordFile = None,
    environment: Annotated[
        Environment, typer.Option(help="Which of Apple's worlds the certificate is for.")
    ] = Environment.PRODUCTION,
    data: DataDir = None,
    database_url: DatabaseUrl = None,
    config_file: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Set an application's APNs certificate, in place of a signing key."""
    password = password_file.read_text(errors="replace").strip() if password_file else None
    raw = certificate_file.read_bytes()
    if b"-----BEGIN" in raw:
        secret = certificates.certificate_from_pem(raw.decode(errors="replace"), password)
    else:
        secret = certificates.certificate_from_pkcs12(raw, password)
    row = store(config_file, data, database_url, application, environment, secret)
    show_one(row, as_json=as_json)


@app.command("set-fcm")
def set_fcm(
    application: ApplicationId,
    service_account: AccountFile,
    data: DataDir = None,
    database_url: DatabaseUrl = None,
    config_file: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Set an application's FCM service account."""
    secret = fcm.credential_from_service_account(service_account.read_text(errors="replace"))
    fcm.check_credential(secret)
    row = store(config_file, data, database_url, application, Environment.PRODUCTION, secret)
    show_one(row, as_json=as_json)


def store(
    config_file: Path | None,
    data: Path | None,
    database_url: str | None,
    application: str,
    environment: Environment,
    secret: Secret,
) -> dict[str, Any]:
    """Store a credential in place of the former one; answers what is shown of it."""

    async def work(core: Core) -> dict[str, Any]:
        place = await core.applications.by_spelling(application)
        made = await core.applications.set_credential(place, environment, secret)
        return {
            "id": spell("credential", made.id),
            "application": application,
            "provider": made.provider.value,
            "environment": made.environment.value,
        }

    return with_core(config_file, data, database_url, work)
