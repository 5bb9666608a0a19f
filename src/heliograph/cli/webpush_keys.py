"""`heliograph webpush-keys create|list|remove`: what pages subscribe with."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from heliograph.cli.admin import with_core
from heliograph.cli.options import ApplicationId, ConfigFile, DatabaseUrl, DataDir
from heliograph.cli.output import AsJson, show, show_one
from heliograph.providers.webpush.settings import key_from_scalar

if TYPE_CHECKING:
    from heliograph.core.applications.webpush_keys import PublicKeys
    from heliograph.core.core import Core

app = typer.Typer(help="Keys of applications' browser subscriptions.", no_args_is_help=True)

PrivateKeyFile = Annotated[
    Path | None,
    typer.Option(
        "--private-key-file",
        exists=True,
        dir_okay=False,
        help="Take this key over, 32 bytes in base64url, instead of making one.",
    ),
]


@app.command("create")
def create(
    application: ApplicationId,
    contact: Annotated[
        str | None,
        typer.Option(help="mailto: or https: address for push services; kept from key to key."),
    ] = None,
    private_key_file: PrivateKeyFile = None,
    data: DataDir = None,
    database_url: DatabaseUrl = None,
    config_file: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Make a key for new subscriptions; former ones go on serving theirs."""
    taken = None
    if private_key_file is not None:
        taken = key_from_scalar(private_key_file.read_text(errors="replace"))

    async def work(core: Core) -> dict[str, Any]:
        place = await core.applications.by_spelling(application)
        return _rows(await core.webpush_keys.make(place, contact, taken))[0]

    show_one(with_core(config_file, data, database_url, work), as_json=as_json)


@app.command("list")
def list_(
    application: ApplicationId,
    data: DataDir = None,
    database_url: DatabaseUrl = None,
    config_file: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """List the public keys, the current one first."""

    async def work(core: Core) -> list[dict[str, Any]]:
        place = await core.applications.by_spelling(application)
        return _rows(await core.webpush_keys.shown(place))

    rows = with_core(config_file, data, database_url, work)
    show(rows, as_json=as_json, empty="No keys.")


@app.command("remove")
def remove(
    application: ApplicationId,
    public_key: Annotated[str, typer.Argument(help="A former key, as `list` shows it.")],
    data: DataDir = None,
    database_url: DatabaseUrl = None,
    config_file: ConfigFile = None,
) -> None:
    """Remove a former key: what was subscribed with it is not reached any more."""

    async def work(core: Core) -> None:
        place = await core.applications.by_spelling(application)
        await core.webpush_keys.drop(place, public_key)

    with_core(config_file, data, database_url, work)


def _rows(found: PublicKeys) -> list[dict[str, Any]]:
    return [
        {"public_key": key, "is_current": place == 0, "contact": found.contact}
        for place, key in enumerate(found.keys)
    ]
