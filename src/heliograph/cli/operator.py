"""Running a use case as the operator, who may do everything in an application."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from heliograph.cli.admin import with_core
from heliograph.core.ids import Id
from heliograph.core.model.identity import ALL_SCOPES, ApiClient, ClientPrincipal

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from heliograph.core.core import Core
    from heliograph.core.model.application import Application

    Work = Callable[[Core, Application, ClientPrincipal], Awaitable[Any]]


def as_operator(
    config_file: Path | None,
    data: Path | None,
    database_url: str | None,
    application: str,
    work: Work,
) -> Any:
    """Run a use case on an application."""

    async def run(core: Core) -> Any:
        place = await core.applications.by_spelling(application)
        operator = ApiClient(
            Id(bytes(16)), place.account_id, "operator", ALL_SCOPES, core.clock.now(), place.id
        )
        return await work(core, place, ClientPrincipal(operator))

    return with_core(config_file, data, database_url, run)
