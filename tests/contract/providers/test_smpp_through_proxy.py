"""Sessions with an SMS centre that lies beyond the operator's proxy."""

from __future__ import annotations

import asyncio
import socket

import pytest
from tests.connect_proxy import proxying
from tests.contract.providers.pages import NOW, batch_of, target, until

from heliograph.config import Sms
from heliograph.core.ids import new_id
from heliograph.core.model.application import ProviderCredential, SmppAccount
from heliograph.core.model.outcome import Accepted, Deferred, Misconfigured
from heliograph.core.model.registration import Environment, ProviderName
from heliograph.outbound.guard import Guard
from heliograph.outbound.http2.proxy import Proxy
from heliograph.providers.sms import SmsProvider
from heliograph.simulators.sms.centre import PASSWORD, SYSTEM_ID

pytestmark = pytest.mark.anyio

NUMBER = "+491701234567"
PUBLIC = "93.184.216.34"


class Sink:
    def __init__(self):
        self.receipts = []

    async def take(self, receipt):
        self.receipts.append(receipt)
        return True


@pytest.fixture
def sink():
    return Sink()


def guard_of(proxy_url, *addresses, **rest):
    async def look_up(host, port):
        return [(socket.AF_INET, socket.SOCK_STREAM, 0, "", (each, port)) for each in addresses]

    proxy = Proxy.from_url(proxy_url.replace("http://", "http://user:pass@"))
    return Guard((), look_up, proxy=proxy, **rest)


def provider_of(clock, sink, guard, **settings):
    return SmsProvider(Sms(**settings), guard, clock, request_timeout_s=5.0, receipts=sink)


def batch_by(port, **account):
    secret = SmppAccount("localhost", port, SYSTEM_ID, PASSWORD, sender="Acme", **account)
    credential = ProviderCredential(
        new_id(NOW), new_id(NOW), ProviderName.SMS, Environment.PRODUCTION, secret
    )
    return batch_of(credential, target(NUMBER))


@pytest.mark.parametrize("has_tls", [False, True])
async def test_a_centre_is_asked_for_by_the_address_that_passed(fakes, clock, sink, has_tls):
    port = fakes.smpp.tls_port if has_tls else fakes.smpp.port
    async with proxying() as proxy:
        sms = provider_of(clock, sink, guard_of(proxy.url, PUBLIC), ca_file=fakes.ca_file)

        (outcome,) = await sms.send(batch_by(port, has_tls=has_tls), now=NOW)
        await until(lambda: len(sink.receipts) == 1)
        await sms.close()

    assert isinstance(outcome, Accepted)
    assert [push.token for push in fakes.inbox.received()] == [NUMBER]
    assert proxy.asked == [f"CONNECT {PUBLIC}:{port}"]
    assert b"Proxy-Authorization: Basic dXNlcjpwYXNz\r\n" in proxy.heads[0]


async def test_a_proxy_that_looks_names_up_is_told_the_name(fakes, clock, sink):
    async with proxying() as proxy:
        guard = guard_of(proxy.url, proxy_looks_up=True)
        sms = provider_of(clock, sink, guard)

        (outcome,) = await sms.send(batch_by(fakes.smpp.port), now=NOW)
        await sms.close()

    assert isinstance(outcome, Accepted)
    assert proxy.asked == [f"CONNECT localhost:{fakes.smpp.port}"]


async def test_a_session_that_is_lost_is_bound_again_through_the_proxy(fakes, clock, sink):
    async with proxying() as proxy:
        sms = provider_of(clock, sink, guard_of(proxy.url, PUBLIC))
        await sms.send(batch_by(fakes.smpp.port), now=NOW)

        fakes.smpp.drop()
        await until(lambda: fakes.smpp.binds == 2)
        await sms.close()

    assert proxy.asked == [f"CONNECT {PUBLIC}:{fakes.smpp.port}"] * 2


async def test_no_proxy_is_asked_for_an_inner_centre(fakes, clock, sink):
    async with proxying() as proxy:
        sms = provider_of(clock, sink, guard_of(proxy.url, "10.0.0.1"))

        outcomes = await sms.send(batch_by(fakes.smpp.port), now=NOW)
        await sms.close()

    assert outcomes == [Misconfigured("the SMS centre's address may not be reached")]
    assert proxy.asked == []


async def test_a_proxy_that_refuses_is_named_and_gets_no_password(fakes, clock, sink):
    heads = []

    async def refuse(reader, writer):
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 403 Forbidden\r\n\r\n")
        heads.append(await reader.read())
        writer.close()

    server = await asyncio.start_server(refuse, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    sms = provider_of(clock, sink, guard_of(url, PUBLIC))

    outcomes = await sms.send(batch_by(fakes.smpp.port), now=NOW)
    await sms.close()
    server.close()

    assert outcomes == [Deferred("cannot connect: the proxy answered 403")]
    assert fakes.smpp.binds == 0
    await until(lambda: len(heads) == 2)
    assert heads[1] == b""
