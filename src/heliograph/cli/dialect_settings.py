"""`heliograph settings discord|mobilefirst|navixy`: what dialects keep with an application."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from heliograph.cli.operator import as_operator
from heliograph.cli.options import ApplicationId, ConfigFile, DatabaseUrl, DataDir
from heliograph.cli.output import AsJson, show_one
from heliograph.core.errors import InvalidRequest, Problem, ProblemKind
from heliograph.core.model.identity import ClientPrincipal
from heliograph.dialects.discord import mapping as discord
from heliograph.dialects.mobilefirst.auth import callers as mobilefirst
from heliograph.dialects.navixy import mapping as navixy

if TYPE_CHECKING:
    from pathlib import Path

    from heliograph.core.core import Core
    from heliograph.core.model.application import Application

app = typer.Typer(help="What dialects keep with an application.", no_args_is_help=True)

_PARTNER = re.compile(
    r"(?P<word>[\w.-]{1,64})=(?P<provider>\w+)(:(?P<bundle_id>[\w.-]{1,255}))?", re.ASCII
)


class SyncMode(StrEnum):
    """What synchronizing does to users who are not listed."""

    EXACT = "exact"
    ADD = discord.SYNC_ADDS


@app.command("discord")
def set_discord(
    application: ApplicationId,
    sync: Annotated[
        SyncMode, typer.Option(help="exact: who is not listed loses the token; add: nobody does.")
    ] = SyncMode.EXACT,
    data: DataDir = None,
    database_url: DatabaseUrl = None,
    config_file: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Say what synchronizing a device does."""
    values = {discord.SYNC: sync.value}
    _store(config_file, data, database_url, application, discord.SECTION, values)
    show_one(values, as_json=as_json)


@app.command("mobilefirst")
def set_mobilefirst(
    application: ApplicationId,
    takes_secrets: Annotated[
        bool,
        typer.Option(
            "--takes-secrets/--no-secrets",
            help="Let API keys sign in as appSecret and clientSecret, as in the Cloud edition.",
        ),
    ] = False,
    data: DataDir = None,
    database_url: DatabaseUrl = None,
    config_file: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Say how callers may sign in beside access tokens."""
    values = {mobilefirst.TAKES_SECRETS: takes_secrets}
    _store(config_file, data, database_url, application, mobilefirst.SECTION, values)
    show_one(values, as_json=as_json)


@app.command("navixy")
def set_navixy(
    application: ApplicationId,
    partner: Annotated[
        list[str] | None,
        typer.Option(help="An app of your own, ID=PROVIDER or ID=PROVIDER:BUNDLE_ID; repeatable."),
    ] = None,
    data: DataDir = None,
    database_url: DatabaseUrl = None,
    config_file: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Say which ids apps of your own go by; those that are not named any more are forgotten."""
    values = {navixy.APPLICATIONS: dict(map(_partner_of, partner or []))}
    _store(config_file, data, database_url, application, navixy.SECTION, values)
    show_one(values, as_json=as_json)


def _partner_of(text: str) -> tuple[str, dict[str, str]]:
    """Read one id; raises InvalidRequest."""
    providers = sorted(provider.value for provider in navixy.PROVIDERS.values())
    found = _PARTNER.fullmatch(text)
    if found is None or found["provider"] not in providers:
        expected = f"ID=PROVIDER[:BUNDLE_ID] with a provider of {', '.join(providers)}"
        raise InvalidRequest([Problem(("--partner",), ProblemKind.MALFORMED, expected)])
    meant = {"provider": found["provider"], "bundle_id": found["bundle_id"]}
    return found["word"], {name: value for name, value in meant.items() if value is not None}


def _store(
    config_file: Path | None,
    data: Path | None,
    database_url: str | None,
    application: str,
    section: str,
    values: dict[str, Any],
) -> None:
    async def work(core: Core, place: Application, operator: ClientPrincipal) -> None:
        await core.applications.change_settings(operator, place, section, values)

    as_operator(config_file, data, database_url, application, work)
