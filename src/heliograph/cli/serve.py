"""`heliograph serve`: the server, in production and in the demo."""

from __future__ import annotations

import asyncio
import signal
from contextlib import closing
from typing import TYPE_CHECKING, Annotated

import structlog
import typer

from heliograph.cli.certificates import check_certificates
from heliograph.cli.options import ConfigFile, DatabaseUrl, DataDir, load
from heliograph.config import Role, SettingsError
from heliograph.observability import logs
from heliograph.web.server import Server, loop_factory
from heliograph.wiring import DIALECTS, Stack

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from heliograph.config import Config
    from heliograph.web.dialect import Dialect

_log = structlog.get_logger("heliograph")


def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on.", min=0, max=65535)] = None,
    data: DataDir = None,
    database_url: DatabaseUrl = None,
    role: Annotated[Role | None, typer.Option(help="Which half of the server to run.")] = None,
    config_file: ConfigFile = None,
) -> None:
    """Serve: on SQLite alone, or with PostgreSQL on any number of nodes."""
    config = load(config_file, data, database_url, role=role)
    listener = config.listener.model_copy(
        update={
            name: value for name, value in (("host", host), ("port", port)) if value is not None
        }
    )
    config = config.model_copy(update={"listener": listener})

    def reload_logs() -> None:
        """Take the log level from the environment and the file again, and nothing else.

        Settings that can't be are told in the log's own form, and change nothing.
        """
        try:
            fresh = load(config_file, data, database_url).logs
        except SettingsError as error:
            _log.error("settings_unreadable", reason=str(error))
            return
        logs.configure(fresh.level, json_lines=fresh.json_lines)

    logs.configure(config.logs.level, json_lines=config.logs.json_lines)
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(
            run_server(
                config,
                on_started=lambda url: print(f"Heliograph serves {url}", flush=True),
                reload_logs=reload_logs,
            )
        )


async def run_server(
    config: Config,
    *,
    on_started: Callable[[str], None],
    dialects: Sequence[Dialect] = DIALECTS,
    reload_logs: Callable[[], None] | None = None,
) -> None:
    """Serve until SIGTERM or SIGINT, then end cleanly within 10 s.

    on_started: called with the server's URL once it listens. reload_logs:
    called on SIGHUP. Raises what `Stack.open` raises, and SettingsError where the
    address is taken, a certificate is unreadable or a provider has no such URL.
    """
    check_certificates(config)
    stack = await Stack.open(config, dialects=dialects)
    has_started = False
    try:
        with closing(_listening(stack, config)) as server:
            loop = asyncio.get_running_loop()

            def stop() -> None:
                _log.info("server_stopping")
                server.should_exit = True
                stack.stop_claiming()

            for number in (signal.SIGTERM, signal.SIGINT):
                loop.add_signal_handler(number, stop)
            if reload_logs is not None:
                loop.add_signal_handler(signal.SIGHUP, reload_logs)
            try:
                stack.start()
            except ValueError as error:
                raise SettingsError(str(error)) from error
            has_started = True
            _log.info("server_started", url=server.public_url, role=config.role.value)
            on_started(server.public_url)
            await server.serve()
    finally:
        await stack.stop()
        if has_started:
            _log.info("server_stopped")


def _listening(stack: Stack, config: Config) -> Server:
    """Take the address; an OSError says which one it was about."""
    listener = config.listener
    try:
        return Server(stack.application, config)
    except OSError as error:
        address = f"{listener.host}:{listener.port}"
        raise SettingsError(f"{address}: {error.strerror or error}") from error
