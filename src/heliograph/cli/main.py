"""The `heliograph` command."""

from __future__ import annotations

import sys
from functools import cache
from typing import TYPE_CHECKING

import typer
from typer.main import get_command

from heliograph.cli import admin, carrier_credentials, credentials, notifications, webpush_keys
from heliograph.cli.demo import demo
from heliograph.cli.dialect_settings import app as dialect_settings
from heliograph.cli.issuers import app as issuers
from heliograph.cli.layer_settings import resume, set_layer, suspend
from heliograph.cli.logins import app as logins
from heliograph.cli.output import complain
from heliograph.cli.serve import serve
from heliograph.cli.simulators import simulators
from heliograph.cli.webhooks import app as webhooks
from heliograph.config import SettingsError
from heliograph.core.errors import (
    Conflict,
    CoreError,
    InvalidRequest,
    KeyReused,
    NotFound,
    Unavailable,
    WrongState,
)
from heliograph.security.key_file import KeyFileError
from heliograph.storage.database.database import DatabaseInUse, DatabaseTooNew
from heliograph.wiring import RolesNeedPostgres

if TYPE_CHECKING:
    from collections.abc import Callable

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
app.command()(simulators)
admin.applications.command("suspend")(suspend)
admin.applications.command("resume")(resume)
app.add_typer(admin.applications, name="applications")
app.add_typer(admin.clients, name="clients")
app.add_typer(admin.users, name="users")
app.add_typer(admin.sessions, name="sessions")
app.add_typer(logins, name="logins")
app.add_typer(issuers, name="issuers")
dialect_settings.command("layer")(set_layer)
app.add_typer(dialect_settings, name="settings")
credentials.app.command("set-wns")(carrier_credentials.set_wns)
credentials.app.command("set-sms-gateway")(carrier_credentials.set_sms_gateway)
credentials.app.command("set-smpp")(carrier_credentials.set_smpp)
app.add_typer(credentials.app, name="credentials")
app.add_typer(webpush_keys.app, name="webpush-keys")
app.add_typer(notifications.app, name="notifications")
app.add_typer(webhooks, name="webhooks")


@cache
def _command() -> Callable[[], object]:
    """Build the command, once in a process: reading all signatures takes 30 ms."""
    return get_command(app)


def run() -> None:
    """Run the command line; trouble is one sentence and exit status 2."""
    try:
        _command()()
    except (DatabaseInUse, DatabaseTooNew, RolesNeedPostgres, KeyFileError, SettingsError) as error:
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
        case Conflict():
            return _sentence_of_conflict(error)
        case Unavailable(component=component):
            return f"the {component} does not answer; check that it runs and try again"
        case _:
            return type(error).__name__


def _sentence_of_conflict(error: Conflict) -> str:
    named = f"{error.kind.replace('_', ' ')} {error.id}"
    match error:
        case WrongState(state=state):
            return f"{named} is {state}: that is no longer, or not yet, possible"
        case KeyReused():
            return f"{named} was used for another request; choose a new one"
        case _:
            return f"{named} exists already"
