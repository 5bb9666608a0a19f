"""Options that several commands share, and the settings they make."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from heliograph import config as settings

if TYPE_CHECKING:
    from heliograph.config import Config

DataDir = Annotated[
    Path | None, typer.Option("--data", help="Directory of the keys and of SQLite's file.")
]
DatabaseUrl = Annotated[
    str | None, typer.Option("--database-url", help="postgresql://… instead of SQLite.")
]
ConfigFile = Annotated[
    Path | None,
    typer.Option("--config", help="TOML file with settings.", exists=True, dir_okay=False),
]
ApplicationId = Annotated[str, typer.Option("--application", help="The application's id, app_….")]


def load(
    config_file: Path | None, data: Path | None, database_url: str | None, **others: Any
) -> Config:
    """Read the settings; what the command line says wins over file and environment."""
    overrides = {name: value for name, value in others.items() if value is not None}
    if data is not None:
        overrides["data"] = data
    if database_url is not None:
        overrides["storage"] = {"database_url": database_url}
    return settings.load(config_file, **overrides)
