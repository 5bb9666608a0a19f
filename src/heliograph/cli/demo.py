"""`heliograph demo`: server, fakes and a demo application in one process."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path
from typing import Annotated, Any

import typer

from heliograph.cli.demo_page import page_of
from heliograph.cli.demo_site import application_id_of, former_ports, furnish, with_addresses
from heliograph.cli.options import load
from heliograph.cli.serve import run_server
from heliograph.cli.simulators import read_rules
from heliograph.config import (
    Apns,
    Fcm,
    Listener,
    Outbound,
    Role,
    Security,
    Storage,
    Webhooks,
    WebPush,
    Wns,
)
from heliograph.core.clock import SystemClock
from heliograph.dialects.native import DIALECT as NATIVE
from heliograph.observability import logs
from heliograph.simulators import Simulators
from heliograph.simulators.door import control_dialect
from heliograph.simulators.faults import Rule
from heliograph.simulators.wns.oauth import STORE_PATH
from heliograph.web.server import loop_factory
from heliograph.wiring import DIALECTS, Stack

DEMO_FILE = "demo.json"


def demo(
    port: Annotated[int, typer.Option(help="Port to listen on.", min=0, max=65535)] = 8080,
    data: Annotated[Path, typer.Option("--data", help="Directory that keeps everything.")] = Path(
        "var/demo"
    ),
    faults: Annotated[
        Path | None,
        typer.Option(help="JSON file with a script of faults.", exists=True, dir_okay=False),
    ] = None,
) -> None:
    """Try everything on this machine: a server on SQLite with fake providers inside."""
    logs.configure("warning", json_lines=False)
    rules = [] if faults is None else read_rules(faults)
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(_run(port, data, rules))


async def _run(port: int, data: Path, rules: list[Rule]) -> None:
    # What the environment says of a real server must reach neither its
    # database nor its keys from here.
    alone = load(None, data, None).model_copy(
        update={
            "role": Role.ALL,
            "listener": Listener(port=port),
            "storage": Storage(),
            "security": Security(),
            # The fakes are on this machine, where strangers' URLs may not lead otherwise.
            "outbound": Outbound(allowed_networks=("127.0.0.0/8",)),
            "doors": (),
        }
    )
    stack = await Stack.open(alone)
    try:
        # Under the lock: of two first starts at once, one makes the certificates.
        known = _read(data / DEMO_FILE)
        simulators = await _start_fakes(data / "simulators", former_ports(known))
    except BaseException:
        await stack.stop()
        raise
    try:
        try:
            furnished = await furnish(stack.core, simulators, known)
        finally:
            await stack.stop()
        config = alone.model_copy(
            update={
                "default_application": application_id_of(furnished),
                "apns": Apns(
                    production_url=simulators.apns.url,
                    sandbox_url=simulators.apns_sandbox.url,
                    channels_production_url=simulators.apns.url,
                    channels_sandbox_url=simulators.apns_sandbox.url,
                    ca_file=simulators.ca_file,
                ),
                "fcm": Fcm(url=simulators.fcm.url, ca_file=simulators.ca_file),
                "webpush": WebPush(ca_file=simulators.ca_file),
                "webhooks": Webhooks(poll_s=0.2, ca_file=simulators.ca_file),
                "wns": Wns(
                    store_token_url=simulators.wns.url + STORE_PATH,
                    entra_url=simulators.wns.url,
                    ca_file=simulators.ca_file,
                ),
            }
        )

        def announce(url: str) -> None:
            facts = with_addresses(furnished, url)
            _write(data / DEMO_FILE, facts)
            demo_file = (data / DEMO_FILE).absolute()
            print(page_of(facts, demo_file, SystemClock().now()), flush=True)

        simulators.faults.play(rules)
        control = control_dialect(simulators, NATIVE.errors, NATIVE.render_error)
        await run_server(config, on_started=announce, dialects=(*DIALECTS, control))
    finally:
        await simulators.stop()


async def _start_fakes(folder: Path, ports: dict[str, Any]) -> Simulators:
    """Start the fakes where they were, or elsewhere if somebody else is there now."""
    # Without topics it is a team key: registrations may name any bundle id.
    try:
        return await Simulators.start(folder, topics=None, **ports)
    except OSError:
        return await Simulators.start(folder, topics=None)


def _read(path: Path) -> dict[str, Any]:
    """Read what a former start wrote; nothing if there is none or it is damaged."""
    try:
        known = json.loads(path.read_text())
    except (OSError, ValueError, RecursionError):
        return {}
    return known if isinstance(known, dict) else {}


def _write(path: Path, facts: dict[str, Any]) -> None:
    """Write the file whole or not at all, readable by its owner only."""
    draft = path.with_suffix(".new")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w") as file:
        # A draft that a crash left behind keeps the mode it was made with.
        os.fchmod(file.fileno(), 0o600)
        json.dump(facts, file, indent=2)
        file.write("\n")
    draft.replace(path)
