"""`heliograph simulators`: the fakes of the providers alone, for tests and benches elsewhere."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from heliograph.config import SettingsError
from heliograph.simulators import Simulators
from heliograph.simulators.control import Control
from heliograph.simulators.credentials import APNS_KEY_FILE
from heliograph.simulators.listener import HTTP_1_1, RunningFake
from heliograph.simulators.script import read_script, schema
from heliograph.web.server import loop_factory

if TYPE_CHECKING:
    from heliograph.simulators.faults import Rule

SERVICE_ACCOUNT_FILE = "service-account.json"

Port = Annotated[int, typer.Option(help="0 takes a free one.", min=0, max=65535)]


def simulators(
    data: Annotated[
        Path, typer.Option("--data", help="Directory that keeps certificates and credentials.")
    ] = Path("var/simulators"),
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    apns_port: Port = 0,
    apns_sandbox_port: Port = 0,
    fcm_port: Port = 0,
    webpush_port: Port = 0,
    wns_port: Port = 0,
    sms_gateway_port: Port = 0,
    smpp_port: Port = 0,
    smpp_tls_port: Port = 0,
    webhooks_port: Port = 0,
    control_port: Port = 0,
    faults: Annotated[
        Path | None,
        typer.Option(help="JSON file with a script of faults.", exists=True, dir_okay=False),
    ] = None,
    inbox: Annotated[int, typer.Option(help="Pushes kept whole.", min=0)] = 100_000,
    log: Annotated[int, typer.Option(help="Pushes kept as one line.", min=0)] = 1_000_000,
    show_schema: Annotated[
        bool, typer.Option("--schema", help="Print the JSON Schema of a script and end.")
    ] = False,
) -> None:
    """Run the fakes of the providers alone; prints their addresses as one line of JSON."""
    if show_schema:
        print(json.dumps(schema(), indent=2))
        return
    rules = [] if faults is None else read_rules(faults)
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    ports = {
        "apns_port": apns_port,
        "apns_sandbox_port": apns_sandbox_port,
        "fcm_port": fcm_port,
        "webpush_port": webpush_port,
        "webhooks_port": webhooks_port,
        "wns_port": wns_port,
        "sms_gateway_port": sms_gateway_port,
        "smpp_port": smpp_port,
        "smpp_tls_port": smpp_tls_port,
    }
    limits = {"inbox_limit": inbox, "log_limit": log}
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(_run(data, host, control_port, rules, ports | limits))


def read_rules(script: Path) -> list[Rule]:
    """Read a script of faults from a file; raises InvalidRequest, or SettingsError for no JSON."""
    try:
        body = json.loads(script.read_bytes())
    except (ValueError, RecursionError) as error:
        raise SettingsError(f"{script} is not JSON") from error
    return read_script(body)


async def _run(
    data: Path, host: str, control_port: int, rules: list[Rule], others: dict[str, Any]
) -> None:
    fakes = await Simulators.start(data, host=host, topics=None, **others)
    control = RunningFake(Control(fakes), [HTTP_1_1])
    try:
        fakes.faults.play(rules)
        await control.start(host, control_port, None)
        stopping = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stopping.set)
        _write(data / SERVICE_ACCOUNT_FILE, fakes.fcm_service_account)
        # What start-up made lives as long as the process and need not be looked at again.
        gc.collect()
        gc.freeze()
        print(json.dumps(_places(fakes, control, data)), flush=True)
        await stopping.wait()
    finally:
        if control.port:
            await control.stop()
        await fakes.stop()


def _write(path: Path, value: dict[str, Any]) -> None:
    """Write a secret for its owner's eyes only."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w") as file:
        os.fchmod(file.fileno(), 0o600)
        json.dump(value, file, indent=2)


def _places(fakes: Simulators, control: RunningFake, data: Path) -> dict[str, Any]:
    """Say where everything is; the secrets themselves stay in the directory."""
    return {
        "apns": fakes.apns.url,
        "apns_sandbox": fakes.apns_sandbox.url,
        "fcm": fakes.fcm.url,
        "webpush": fakes.webpush.url,
        "wns": fakes.wns.url,
        "sms_gateway": fakes.sms_gateway.url,
        "smpp": f"{fakes.smpp.host}:{fakes.smpp.port}",
        "smpp_tls": f"{fakes.smpp.host}:{fakes.smpp.tls_port}",
        "webhooks": fakes.webhooks.url,
        "control": control.url,
        "ca_file": str(fakes.ca_file),
        "data": str(data),
        "apns_key_id": fakes.apns_credential.key_id,
        "apns_team_id": fakes.apns_credential.team_id,
        "apns_topic": fakes.apns_credential.topic,
        "apns_key_file": str(data / APNS_KEY_FILE),
        "fcm_service_account_file": str(data / SERVICE_ACCOUNT_FILE),
    }
