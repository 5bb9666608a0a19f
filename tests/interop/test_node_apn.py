"""@parse/node-apn, an APNs client of another house, talks to our fake."""

import base64
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

    async def send_all(*pushes, fake=simulators.apns, key=None, certificate=None, channels=()):
        credential = simulators.apns_credential
        common = {"topic": credential.topic, "pushType": "alert"}
        order = {
            "key": key or credential.p8,
            "key_id": credential.key_id,
            "team_id": credential.team_id,
            "port": fake.port,
            "ca": simulators.ca_file.read_text(),
            "certificate": certificate,
            "channels": list(channels),
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


PUSH_TYPES = {
    "alert": "",
    "background": "",
    "voip": ".voip",
    "location": ".location-query",
    "complication": ".complication",
    "fileprovider": ".pushkit.fileprovider",
    "mdm": "",
    "liveactivity": ".push-type.liveactivity",
    "pushtotalk": ".voip-ptt",
    "widgets": ".push-type.widgets",
    "controls": ".push-type.controls",
}


async def test_every_push_type_arrives_at_its_topic(simulators, send):
    topic = simulators.apns_credential.topic
    tokens = {push_type: f"{number:064x}" for number, push_type in enumerate(PUSH_TYPES)}

    results = await send(
        *(
            (
                [tokens[push_type]],
                {"topic": topic + suffix, "pushType": push_type, "priority": 5},
            )
            for push_type, suffix in PUSH_TYPES.items()
        )
    )

    assert [result["failed"] for result in results] == [[]] * len(PUSH_TYPES)
    for push_type, token in tokens.items():
        (received,) = simulators.inbox.received(token)
        assert received.headers["apns-push-type"] == push_type


@pytest.mark.parametrize("push_type", [each for each, suffix in PUSH_TYPES.items() if suffix])
async def test_a_push_type_without_its_suffix_is_refused(simulators, send, push_type):
    (result,) = await send(([TOKEN], {"pushType": push_type, "priority": 5}))

    (failed,) = result["failed"]
    assert failed["response"]["reason"] == "DeviceTokenNotForTopic"


async def test_a_certificate_needs_no_token(simulators, send):
    given = simulators.apns_certificate
    certificate = {
        "pfx": base64.b64encode(given.p12).decode(),
        "passphrase": given.password,
    }

    taken, strange = await send(
        ([TOKEN], {}), ([OTHER], {"topic": "com.example.other"}), certificate=certificate
    )

    assert taken == {"sent": [TOKEN], "failed": []}
    assert strange["failed"][0]["response"]["reason"] == "TopicDisallowed"
    assert "authorization" not in simulators.inbox.received(TOKEN)[0].headers


async def test_a_channel_is_managed_and_pushed_to(simulators, send):
    bundle_id = simulators.apns_credential.topic

    made, listed, pushed, deleted, gone = await send(
        channels=[
            {"action": "create", "bundle_id": bundle_id},
            {"action": "readAll", "bundle_id": bundle_id},
            {"action": "broadcast", "bundle_id": bundle_id},
            {"action": "delete", "bundle_id": bundle_id},
            {"action": "read", "bundle_id": bundle_id},
        ]
    )

    (channel_id,) = listed["channels"]
    (push,) = simulators.inbox.received(f"/channels/{channel_id}")
    assert made["channel"] == channel_id
    assert pushed["ok"]
    assert push.headers["apns-push-type"] == "liveactivity"
    assert deleted["ok"]
    assert gone["reason"] == "ChannelNotRegistered"
