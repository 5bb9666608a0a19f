"""A server with an application of its own, on a folder or a database, with fakes if asked."""

from __future__ import annotations

import asyncio
import json
import threading
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any, TypeVar

from tests.connect_proxy import proxying
from tests.system.http_client import LAYER_TYPE, Api
from tests.system.processes import ServerProcess

from heliograph import config as settings
from heliograph.core.ids import spell
from heliograph.core.model.application import (
    ApnsCredential,
    Defaults,
    SmppAccount,
    WebPushCredential,
    WnsCredential,
)
from heliograph.core.model.identity import SessionForm
from heliograph.core.model.registration import Environment
from heliograph.providers.fcm.settings import credential_from_service_account
from heliograph.providers.webpush.settings import new_key
from heliograph.simulators import Simulators
from heliograph.simulators.faults import Fault
from heliograph.simulators.sms.centre import PASSWORD, SYSTEM_ID
from heliograph.simulators.wns.oauth import STORE_PATH
from heliograph.wiring import Stack

if TYPE_CHECKING:
    from collections.abc import Coroutine, Sequence
    from pathlib import Path

    from tests.connect_proxy import ConnectProxy

    from heliograph.core.model.application import Secret
    from heliograph.simulators.inbox import ReceivedPush
    from heliograph.simulators.webpush.browser import Subscription

T = TypeVar("T")

BUNDLE_ID = "com.example.demo"
USER = "ann"


class Fakes:
    """The fakes of all providers, on a loop in a thread of their own."""

    def __init__(self, folder: Path) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self._open = AsyncExitStack()
        self.simulators = self._run(Simulators.start(folder))

    def script(self, **fault: Any) -> None:
        async def add() -> None:
            self.simulators.faults.add(Fault(**fault))

        self._run(add())

    def clear_faults(self) -> None:
        async def clear() -> None:
            self.simulators.faults.clear()

        self._run(clear())

    def received(self) -> list[str]:
        """Answer the tokens that pushes arrived for, in their order."""

        async def look() -> list[str]:
            return [push.token for push in self.simulators.inbox.received()]

        return self._run(look())

    def pushes(self, token: str) -> list[ReceivedPush]:
        """Answer what arrived for one token."""

        async def look() -> list[ReceivedPush]:
            return self.simulators.inbox.received(token)

        return self._run(look())

    def forget_pushes(self) -> None:
        async def forget() -> None:
            self.simulators.inbox.clear()

        self._run(forget())

    def subscribe(self, vapid_key: str) -> Subscription:
        """Make a browser's subscription."""

        async def make() -> Subscription:
            return self.simulators.push_service.subscribe(vapid_key)

        return self._run(make())

    def other_secrets(self) -> Sequence[Secret]:
        """Answer credentials for what is neither APNs nor FCM."""
        fakes, app = self.simulators, self.simulators.wns_app
        return (
            WebPushCredential("mailto:ops@example.com", (new_key(),)),
            WnsCredential(app.package_sid, app.client_secret),
            SmppAccount(fakes.smpp.host, fakes.smpp.port, SYSTEM_ID, PASSWORD, sender="Acme"),
        )

    def start_proxy(self) -> ConnectProxy:
        """Start a proxy that leads to this machine."""
        return self._run(self._open.enter_async_context(proxying()))

    def other_settings(self, proxy: ConnectProxy | None = None) -> str:
        """Say where the fakes of these are, as TOML."""
        fakes = self.simulators
        ca_file = json.dumps(str(fakes.ca_file))
        return (
            '[outbound]\nallowed_networks = ["127.0.0.0/8"]\n'
            + (f'proxy_url = "{proxy.url}"\n' if proxy else "")
            + f"[webpush]\nca_file = {ca_file}\n"
            f'[wns]\nstore_token_url = "{fakes.wns.url}{STORE_PATH}"\nca_file = {ca_file}\n'
        )

    def settings(self) -> str:
        """Say where the fakes are, as TOML."""
        fakes = self.simulators
        ca_file = json.dumps(str(fakes.ca_file))
        return (
            f'[apns]\nproduction_url = "{fakes.apns.url}"\n'
            f'sandbox_url = "{fakes.apns_sandbox.url}"\nca_file = {ca_file}\n'
            f'[fcm]\nurl = "{fakes.fcm.url}"\nca_file = {ca_file}\n'
        )

    def stop(self) -> None:
        self._run(self._open.aclose())
        self._run(self.simulators.stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(30)


class Site:
    """An application with an API key and a Layer session, made before any server starts."""

    def __init__(
        self,
        folder: Path,
        *,
        database_url: str | None = None,
        fakes: Fakes | None = None,
        toml: str = "",
        secrets: Sequence[Secret] = (),
    ) -> None:
        self.data = folder / "data"
        self.config_file = folder / "heliograph.toml"
        self.config_file.write_text(toml + (fakes.settings() if fakes else ""))
        self.options = ["--config", str(self.config_file), "--data", str(self.data)]
        if database_url is not None:
            self.options += ["--database-url", database_url]
        self._folder = folder
        self._started: list[ServerProcess] = []
        storage = {"storage": {"database_url": database_url}} if database_url else {}
        loaded = settings.load(self.config_file, data=self.data, **storage)
        self.application, self._api_key, self._session = asyncio.run(
            _furnish(loaded, fakes, secrets)
        )

    def serve(self, *arguments: object, name: str = "server") -> ServerProcess:
        """Start a server on the site; `end` sees to it that none outlives its test."""
        server = ServerProcess(
            self._folder / name, ["serve", "--port", 0, *self.options, *arguments]
        )
        self._started.append(server)
        return server

    def end(self) -> None:
        for server in self._started:
            server.kill()

    def native(self, server: ServerProcess) -> Api:
        place = f"/v1/applications/{self.application}"
        return server.api.at(place, authorization=f"Bearer {self._api_key}")

    def layer(self, server: ServerProcess) -> Api:
        session = f'Layer session-token="{self._session}"'
        return server.api.at("", accept=LAYER_TYPE, authorization=session)


def everything(native: Api, kind: str = "registrations") -> list[dict[str, Any]]:
    """List all of a kind, part by part."""
    found: list[dict[str, Any]] = []
    cursor = ""
    while True:
        part = native.get(f"/{kind}?limit=1000{cursor}").json()
        found += part["items"]
        if part["next"] is None:
            return found
        cursor = f"&cursor={part['next']}"


async def _furnish(
    config: settings.Config, fakes: Fakes | None, secrets: Sequence[Secret]
) -> tuple[str, str, str]:
    stack = await Stack.open(config, exclusive=False)
    try:
        core = stack.core
        account = await core.applications.account()
        application = await core.applications.create(account.id, "Site", Defaults(BUNDLE_ID))
        _, api_key = await core.applications.create_client(account.id, "back end")
        _, session = await core.identity.create_session(application, USER, SessionForm.LAYER, None)
        if fakes is not None:
            apple = fakes.simulators.apns_credential
            account_file = json.dumps(fakes.simulators.fcm_service_account)
            for secret in (
                ApnsCredential(apple.key_id, apple.team_id, apple.p8),
                credential_from_service_account(account_file),
            ):
                await core.applications.set_credential(application, Environment.PRODUCTION, secret)
        for secret in secrets:
            await core.applications.set_credential(application, Environment.PRODUCTION, secret)
        return spell("application", application.id), api_key, session
    finally:
        await stack.stop()
