"""@parse/node-apn, an APNs client of another house, talks to our fake."""

import json
import subprocess

import anyio.to_thread
import pytest
from tests.interop.conftest import NODE_FOLDER

from heliograph.simulators import Simulators
from heliograph.simulators.faults import Action, Fault

pytestmark = [pytest.mark.interop, pytest.mark.anyio]

TOKEN = "ab" * 32
OTHER = "cd" * 32
_PATIENCE_S = 60


@pytest.fixture
async def simulators(tmp_path):
    running = await Simulators.start(tmp_path)
    yield running
    await running.stop()


@pytest.fixture
def send(node, simulators):
    """Send pushes, given as (tokens, options), with node-apn; return what it reports of each."""

    async def send_all(*pushes, fake=simulators.apns, key=None):
        credential = simulators.apns_credential
        common = {"topic": credential.topic, "pushType": "alert"}
        order = {
            "key": key or credential.p8,
            "key_id": credential.key_id,
            "team_id": credential.team_id,
            "port": fake.port,
            "ca": simulators.ca_file.read_text(),
            "pushes": [
                {"tokens": tokens, "options": {**common, **options}} for tokens, options in pushes
            ],
        }
        done = await anyio.to_thread.run_sync(lambda: _run(node, order))
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return send_all


def _run(node, order):
    return subprocess.run(
        [node, "push.mjs"],
        cwd=NODE_FOLDER,
        input=json.dumps(order),
        capture_output=True,
        text=True,
        check=False,
        timeout=_PATIENCE_S,
    )


async def test_a_push_arrives(simulators, send):
    options = {"id": "123e4567-e89b-42d3-a456-426614174000", "collapseId": "x", "expiry": 0}

    (result,) = await send(([TOKEN], options))

    (received,) = simulators.inbox.received(TOKEN)
    assert result == {"sent": [TOKEN], "failed": []}
    assert received.payload == {"aps": {"alert": "hello"}}
    assert received.headers["apns-topic"] == simulators.apns_credential.topic
    assert received.headers["apns-collapse-id"] == "x"
    assert "authorization" not in received.headers


async def test_a_gone_token_is_reported_with_its_time(simulators, send):
    simulators.faults.add(Fault(TOKEN, 410, "Unregistered", timestamp=1_700_000_000_000))

    (result,) = await send(([TOKEN, OTHER], {}))

    (failed,) = result["failed"]
    assert result["sent"] == [OTHER]
    assert (failed["device"], failed["status"]) == (TOKEN, 410)
    assert failed["response"] == {"reason": "Unregistered", "timestamp": 1_700_000_000_000}


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"topic": "com.example.other"}, "TopicDisallowed"),
        ({"topic": "com..example"}, "BadTopic"),
        ({"pushType": "voip"}, "DeviceTokenNotForTopic"),
        ({"pushType": "background", "priority": 10}, "BadPriority"),
        ({"id": "not-a-uuid"}, "BadMessageId"),
        ({"collapseId": "x" * 65}, "BadCollapseId"),
        ({"rawPayload": {"aps": {"alert": "x" * 5000}}}, "PayloadTooLarge"),
    ],
)
async def test_a_wrong_push_is_reported_with_its_reason(simulators, send, options, reason):
    (result,) = await send(([TOKEN], options))

    (failed,) = result["failed"]
    assert failed["response"]["reason"] == reason
    assert simulators.inbox.received() == []


async def test_a_key_apns_does_not_know_is_refused(tmp_path, simulators, send):
    stranger = await Simulators.start(tmp_path / "stranger")
    key = stranger.apns_credential.p8
    await stranger.stop()

    (result,) = await send(([TOKEN], {}), key=key)

    (failed,) = result["failed"]
    assert (failed["status"], failed["response"]["reason"]) == (403, "InvalidProviderToken")


async def test_many_pushes_arrive(simulators, send):
    tokens = [f"{number:064x}" for number in range(2000)]

    first, many = await send(([TOKEN], {}), (tokens, {}))

    assert (first["failed"], many["failed"]) == ([], [])
    assert sorted(many["sent"]) == tokens
    assert sorted(push.token for push in simulators.inbox.received()) == sorted([TOKEN, *tokens])


async def test_the_sandbox_is_another_server(simulators, send):
    (result,) = await send(([TOKEN], {}), fake=simulators.apns_sandbox)

    assert result["sent"] == [TOKEN]


async def test_a_busy_answer_is_reported(simulators, send):
    # More than once: node-apn tries again by itself.
    simulators.faults.add(Fault(TOKEN, 429, "TooManyRequests", times=99))

    (result,) = await send(([TOKEN], {}))

    assert result["failed"][0]["response"]["reason"] == "TooManyRequests"


async def test_a_reset_stream_is_reported(simulators, send):
    simulators.faults.add(Fault(TOKEN, reason="INTERNAL_ERROR", action=Action.RST, times=99))

    result, after = await send(([TOKEN], {}), ([OTHER], {}))

    assert result["failed"][0]["device"] == TOKEN
    assert after["sent"] == [OTHER]
