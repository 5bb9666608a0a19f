"""`heliograph applications|clients|users|sessions create|list`."""

from __future__ import annotations

import asyncio
import re
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from heliograph.cli.options import ApplicationId, ConfigFile, DatabaseUrl, DataDir, load
from heliograph.cli.output import AsJson, show, show_one
from heliograph.config import SettingsError
from heliograph.core.errors import Conflict, InvalidRequest, Problem, ProblemKind
from heliograph.core.identity.identity import MAX_TTL_S, MIN_TTL_S
from heliograph.core.ids import spell
from heliograph.core.model.application import Defaults
from heliograph.core.model.identity import ALL_SCOPES, Scope, SessionForm
from heliograph.core.model.registration import Environment
from heliograph.dialects.mobilefirst.auth.callers import APPLICATION_ALIAS as MOBILEFIRST_ALIAS
from heliograph.dialects.twilio.mapping.ids import APP_ALIAS as TWILIO_ALIAS
from heliograph.dialects.twilio.mapping.ids import account_sid
from heliograph.storage.database.sqlite import FILE_NAME
from heliograph.wiring import Stack

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path
    from typing import Any

    from heliograph.config import Config
    from heliograph.core.core import Core
    from heliograph.core.ids import Id

T = TypeVar("T")

applications = typer.Typer(help="Customer apps.", no_args_is_help=True)
clients = typer.Typer(help="Server-side credentials.", no_args_is_help=True)
users = typer.Typer(help="Recipients.", no_args_is_help=True)
sessions = typer.Typer(help="User-side credentials.", no_args_is_help=True)

TwilioApp = Annotated[str | None, typer.Option(help="Its App name for Twilio Comms clients.")]
MobileFirstId = Annotated[
    str | None, typer.Option(help="Its applicationId for MobileFirst clients.")
]
Name = Annotated[str, typer.Argument(help="A name for people to read.")]


def _dialect_names(twilio_app: str | None, mobilefirst_id: str | None) -> dict[str, str]:
    """Check the names that were given; raises InvalidRequest naming each that can't be."""
    problems = []
    if twilio_app is not None and not re.fullmatch("[a-z0-9_]{1,64}", twilio_app):
        expected = "1 to 64 lower-case letters, digits and underscores"
        problems.append(Problem(("--twilio-app",), ProblemKind.MALFORMED, expected))
    if mobilefirst_id is not None and not re.fullmatch(r"[^\x00-\x20/]{1,255}", mobilefirst_id):
        expected = "1 to 255 characters without blanks and slashes"
        problems.append(Problem(("--mobilefirst-id",), ProblemKind.MALFORMED, expected))
    if problems:
        raise InvalidRequest(problems)
    given = {TWILIO_ALIAS: twilio_app, MOBILEFIRST_ALIAS: mobilefirst_id}
    return {kind: value for kind, value in given.items() if value is not None}


async def _require_free(
    core: Core, account_id: Id, names: dict[str, str], owner: Id | None = None
) -> None:
    """Refuse a name that another application than `owner` has, before anything is written."""
    for kind, value in names.items():
        if await core.aliases.find(kind, account_id, value) not in (None, owner):
            raise Conflict("name", value)


def with_core(
    config_file: Path | None,
    data: Path | None,
    database_url: str | None,
    work: Callable[[Core], Awaitable[T]],
    *,
    sets_up: bool = False,
) -> T:
    """Run a use case on the server's database, whether or not the server runs.

    sets_up: it may be the first thing that ever happens there. Otherwise
    raises SettingsError where no server has left its database.
    """
    config = load(config_file, data, database_url)
    if not sets_up:
        _require_database(config)

    async def run() -> T:
        stack = await Stack.open(config, exclusive=False)
        try:
            return await work(stack.core)
        finally:
            await stack.stop()

    return asyncio.run(run())


def _require_database(config: Config) -> None:
    """Refuse a directory that was misspelled: an empty database would be made in it."""
    if config.storage.database_url is None and not (config.data / FILE_NAME).is_file():
        raise SettingsError(
            f"there is no database in {config.data}: name the server's directory with --data, "
            "or make a new one with `heliograph serve` or `heliograph applications create`"
        )


@applications.command("create")
def create_application(
    name: Name,
    bundle_id: Annotated[
        str | None, typer.Option(help="Bundle id for registrations that name none.")
    ] = None,
    environment: Annotated[
        Environment, typer.Option(help="APNs environment for registrations that name none.")
    ] = Environment.PRODUCTION,
    twilio_app: TwilioApp = None,
    mobilefirst_id: MobileFirstId = None,
    data: DataDir = None,
    database_url: DatabaseUrl = None,
    config_file: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Make an application."""

    async def work(core: Core) -> dict[str, Any]:
        account = await core.applications.account()
        names = _dialect_names(twilio_app, mobilefirst_id)
        await _require_free(core, account.id, names)
        made = await core.applications.create(account.id, name, Defaults(bundle_id, environment))
        for kind, value in names.items():
            await core.aliases.set(kind, account.id, made.id, value)
        return {"id": spell("application", made.id), "name": made.name}

    row = with_core(config_file, data, database_url, work, sets_up=True)
    step = f'Next: heliograph clients create "back end" --application {row["id"]}'
    show_one(row, as_json=as_json, next_step=step)


@applications.command("name")
def name_application(
    application: ApplicationId,
    twilio_app: TwilioApp = None,
    mobilefirst_id: MobileFirstId = None,
    data: DataDir = None,
    database_url: DatabaseUrl = None,
    config_file: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Let a dialect's clients find an application by the name they know, no other any more."""

    async def work(core: Core) -> dict[str, Any]:
        place = await core.applications.by_spelling(application)
        names = _dialect_names(twilio_app, mobilefirst_id)
        await _require_free(core, place.account_id, names, place.id)
        for kind, value in names.items():
            await core.aliases.rename(kind, place.account_id, place.id, value)
        return {
            "id": application,
            "twilio_app": await core.aliases.of(TWILIO_ALIAS, place.account_id, place.id),
            "mobilefirst_id": await core.aliases.of(MOBILEFIRST_ALIAS, place.account_id, place.id),
        }

    show_one(with_core(config_file, data, database_url, work), as_json=as_json)


@applications.command("list")
def list_applications(
    data: DataDir = None,
    database_url: DatabaseUrl = None,
    config_file: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """List applications by age."""

    async def work(core: Core) -> list[dict[str, Any]]:
        return [
            {
                "id": spell("application", row.id),
                "name": row.name,
                "bundle_id": row.defaults.bundle_id,
                "environment": row.defaults.environment.value,
                "created": row.created.isoformat(),
            }
            for row in await core.applications.all_of()
        ]

    rows = with_core(config_file, data, database_url, work)
    show(rows, as_json=as_json, empty="No applications yet: heliograph applications create NAME")


@clients.command("create")
def create_client(
    name: Name,
    application: Annotated[
        str | None, typer.Option(help="Only for this application; else for all.")
    ] = None,
    scope: Annotated[
        list[Scope] | None, typer.Option(help="A right to grant, repeatable; else all of them.")
    ] = None,
    data: DataDir = None,
    database_url: DatabaseUrl = None,
    config_file: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Make an API client. Its key is shown once, now."""

    async def work(core: Core) -> dict[str, Any]:
        account = await core.applications.account()
        # Empty is no "for all": it is more likely a variable that was not set.
        bound = None if application is None else await core.applications.by_spelling(application)
        scopes = frozenset(scope) if scope else ALL_SCOPES
        client, key = await core.applications.create_client(
            account.id, name, application_id=bound.id if bound else None, scopes=scopes
        )
        return {
            "id": spell("api_client", client.id),
            "name": client.name,
            "api_key": key,
            "twilio_account_id": account_sid(account.id),
        }

    # The key of a whole account needs no application, and may be made first.
    row = with_core(config_file, data, database_url, work, sets_up=application is None)
    show_one(row, as_json=as_json, next_step="Keep the key: it is stored as a hash only.")


@clients.command("list")
def list_clients(
    data: DataDir = None,
    database_url: DatabaseUrl = None,
    config_file: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """List API clients by age."""

    async def work(core: Core) -> list[dict[str, Any]]:
        return [
            {
                "id": spell("api_client", row.id),
                "name": row.name,
                "application": row.application_id and spell("application", row.application_id),
                "scopes": " ".join(sorted(row.scopes)),
                "created": row.created.isoformat(),
            }
            for row in await core.applications.clients_of()
        ]

    rows = with_core(config_file, data, database_url, work)
    show(rows, as_json=as_json, empty="No API clients yet: heliograph clients create NAME")


@users.command("create")
def create_user(
    application: ApplicationId,
    user_id: Annotated[
        str | None, typer.Option("--user-id", help="Your own id of the user, if you have one.")
    ] = None,
    data: DataDir = None,
    database_url: DatabaseUrl = None,
    config_file: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Make a user known to an application."""

    async def work(core: Core) -> dict[str, Any]:
        place = await core.applications.by_spelling(application)
        user = await core.identity.create_user(place, user_id)
        return {"id": spell("user", user.id), "user_id": user.external_id}

    show_one(with_core(config_file, data, database_url, work), as_json=as_json)


@users.command("list")
def list_users(
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="At most so many.")] = 1000,
    data: DataDir = None,
    database_url: DatabaseUrl = None,
    config_file: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """List users by age."""

    async def work(core: Core) -> list[dict[str, Any]]:
        return [
            {
                "id": spell("user", row.id),
                "user_id": row.external_id,
                "created": row.created.isoformat(),
            }
            for row in await core.identity.users_of(None, limit=limit)
        ]

    rows = with_core(config_file, data, database_url, work)
    show(rows, as_json=as_json, empty="No users yet: they appear with their first registration.")


@sessions.command("create")
def create_session(
    application: ApplicationId,
    user_id: Annotated[str, typer.Option("--user-id", help="Your own id of the user.")],
    form: Annotated[SessionForm, typer.Option(help="Which clients the token is for.")] = (
        SessionForm.NATIVE
    ),
    ttl_s: Annotated[
        int | None, typer.Option(min=MIN_TTL_S, max=MAX_TTL_S, help="Life in seconds.")
    ] = None,
    data: DataDir = None,
    database_url: DatabaseUrl = None,
    config_file: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Sign a user in. The token is shown once, now."""

    async def work(core: Core) -> dict[str, Any]:
        place = await core.applications.by_spelling(application)
        life = timedelta(seconds=ttl_s) if ttl_s else None
        session, token = await core.identity.create_session(place, user_id, form, life)
        return {
            "id": spell("session", session.id),
            "token": token,
            "expires_at": session.expires_at.isoformat(),
        }

    row = with_core(config_file, data, database_url, work)
    show_one(row, as_json=as_json, next_step="Keep the token: it is stored as a hash only.")


@sessions.command("list")
def list_sessions(
    application: ApplicationId,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="At most so many.")] = 1000,
    data: DataDir = None,
    database_url: DatabaseUrl = None,
    config_file: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """List an application's sessions by age."""

    async def work(core: Core) -> list[dict[str, Any]]:
        place = await core.applications.by_spelling(application)
        return [
            {
                "id": spell("session", row.id),
                "user_id": row.external_user_id or spell("user", row.user_id),
                "form": row.form.value,
                "expires_at": row.expires_at.isoformat(),
            }
            for row in await core.identity.sessions_of(place.id, limit=limit)
        ]

    rows = with_core(config_file, data, database_url, work)
    show(rows, as_json=as_json, empty="No sessions: heliograph sessions create")
