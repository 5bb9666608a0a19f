"""npm's smpp, an SMS centre of another house, takes our messages and reports them."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace

import pytest
from tests.contract.providers.pages import NOW, batch_of, target, until
from tests.contract.providers.test_smpp_against_simulators import (
    NUMBER,
    Sink,
    provider_of,
    text,
)
from tests.interop.conftest import NODE_FOLDER

from heliograph.core.ids import new_id
from heliograph.core.model.application import ProviderCredential, SmppAccount
from heliograph.core.model.notification import Options
from heliograph.core.model.outcome import Accepted, Deferred, Misconfigured, Rejected
from heliograph.core.model.receipt import ReceiptKind
from heliograph.core.model.registration import Environment, ProviderName

pytestmark = [pytest.mark.interop, pytest.mark.anyio]


class Centre:
    """What the other process prints, as it comes."""

    def __init__(self, process):
        self._process = process
        self.lines = []

    async def read(self):
        async for line in self._process.stdout:
            self.lines.append(json.loads(line))

    def said(self, key):
        return [line for line in self.lines if key in line]


@pytest.fixture
async def centre(node):
    process = await asyncio.create_subprocess_exec(
        node, "smsc.mjs", cwd=NODE_FOLDER, stdout=asyncio.subprocess.PIPE
    )
    running = Centre(process)
    reading = asyncio.create_task(running.read())
    await until(lambda: running.said("port"))
    yield running
    process.terminate()
    await process.wait()
    await reading


@pytest.fixture
def sink():
    return Sink()


@pytest.fixture
def account(centre):
    port = centre.said("port")[0]["port"]
    secret = SmppAccount("127.0.0.1", port, "acme", "secret08", sender="Acme")
    return ProviderCredential(
        new_id(NOW), new_id(NOW), ProviderName.SMS, Environment.PRODUCTION, secret
    )


@pytest.fixture
async def sms(sink, clock):
    provider = provider_of(clock, sink, enquire_link_s=0.2)
    yield provider
    await provider.close()


@pytest.mark.parametrize(
    ("said", "parts", "coding"),
    [
        ("Grüße [€] ~", 1, 0),
        ("Привет 😀", 1, 8),
        ("a" * 152 + "€" + "b" * 100, 2, 0),
        ("ж" * 66 + "😀" * 10, 2, 8),
    ],
)
async def test_texts_arrive_whole(centre, sms, account, said, parts, coding):
    (outcome,) = await sms.send(
        batch_of(account, target(NUMBER), content=text(said), options=Options(ttl_s=3600)),
        now=NOW,
    )

    assert isinstance(outcome, Accepted)
    await until(lambda: len(centre.said("to")) == parts)
    arrived = centre.said("to")
    assert "".join(part["text"] for part in arrived) == said
    assert {(part["to"], part["to_ton"]) for part in arrived} == {(NUMBER[1:], 1)}
    assert {(part["from"], part["from_ton"]) for part in arrived} == {("Acme", 5)}
    assert {part["coding"] for part in arrived} == {coding}
    assert [part["receipt"] for part in arrived] == [0] * (parts - 1) + [1]


async def test_reports_come_back_and_are_answered(centre, sms, sink, account):
    (outcome,) = await sms.send(batch_of(account, target(NUMBER)), now=NOW)

    await until(lambda: centre.said("answered"))
    (receipt,) = sink.receipts
    assert receipt.kind is ReceiptKind.DELIVERED
    assert receipt.message_ids == (outcome.provider_message_id,)
    assert centre.said("answered") == [{"answered": 0}]


async def test_its_refusals_are_understood(centre, sms, account):
    numbers = ["+4917000000001", "+4917000000002", NUMBER]

    outcomes = await sms.send(batch_of(account, *map(target, numbers)), now=NOW)

    assert [type(outcome) for outcome in outcomes] == [Deferred, Rejected, Accepted]
    assert outcomes[1] == Rejected("status (0x401)")
    assert len(centre.said("bind")) == 1


async def test_a_wrong_password_is_ours_to_fix(centre, sms, account):
    wrong = replace(account, secret=replace(account.secret, password="wrong"))

    outcomes = await sms.send(batch_of(wrong, target(NUMBER)), now=NOW)

    assert outcomes == [Misconfigured("bind: ESME_RINVPASWD (0x0E)")]
    assert centre.said("bind") == [{"bind": "acme", "version": 0x34, "ok": False}]


async def test_it_is_asked_whether_it_lives_and_told_goodbye(centre, sms, account):
    await sms.send(batch_of(account, target(NUMBER)), now=NOW)
    await until(lambda: centre.said("enquiry"))

    await sms.close()

    await until(lambda: centre.said("unbind"))
