"""`heliograph logins create|list|change|delete`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from heliograph.cli.operator import as_operator
from heliograph.cli.options import ApplicationId, ConfigFile, DatabaseUrl, DataDir
from heliograph.cli.output import AsJson, show, show_one
from heliograph.core.ids import parse, spell
from heliograph.core.model.identity import ClientPrincipal, Login, SessionForm

if TYPE_CHECKING:
    from heliograph.core.core import Core
    from heliograph.core.model.application import Application

app = typer.Typer(help="Names and passwords of users.", no_args_is_help=True)

LoginId = Annotated[str, typer.Argument(metavar="LOGIN", help="The login's id, lgn_….")]
PasswordFile = Annotated[
    Path | None,
    typer.Option("--password-file", help="File that holds the password; - for standard input."),
]
_STANDARD_INPUT = Path("-")


@app.command("create")
def create_login(
    application: ApplicationId,
    user: Annotated[str, typer.Option("--user", help="Your id of the user.")],
    form: Annotated[SessionForm, typer.Option(help="Whose clients sign in: discord or navixy.")],
    login: Annotated[str, typer.Argument(help="What the user types: an address, a number.")],
    password_file: PasswordFile = None,
    data: DataDir = None,
    database_url: DatabaseUrl = None,
    config_file: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Give a user a login; asks for the password unless a file holds it."""
    password = _password_of(password_file)

    async def work(core: Core, place: Application, operator: ClientPrincipal) -> Any:
        return _row_of(await core.logins.create(operator, place, form, login, password, user))

    show_one(as_operator(config_file, data, database_url, application, work), as_json=as_json)


@app.command("list")
def list_logins(
    application: ApplicationId,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="At most so many.")] = 1000,
    data: DataDir = None,
    database_url: DatabaseUrl = None,
    config_file: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """List an application's logins by age."""

    async def work(core: Core, place: Application, operator: ClientPrincipal) -> Any:
        found = await core.logins.find(operator, place, after=None, limit=limit)
        return [_row_of(login) for login in found]

    rows = as_operator(config_file, data, database_url, application, work)
    show(rows, as_json=as_json, empty="No logins: heliograph logins create")


@app.command("change")
def change_login(
    application: ApplicationId,
    login_id: LoginId,
    login: Annotated[str | None, typer.Option(help="What the user types from now on.")] = None,
    password: Annotated[bool, typer.Option("--password", help="Ask for a new password.")] = False,
    password_file: PasswordFile = None,
    data: DataDir = None,
    database_url: DatabaseUrl = None,
    config_file: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Change a login; a new password ends the user's sessions."""
    is_wanted = password or password_file is not None
    new_password = _password_of(password_file) if is_wanted else None

    async def work(core: Core, place: Application, operator: ClientPrincipal) -> Any:
        named = parse("login", login_id)
        changed = await core.logins.change(
            operator, place, named, name=login, password=new_password
        )
        return _row_of(changed)

    show_one(as_operator(config_file, data, database_url, application, work), as_json=as_json)


@app.command("delete")
def delete_login(
    application: ApplicationId,
    login_id: LoginId,
    data: DataDir = None,
    database_url: DatabaseUrl = None,
    config_file: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Forget a login, and end its user's sessions."""

    async def work(core: Core, place: Application, operator: ClientPrincipal) -> Any:
        await core.logins.delete(operator, place, parse("login", login_id))
        return {"deleted": login_id}

    show_one(as_operator(config_file, data, database_url, application, work), as_json=as_json)


def _password_of(file: Path | None) -> str:
    """Read a password: never from the command line, which other users of the machine see."""
    if file is None:
        asked: str = typer.prompt("Password", hide_input=True, confirmation_prompt=True)
        return asked
    text = sys.stdin.read() if file == _STANDARD_INPUT else file.read_text(errors="replace")
    return text.rstrip("\r\n")


def _row_of(login: Login) -> dict[str, Any]:
    return {
        "id": spell("login", login.id),
        "form": login.form.value,
        "login": login.name,
        "user_id": login.external_user_id or spell("user", login.user_id),
        "updated": login.updated.isoformat(),
    }
