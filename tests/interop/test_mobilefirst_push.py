"""IBM's own client for Node sends messages, which reach the fakes of the providers."""

from __future__ import annotations

import asyncio
import json
import subprocess
from typing import TYPE_CHECKING, Any

import anyio.to_thread
import pytest
from tests.interop.conftest import NODE_FOLDER
from tests.system.engine import Engine, config_of, until

from heliograph.config import Listener, Storage
from heliograph.core.model.registration import ProviderName
from heliograph.dialects.mobilefirst.auth.callers import (
    APPLICATION_ALIAS,
    SECTION,
    TAKES_SECRETS,
)
from heliograph.simulators import Simulators
from heliograph.web.server import Server
from heliograph.wiring import Stack

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

pytestmark = [pytest.mark.interop, pytest.mark.anyio]

APP = "com.sample.app"
_PATIENCE_S = 60


class Site:
    """A server with the fakes behind it, and an application that takes secrets."""

    def __init__(self, engine: Engine, url: str, secret: str, program: str) -> None:
        self.engine = engine
        self._url, self._secret, self._program = url, secret, program

    async def send(self, *steps: list[dict[str, Any]], secret: str | None = None) -> Any:
        """Let the package send; each step of one message singly, each of several as a bulk."""
        order = {
            "url": self._url,
            "application": APP,
            "secret": secret or self._secret,
            "steps": steps,
        }
        done = await anyio.to_thread.run_sync(lambda: self._run(order))
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    async def reached(self, count: int) -> set[str]:
        """Wait for so many pushes; answer whom they reached."""

        async def have_come() -> bool:
            return len(self.engine.simulators.log.text().splitlines()) >= count

        await until(have_come)
        lines = self.engine.simulators.log.text().decode().splitlines()
        assert {line.split()[1] for line in lines} == {"200"}
        return {line.split()[3] for line in lines}

    def _run(self, order: dict[str, Any]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self._program, "mobilefirst.mjs"],
            cwd=NODE_FOLDER,
            input=json.dumps(order),
            capture_output=True,
            text=True,
            check=False,
            timeout=_PATIENCE_S,
        )


@pytest.fixture
async def site(tmp_path: Path, node: str) -> AsyncIterator[Site]:
    simulators = await Simulators.start(tmp_path / "fakes")
    config = config_of(tmp_path, simulators, Storage())
    listener = Listener(host="127.0.0.1", port=0)
    config = config.model_copy(update={"listener": listener})
    stack = await Stack.open(config)
    server = Server(stack.application, config)
    stack.start()
    serving = asyncio.create_task(server.serve())
    try:
        engine = await Engine.beside(stack, simulators)
        core, application = stack.core, engine.application
        await core.aliases.set(APPLICATION_ALIAS, application.account_id, application.id, APP)
        await core.applications.change_settings(
            engine.back_end, application, SECTION, {TAKES_SECRETS: True}
        )
        _, secret = await core.applications.create_client(application.account_id, "node")
        yield Site(engine, server.public_url, secret, node)
    finally:
        server.should_exit = True
        await serving
        await stack.stop()
        await simulators.stop()


async def test_single_and_bulk_messages_reach_their_phones(site: Site) -> None:
    (phone,) = await site.engine.phones(1)
    (android,) = await site.engine.phones(1, ProviderName.FCM)

    single, bulk = await site.send(
        [{"alert": "hi", "deviceIds": [phone[:20]], "badge": 1}],
        [
            {"alert": "one", "deviceIds": [android[:20]], "priority": "MAX"},
            {"alert": "two", "deviceIds": [phone[:20], android[:20]]},
        ],
    )

    assert (single["error"], single["status"]) == (None, 202)
    assert json.loads(single["body"])["message"]["message"] == {"alert": "hi"}
    assert bulk["status"] == 202
    ids = {json.loads(single["body"])["messageId"]}
    ids |= {each["messageId"] for each in json.loads(bulk["body"])}
    assert len(ids) == 3
    assert await site.reached(4) == {phone, android}


async def test_a_wrong_secret_is_told(site: Site) -> None:
    (answer,) = await site.send([{"alert": "hi"}], secret="hgk_wrong")

    assert (answer["status"], json.loads(answer["body"])["code"]) == (401, "FPWSE9401E")
