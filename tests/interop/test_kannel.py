"""Kannel, an SMS gateway of another house, takes our requests and speaks SMPP to our fake."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
from pathlib import Path

import pytest
from tests.contract.providers.pages import NOW, batch_of, target
from tests.contract.providers.test_smpp_against_simulators import (
    NUMBER,
    Sink,
    provider_of,
    text,
)

from heliograph.core.ids import new_id
from heliograph.core.model.application import GatewayParameter, ProviderCredential, SmsGateway
from heliograph.core.model.outcome import Accepted, Misconfigured
from heliograph.core.model.registration import Environment, ProviderName
from heliograph.simulators import Simulators
from heliograph.simulators.sms.centre import PASSWORD, SYSTEM_ID

pytestmark = [pytest.mark.interop, pytest.mark.anyio]

_PLACES = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/lib/kannel/test"])
_PATIENCE_S = 10
CONFIG = """
group = core
admin-port = {admin}
admin-interface = 127.0.0.1
admin-password = admin
smsbox-port = {boxes}
smsbox-interface = 127.0.0.1
box-allow-ip = 127.0.0.1

group = smsc
smsc = smpp
smsc-id = ours
host = 127.0.0.1
port = {smpp}
transceiver-mode = true
smsc-username = {system_id}
smsc-password = {password}
system-type = VMA
dest-addr-ton = 1
dest-addr-npi = 1

group = smsbox
bearerbox-host = 127.0.0.1
sendsms-port = {sendsms}
sendsms-interface = 127.0.0.1
global-sender = Acme

group = sendsms-user
username = acme
password = secret
max-messages = 5
concatenation = true

group = sms-service
keyword = default
text = no
"""


def _program(name):
    found = shutil.which(name, path=_PLACES)
    if found is None:
        pytest.skip(f"{name} of Kannel is not installed")
    return found


def _free_port():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return taken.getsockname()[1]


async def _until(is_true):
    for _ in range(_PATIENCE_S * 20):
        if is_true():
            return
        await asyncio.sleep(0.05)
    raise AssertionError("it never came to that")


def _listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
async def fakes(tmp_path):
    running = await Simulators.start(tmp_path / "simulators")
    yield running
    await running.stop()


@pytest.fixture
async def kannel(fakes, tmp_path):
    """Kannel with our fake as its SMS centre; the port of its sendsms."""
    programs = [_program("bearerbox"), _program("smsbox")]
    ports = {name: _free_port() for name in ("admin", "boxes", "sendsms")}
    file = Path(tmp_path) / "kannel.conf"
    file.write_text(
        CONFIG.format(**ports, smpp=fakes.smpp.port, system_id=SYSTEM_ID, password=PASSWORD)
    )
    running = []
    for program, port in zip(programs, (ports["boxes"], ports["sendsms"]), strict=True):
        running.append(
            await asyncio.create_subprocess_exec(
                program,
                str(file),
                cwd=tmp_path,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.DEVNULL,
            )
        )
        await _until(lambda port=port: _listens(port))
    await _until(lambda: fakes.smpp.binds > 0)
    yield ports["sendsms"]
    for process in reversed(running):
        process.kill()
        await process.wait()


@pytest.fixture
async def sms(clock):
    provider = provider_of(clock, Sink())
    yield provider
    await provider.close()


@pytest.fixture
def gateway(kannel):
    def make(password="secret"):
        said = {
            "username": "acme",
            "password": password,
            "coding": "{coding}",
            "charset": "UTF-8",
        }
        parameters = tuple(GatewayParameter(name, value) for name, value in said.items())
        secret = SmsGateway("127.0.0.1", kannel, "/cgi-bin/sendsms", "Kannel", parameters)
        return ProviderCredential(
            new_id(NOW), new_id(NOW), ProviderName.SMS, Environment.PRODUCTION, secret
        )

    return make


@pytest.mark.parametrize("said", ["Hello", "é € [~]", "Привет 😀", "a" * 150 + "€" * 30, "ж" * 100])
async def test_texts_arrive_through_kannel_at_our_centre(fakes, gateway, sms, said):
    outcomes = await sms.send(batch_of(gateway(), target(NUMBER), content=text(said)), now=NOW)

    assert outcomes == [Accepted()]
    await _until(fakes.inbox.received)
    (push,) = fakes.inbox.received()
    assert push.payload["text"] == said
    assert push.token.lstrip("+") == NUMBER[1:]


async def test_kannel_refuses_a_wrong_password(fakes, gateway, sms):
    (outcome,) = await sms.send(batch_of(gateway("wrong"), target(NUMBER)), now=NOW)

    assert isinstance(outcome, Misconfigured)
    assert outcome.detail.startswith("HTTP 403")
    assert fakes.inbox.total == 0
