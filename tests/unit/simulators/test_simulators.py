import asyncio
import json
import ssl
import stat
from datetime import UTC, datetime

import aiohttp
import h2.events
import pytest
from tests.unit.simulators.socket_client import SocketClient
from tests.unit.simulators.tokens import assertion, grant_form, provider_token

from heliograph.simulators import Simulators
from heliograph.simulators.faults import Action, Fault

pytestmark = pytest.mark.anyio

TOKEN = "ab" * 32


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    return tmp_path_factory.mktemp("simulators")


@pytest.fixture
async def simulators(directory):
    running = await Simulators.start(directory)
    yield running
    await running.stop()


@pytest.fixture
def headers(simulators):
    token = provider_token(simulators.apns_credential, datetime.now(UTC))
    return {
        "authorization": f"bearer {token}",
        "apns-topic": simulators.apns_credential.topic,
        "apns-push-type": "alert",
    }


def push(client, headers, token=TOKEN, body=b'{"aps":{"alert":"hello"}}'):
    return client.post(f"/3/device/{token}", headers, body)


async def test_a_push_goes_over_a_real_socket(simulators, headers):
    async with SocketClient(simulators.apns, simulators.ca_file) as client:
        status, reply, body = await client.reply(push(client, headers))

    (received,) = simulators.inbox.received(TOKEN)
    assert (status, reply.keys(), body) == (200, {"apns-id"}, b"")
    assert received.payload == {"aps": {"alert": "hello"}}


async def test_production_and_sandbox_are_two_listeners(simulators, headers):
    assert simulators.apns.url != simulators.apns_sandbox.url
    async with SocketClient(simulators.apns_sandbox, simulators.ca_file) as client:
        _, reply, _ = await client.reply(push(client, headers))

    assert reply.keys() == {"apns-id", "apns-unique-id"}


@pytest.mark.parametrize(
    ("topics", "expected"),
    [(None, 200), (("com.example.demo", "org.acme.chat"), 200), (("com.example.demo",), 400)],
)
async def test_a_team_key_serves_every_bundle_id(directory, topics, expected):
    running = await Simulators.start(directory, topics=topics)
    try:
        credential = running.apns_credential
        token = provider_token(credential, datetime.now(UTC))
        headers = {"authorization": f"bearer {token}", "apns-topic": "org.acme.chat"}
        async with SocketClient(running.apns, running.ca_file) as client:
            status, _, _ = await client.reply(push(client, headers))
    finally:
        await running.stop()

    assert (status, credential.topic) == (expected, "com.example.demo")


async def test_one_stream_until_the_first_push_then_a_thousand(simulators, headers):
    async with SocketClient(simulators.apns, simulators.ca_file) as client:
        before = client.h2.remote_settings.max_concurrent_streams
        await client.reply(push(client, headers))
        client.events.clear()
        simulators.faults.add(Fault("*", action=Action.HANG, times=999))
        for number in range(1000):
            last = push(client, headers, f"{number:064x}")
        status, _, _ = await client.reply(last)

        assert (before, status) == (1, 200)
        assert client.h2.remote_settings.max_concurrent_streams == 1000
        assert client.h2.open_outbound_streams == 999


async def test_goaway_reaches_the_client_before_the_connection_ends(simulators, headers):
    simulators.faults.add(Fault("cd", 200, action=Action.GOAWAY))
    simulators.faults.add(Fault("ef", reason="Shutdown", action=Action.GOAWAY))
    for token, last_stream_id in (("cd", 1), ("ef", 0)):
        async with SocketClient(simulators.apns, simulators.ca_file) as client:
            push(client, headers, token)
            event = await client.wait_for(h2.events.ConnectionTerminated)

            assert event.last_stream_id == last_stream_id
    assert event.additional_data == b'{"reason": "Shutdown"}'
    assert [received.token for received in simulators.inbox.received()] == ["cd"]


async def test_a_stream_can_be_reset(simulators, headers):
    simulators.faults.add(Fault(TOKEN, reason="INTERNAL_ERROR", action=Action.RST))

    async with SocketClient(simulators.apns, simulators.ca_file) as client:
        event = await client.wait_for(h2.events.StreamReset, push(client, headers))

    assert event.error_code == 2


async def test_a_connection_can_be_cut(simulators, headers):
    simulators.faults.add(Fault(TOKEN, action=Action.CLOSE))

    async with SocketClient(simulators.apns, simulators.ca_file) as client:
        push(client, headers)

        try:
            event = await client.wait_for(h2.events.StreamEnded)
        except (ConnectionError, ssl.SSLError):
            event = None
    assert event is None


async def test_a_client_without_http2_is_turned_away(simulators):
    tls = ssl.create_default_context(cafile=simulators.ca_file)

    reader, writer = await asyncio.open_connection("127.0.0.1", simulators.apns.port, ssl=tls)
    try:
        received = await reader.read()
    except (ConnectionError, ssl.SSLError):
        received = b""
    finally:
        writer.transport.abort()
        await asyncio.sleep(0)

    assert received == b""


@pytest.mark.parametrize("alpn", [("h2",), ("h2", "http/1.1")])
async def test_fcm_takes_messages_over_http2(simulators, alpn):
    bearer = await access_token(simulators)
    account = simulators.fcm_service_account
    path = f"/v1/projects/{account['project_id']}/messages:send"
    body = json.dumps({"message": {"token": "device-1"}}).encode()

    async with SocketClient(simulators.fcm, simulators.ca_file, alpn=alpn) as client:
        headers = {"authorization": f"Bearer {bearer}"}
        status, _, reply = await client.reply(client.post(path, headers, body))

    assert status == 200
    assert json.loads(reply)["name"].startswith(f"projects/{account['project_id']}/messages/")
    assert [received.provider for received in simulators.inbox.received("device-1")] == ["fcm"]


async def access_token(simulators):
    """Trade an assertion at the token endpoint, over HTTP/1.1."""
    signed = assertion(simulators._credentials, datetime.now(UTC))
    tls = ssl.create_default_context(cafile=simulators.ca_file)
    uri = simulators.fcm_service_account["token_uri"]
    async with (
        aiohttp.ClientSession() as session,
        session.post(uri, data=grant_form(signed), ssl=tls) as reply,
    ):
        assert reply.status == 200
        return (await reply.json())["access_token"]


async def test_a_directory_keeps_its_credentials(simulators, directory):
    again = await Simulators.start(directory)
    try:
        assert again.apns_credential == simulators.apns_credential
        assert again.ca_file.read_bytes() == simulators.ca_file.read_bytes()
        ours, theirs = simulators.fcm_service_account, again.fcm_service_account
        assert ours["private_key_id"] == theirs["private_key_id"]
    finally:
        await again.stop()
    modes = {stat.S_IMODE(file.stat().st_mode) for file in directory.iterdir()}
    assert modes == {0o600}


async def test_secrets_are_not_in_the_repr(simulators):
    assert "PRIVATE" not in repr(simulators.apns_credential)
    assert "PRIVATE" not in repr(simulators._credentials)


async def test_a_taken_port_stops_the_start_and_leaves_nothing(simulators, directory):
    with pytest.raises(OSError):
        await Simulators.start(directory, fcm_port=simulators.fcm.port)


async def test_stopping_ends_open_connections(directory):
    running = await Simulators.start(directory)
    async with SocketClient(running.apns, running.ca_file) as client:
        assert running.apns.connection_count == 1
        stopping = asyncio.ensure_future(running.stop())
        event = await client.wait_for(h2.events.ConnectionTerminated)
        end = await client.wait_for(h2.events.StreamEnded)
        client._writer.close()
        await stopping

    assert event.error_code == 0
    assert end is None
    assert running.apns.connection_count == 0


async def test_stopping_does_not_wait_for_a_client_that_is_stuck(directory):
    running = await Simulators.start(directory)
    async with SocketClient(running.fcm, running.ca_file) as client:
        client._writer.transport.pause_reading()
        await running.stop()

        assert running.fcm.connection_count == 0
