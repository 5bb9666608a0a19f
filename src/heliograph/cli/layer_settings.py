"""`heliograph settings layer`, `applications suspend|resume`: who may sign in, how long."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from heliograph.cli.operator import as_operator
from heliograph.cli.options import ApplicationId, ConfigFile, DatabaseUrl, DataDir
from heliograph.cli.output import AsJson, show_one
from heliograph.core.errors import Conflict, InvalidRequest, Problem, ProblemKind
from heliograph.dialects.layer.auth.applications import APPLICATION_ALIAS
from heliograph.dialects.layer.mapping.patches import MAX_TTL_S, MIN_TTL_S, SESSION_TTL
from heliograph.dialects.layer.mapping.sessions import SETTINGS, to_uuid

if TYPE_CHECKING:
    from heliograph.core.core import Core
    from heliograph.core.model.application import Application
    from heliograph.core.model.identity import ClientPrincipal


def set_layer(
    application: ApplicationId,
    app_id: Annotated[
        str | None, typer.Option(help="The id that the application had at Layer.")
    ] = None,
    session_ttl_s: Annotated[
        int | None,
        typer.Option(help="How long sessions last.", min=MIN_TTL_S, max=MAX_TTL_S),
    ] = None,
    data: DataDir = None,
    database_url: DatabaseUrl = None,
    config_file: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Say what an application was called at Layer, and how long its sessions last."""
    own_id = None if app_id is None else to_uuid(app_id)
    if app_id is not None and own_id is None:
        expected = "layer:///apps/production/<uuid>, layer:///apps/staging/<uuid> or a UUID"
        raise InvalidRequest([Problem(("--app-id",), ProblemKind.MALFORMED, expected)])

    async def work(core: Core, place: Application, operator: ClientPrincipal) -> Any:
        former = await core.aliases.of(APPLICATION_ALIAS, place.account_id, place.id)
        wanted = former if own_id is None else str(own_id)
        if wanted is not None and wanted != former:
            if former is not None:
                raise Conflict("application id at Layer", former)
            await core.aliases.set(APPLICATION_ALIAS, place.account_id, place.id, wanted)
        if session_ttl_s is not None:
            values = {SESSION_TTL: session_ttl_s}
            await core.applications.change_settings(operator, place, SETTINGS, values)
        return {"application": application, "app_id": wanted, "session_ttl_s": session_ttl_s}

    show_one(as_operator(config_file, data, database_url, application, work), as_json=as_json)


def suspend(
    application: ApplicationId,
    data: DataDir = None,
    database_url: DatabaseUrl = None,
    config_file: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Let nobody sign in to an application; who has signed in stays."""
    row = _suspend(config_file, data, database_url, application, is_suspended=True)
    show_one(row, as_json=as_json)


def resume(
    application: ApplicationId,
    data: DataDir = None,
    database_url: DatabaseUrl = None,
    config_file: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Let users sign in to a suspended application again."""
    row = _suspend(config_file, data, database_url, application, is_suspended=False)
    show_one(row, as_json=as_json)


def _suspend(
    config_file: Any, data: Any, database_url: str | None, application: str, *, is_suspended: bool
) -> dict[str, Any]:
    async def work(core: Core, place: Application, operator: ClientPrincipal) -> Any:
        await core.applications.suspend(operator, place, is_suspended=is_suspended)
        return {"id": application, "suspended": is_suspended}

    row: dict[str, Any] = as_operator(config_file, data, database_url, application, work)
    return row
