"""`heliograph demo`: server, fakes and a demo application in one process."""

from __future__ import annotations

import asyncio
import json
import os
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from heliograph.cli.demo_page import page_of
from heliograph.cli.options import load
from heliograph.cli.serve import run_server
from heliograph.config import Apns, Fcm, Listener, Role, Security, Storage
from heliograph.core import access
from heliograph.core.clock import SystemClock
from heliograph.core.errors import NotAuthenticated, NotFound
from heliograph.core.ids import spell
from heliograph.core.model.application import ApnsCredential, Application, Defaults
from heliograph.core.model.identity import SessionForm
from heliograph.core.model.registration import Environment
from heliograph.dialects.native import DIALECT as NATIVE
from heliograph.observability import logs
from heliograph.providers.fcm.settings import credential_from_service_account
from heliograph.simulators import Simulators
from heliograph.simulators.door import FAULTS, INBOX, control_dialect
from heliograph.web.server import loop_factory
from heliograph.wiring import DIALECTS, Stack

if TYPE_CHECKING:
    from heliograph.core.core import Core
    from heliograph.core.model.application import Secret

BUNDLE_ID = "com.example.demo"
DEMO_FILE = "demo.json"
_NAME = "Demo"
_SESSION_LIFE = timedelta(days=365)


def demo(
    port: Annotated[int, typer.Option(help="Port to listen on.", min=0, max=65535)] = 8080,
    data: Annotated[Path, typer.Option("--data", help="Directory that keeps everything.")] = Path(
        "var/demo"
    ),
) -> None:
    """Try everything on this machine: a server on SQLite with fake providers inside."""
    logs.configure("warning", json_lines=False)
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(_run(port, data))


async def _run(port: int, data: Path) -> None:
    # What the environment says of a real server must reach neither its
    # database nor its keys from here.
    alone = load(None, data, None).model_copy(
        update={
            "role": Role.ALL,
            "listener": Listener(port=port),
            "storage": Storage(),
            "security": Security(),
            "doors": (),
        }
    )
    stack = await Stack.open(alone)
    try:
        # Under the lock: of two first starts at once, one makes the certificates.
        # A team key: registrations may name any bundle id.
        simulators = await Simulators.start(data / "simulators", topics=None)
    except BaseException:
        await stack.stop()
        raise
    try:
        try:
            furnished = await _furnish(stack.core, simulators, _read(data / DEMO_FILE))
        finally:
            await stack.stop()
        config = alone.model_copy(
            update={
                "default_application": furnished.application_id,
                "apns": Apns(
                    production_url=simulators.apns.url,
                    sandbox_url=simulators.apns_sandbox.url,
                    ca_file=simulators.ca_file,
                ),
                "fcm": Fcm(url=simulators.fcm.url, ca_file=simulators.ca_file),
            }
        )

        def announce(url: str) -> None:
            facts = furnished.facts(url)
            _write(data / DEMO_FILE, facts)
            print(page_of(facts, data / DEMO_FILE, SystemClock().now()), flush=True)

        control = control_dialect(simulators, NATIVE.errors, NATIVE.render_error)
        await run_server(config, on_started=announce, dialects=(*DIALECTS, control))
    finally:
        await simulators.stop()


@dataclass(frozen=True, slots=True)
class _Furnished:
    """What the demo's database holds, as scripts need it."""

    application_id: str
    api_key: str
    layer_token: str

    def facts(self, url: str) -> dict[str, Any]:
        """Answer what `demo.json` says."""
        return {
            "base_url": url,
            "application": {"id": self.application_id, "name": _NAME},
            "native": {"api_key": self.api_key},
            "layer": {"session_token": self.layer_token},
            "simulators": {"inbox": url + INBOX, "faults": url + FAULTS},
        }


async def _furnish(core: Core, simulators: Simulators, known: dict[str, Any]) -> _Furnished:
    """Make what is missing of the demo's application; keep what a former start made."""
    application = await _application(core, known)
    await _set_credentials(core, application, simulators)
    return _Furnished(
        application_id=spell("application", application.id),
        api_key=await _api_key(core, application, known),
        layer_token=await _session(core, application, SessionForm.LAYER, known),
    )


async def _application(core: Core, known: dict[str, Any]) -> Application:
    try:
        return await core.applications.by_spelling(_text(known, "application", "id"))
    except NotFound:
        account = await core.applications.account()
        return await core.applications.create(account.id, _NAME, Defaults(BUNDLE_ID))


async def _set_credentials(core: Core, application: Application, simulators: Simulators) -> None:
    """Give the application the fakes' credentials: their ports change from start to start."""
    apple = simulators.apns_credential
    signing_key = ApnsCredential(apple.key_id, apple.team_id, apple.p8)
    account = credential_from_service_account(json.dumps(simulators.fcm_service_account))
    wanted: tuple[tuple[Environment, Secret], ...] = (
        (Environment.PRODUCTION, signing_key),
        (Environment.SANDBOX, signing_key),
        (Environment.PRODUCTION, account),
    )
    present = [
        (credential.environment, credential.secret)
        for credential in await core.applications.credentials_of(application.id)
    ]
    for environment, secret in wanted:
        if (environment, secret) not in present:
            await core.applications.set_credential(application, environment, secret)


async def _api_key(core: Core, application: Application, known: dict[str, Any]) -> str:
    key = _text(known, "native", "api_key")
    try:
        principal = await core.identity.client(key)
        access.require_sight(principal, application)
    except (NotAuthenticated, NotFound):
        _, key = await core.applications.create_client(application.account_id, "demo")
    return key


async def _session(
    core: Core, application: Application, form: SessionForm, known: dict[str, Any]
) -> str:
    """Answer the session of a dialect's own user, a new one if it has ended."""
    token = _text(known, form.value, "session_token")
    try:
        principal = await core.identity.session(token, form)
        access.require_sight(principal, application)
    except (NotAuthenticated, NotFound):
        _, token = await core.identity.create_session(
            application, f"{form.value}-user", form, _SESSION_LIFE
        )
    return token


def _read(path: Path) -> dict[str, Any]:
    """Read what a former start wrote; nothing if there is none or it is damaged."""
    try:
        known = json.loads(path.read_text())
    except (OSError, ValueError, RecursionError):
        return {}
    return known if isinstance(known, dict) else {}


def _text(known: dict[str, Any], section: str, name: str) -> str:
    """Answer one fact of `demo.json`; empty where it is missing or damaged."""
    facts = known.get(section)
    value = facts.get(name) if isinstance(facts, dict) else None
    return value if isinstance(value, str) else ""


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
