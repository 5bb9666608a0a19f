"""The `heliograph` command."""

from __future__ import annotations

import sys

import typer

from heliograph.cli import admin, credentials
from heliograph.cli.demo import demo
from heliograph.cli.output import complain
from heliograph.cli.serve import serve
from heliograph.config import SettingsError
from heliograph.core.errors import Conflict, CoreError, InvalidRequest, NotFound, Unavailable
from heliograph.security.key_file import KeyFileError
from heliograph.storage.database import DatabaseInUse
from heliograph.wiring import RolesNeedPostgres

WRONG_USE = 2

app = typer.Typer(
    name="heliograph",
    help="A self-hosted push-notification server.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command()(demo)
app.command()(serve)
app.add_typer(admin.applications, name="applications")
app.add_typer(admin.clients, name="clients")
app.add_typer(admin.users, name="users")
app.add_typer(admin.sessions, name="sessions")
app.add_typer(credentials.app, name="credentials")


def run() -> None:
    """Run the command line; trouble is one sentence and exit status 2."""
    try:
        app()
    except (DatabaseInUse, RolesNeedPostgres, KeyFileError, SettingsError) as error:
        _end(str(error))
    except CoreError as error:
        _end(_sentence(error))
    except OSError as error:
        _end(f"{error.strerror or error}{f': {error.filename}' if error.filename else ''}")


def _end(sentence: str) -> None:
    complain(sentence)
    sys.exit(WRONG_USE)


def _sentence(error: CoreError) -> str:
    match error:
        case InvalidRequest(problems=problems):
            return "; ".join(f"{p.field or 'input'} must be {p.expected}" for p in problems)
        case NotFound(kind=kind, id=identifier):
            return f"there is no {kind.replace('_', ' ')} {identifier}"
        case Conflict(kind=kind, id=identifier):
            return f"{kind.replace('_', ' ')} {identifier} exists already"
        case Unavailable(component=component):
            return f"the {component} does not answer; check that it runs and try again"
        case _:
            return type(error).__name__
