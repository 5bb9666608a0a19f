"""Every fault of a script, over a real socket, seen by the `h2` library or as bare bytes."""

import json
import ssl
import time
from datetime import UTC, datetime

import h2.errors
import h2.events
import h2.exceptions
import pytest
from tests.unit.simulators.socket_client import SocketClient
from tests.unit.simulators.tokens import provider_token

from heliograph.outbound.http2 import frames
from heliograph.simulators import Simulators
from heliograph.simulators.faults import is_among
from heliograph.simulators.script import read_script

pytestmark = pytest.mark.anyio

BODY = b'{"aps":{"alert":"hello"}}'


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    return tmp_path_factory.mktemp("scripts")


@pytest.fixture
async def simulators(directory):
    running = await Simulators.start(directory)
    yield running
    await running.stop()


@pytest.fixture
def play(simulators):
    def follow(*rules):
        simulators.faults.play(read_script({"rules": list(rules)}))

    return follow


class Phone:
    """Pushes with the `h2` library, one connection."""

    def __init__(self, simulators):
        token = provider_token(simulators.apns_credential, datetime.now(UTC))
        self._headers = {
            "authorization": f"bearer {token}",
            "apns-topic": simulators.apns_credential.topic,
        }
        self.client = SocketClient(simulators.apns, simulators.ca_file)

    async def __aenter__(self):
        await self.client.__aenter__()
        return self

    async def __aexit__(self, *_):
        await self.client.__aexit__()

    def send(self, number, body=BODY):
        return self.client.post(f"/3/device/{number:064x}", self._headers, body)

    async def status(self, number):
        return (await self.client.reply(self.send(number)))[0]

    async def statuses(self, count):
        return [await self.status(number) for number in range(1, count + 1)]


async def test_the_nth_push_is_answered_otherwise(simulators, play):
    play({"nth": 3, "status": 503, "reason": "ServiceUnavailable"})

    async with Phone(simulators) as phone:
        assert await phone.statuses(5) == [200, 200, 503, 200, 200]


async def test_a_range_and_every_kth_of_it_are_answered_otherwise(simulators, play):
    play({"first": 2, "last": 5, "every": 2, "status": 500})

    async with Phone(simulators) as phone:
        assert await phone.statuses(7) == [200, 200, 500, 200, 500, 200, 200]


async def test_a_rule_is_used_up_after_its_times_and_the_next_one_follows(simulators, play):
    play({"status": 500, "times": 1}, {"token": f"{2:064x}", "status": 503})

    async with Phone(simulators) as phone:
        assert await phone.statuses(3) == [500, 503, 200]


async def test_numbers_can_count_on_each_connection(simulators, play):
    play({"nth": 2, "by_connection": True, "status": 500})

    for _ in range(2):
        async with Phone(simulators) as phone:
            assert await phone.statuses(3) == [200, 500, 200]


async def test_a_rule_can_be_for_one_listener_only(simulators, play):
    play({"listener": "fcm", "status": 500})

    async with Phone(simulators) as phone:
        assert await phone.status(1) == 200


async def test_a_share_of_the_tokens_is_dead_and_always_the_same(simulators, play):
    dying = {"share": 0.3, "seed": 5, "status": 410, "reason": "Unregistered", "died_s_ago": 60}
    play(dying)
    before_ms = time.time() * 1000

    async with Phone(simulators) as phone:
        replies = [await phone.client.reply(phone.send(number)) for number in range(100)]
        again = [await phone.status(number) for number in range(100)]

    statuses = [status for status, _, _ in replies]
    bodies = [json.loads(body) for status, _, body in replies if status == 410]
    assert statuses == again
    assert statuses == [410 if is_among(f"{number:064x}", 0.3, 5) else 200 for number in range(100)]
    assert 15 <= len(bodies) <= 45
    assert all(body["reason"] == "Unregistered" for body in bodies)
    assert all(-1 <= body["timestamp"] - before_ms + 60_000 < 30_000 for body in bodies)


async def test_a_share_of_the_pushes_follows_the_seed(simulators, play):
    seen = []
    for _ in range(2):
        play({"share": 0.5, "of_pushes": True, "seed": 1, "status": 500})
        async with Phone(simulators) as phone:
            seen.append([await phone.status(7) for _ in range(30)])

    assert seen[0] == seen[1]
    assert {200, 500} == set(seen[0])


async def test_throttling_says_when_to_come_back(simulators, play):
    play({"nth": 1, "status": 429, "reason": "TooManyRequests", "retry_after": 30})

    async with Phone(simulators) as phone:
        status, headers, body = await phone.client.reply(phone.send(1))

    assert (status, headers["retry-after"]) == (429, "30")
    assert json.loads(body) == {"reason": "TooManyRequests"}


async def test_a_delay_holds_up_nobody_else(simulators, play):
    async with Phone(simulators) as phone:
        await phone.status(1)
        play({"nth": 1, "delay_ms": 30_000}, {"first": 2, "last": 51, "delay_ms": 20})
        began = time.monotonic()
        phone.send(2)
        late = [phone.send(number) for number in range(3, 53)]
        prompt = await phone.client.reply(phone.send(60))
        replies = [await phone.client.reply(stream) for stream in late]

    assert prompt[0] == 200
    assert {status for status, _, _ in replies} == {200}
    assert 0.02 <= time.monotonic() - began < 5


async def test_the_number_of_streams_falls_to_one_and_rises_again(simulators, play):
    play({"nth": 2, "action": "squeeze", "max_streams": 1, "requests": 3})
    limits = []

    async with Phone(simulators) as phone:
        for number in range(8):
            assert await phone.status(number) == 200
            await phone.client.ping()
            limits.append(phone.client.h2.remote_settings.max_concurrent_streams)

    assert limits == [1000, 1, 1, 1, 1000, 1000, 1000, 1000]


async def test_a_small_window_is_given_back_in_small_steps(simulators, play):
    play({"nth": 1, "action": "squeeze", "window_bytes": 1000})
    body = b'{"aps":{},"x":"' + b"y" * 3000 + b'"}'

    async with Phone(simulators) as phone:
        assert await phone.status(1) == 200
        await phone.client.ping()
        assert phone.client.h2.remote_settings.initial_window_size == 1000
        replies = [
            await phone.client.reply(await phone.client.trickle(phone.send(n, b""), body))
            for n in range(30)
        ]
        window = phone.client.h2.outbound_flow_control_window

    assert {status for status, _, _ in replies} == {200}
    assert window <= 1000
    assert len(simulators.inbox.received()) == 31


async def test_goaway_comes_after_so_many_pushes_of_each_connection(simulators, play):
    play({"nth": 3, "by_connection": True, "action": "goaway", "status": 200})

    async with Phone(simulators) as phone:
        streams = [phone.send(number) for number in range(1)]
        await phone.client.reply(streams[0])
        for number in range(1, 6):
            phone.send(number)
        event = await phone.client.wait_for(h2.events.ConnectionTerminated)

    assert (event.last_stream_id, event.error_code) == (5, h2.errors.ErrorCodes.NO_ERROR)
    assert [push.token for push in simulators.inbox.received()] == [f"{n:064x}" for n in range(3)]


async def test_goaway_can_name_another_last_stream(simulators, play):
    play({"nth": 2, "action": "goaway", "status": 200, "last_stream_id": 2**31 - 1})

    async with Phone(simulators) as phone:
        await phone.status(1)
        second = phone.send(2)
        event = await phone.client.wait_for(h2.events.ConnectionTerminated)
        status, _, _ = await phone.client.reply(second)

    assert (event.last_stream_id, status) == (2**31 - 1, 200)


@pytest.mark.parametrize(("finishes", "answered"), [(True, True), (False, False)])
async def test_goaway_finishes_what_is_below_only_if_told(simulators, play, finishes, answered):
    async with Phone(simulators) as phone:
        await phone.status(1)
        play(
            {"nth": 1, "delay_ms": 100},
            {"nth": 2, "action": "goaway", "status": 200, "finishes": finishes},
        )
        below, last = phone.send(2), phone.send(3)
        # The library reads nothing behind a GOAWAY.
        received = await phone.client.frames_to_the_end()

    kinds = [(frame.type, frame.stream_id) for frame in received]
    assert (frames.FrameType.GOAWAY, 0) in kinds
    assert (frames.FrameType.HEADERS, last) in kinds
    assert ((frames.FrameType.HEADERS, below) in kinds) == answered


async def test_a_stream_is_reset_with_a_code(simulators, play):
    play({"nth": 1, "action": "rst", "reason": "ENHANCE_YOUR_CALM"})

    async with Phone(simulators) as phone:
        event = await phone.client.wait_for(h2.events.StreamReset, phone.send(1))

    assert event.error_code == h2.errors.ErrorCodes.ENHANCE_YOUR_CALM


async def test_a_hanging_push_leaves_the_others_alone(simulators, play):
    play({"nth": 2, "action": "hang"})

    async with Phone(simulators) as phone:
        await phone.status(1)
        hanging = phone.send(2)
        assert await phone.status(3) == 200
        assert not [e for e in phone.client.events if getattr(e, "stream_id", 0) == hanging]


async def test_a_half_open_connection_says_nothing_and_does_not_end(simulators, play):
    play({"nth": 2, "action": "freeze"})

    async with Phone(simulators) as phone:
        await phone.status(1)
        phone.send(2)
        phone.send(3)
        with pytest.raises(TimeoutError):
            await phone.client.ping(within_s=0.3)

        assert simulators.apns.connection_count == 1
    assert len(simulators.inbox.received()) == 1


async def test_a_bad_header_block_is_no_header_block(simulators, play):
    play({"nth": 1, "action": "bad_hpack"})

    async with Phone(simulators) as phone:
        stream = phone.send(1)
        with pytest.raises(h2.exceptions.ProtocolError, match="header block"):
            await phone.client.reply(stream)


async def test_a_malformed_frame_breaks_the_protocol(simulators, play):
    play({"nth": 1, "action": "bad_frame"})

    async with Phone(simulators) as phone:
        stream = phone.send(1)
        with pytest.raises(h2.exceptions.FrameDataMissingError):
            await phone.client.reply(stream)


async def test_a_connection_is_reset_by_tcp(simulators, play):
    play({"nth": 1, "action": "reset"})

    async with Phone(simulators) as phone:
        stream = phone.send(1)
        with pytest.raises(ConnectionResetError):
            await phone.client.reply(stream)


async def test_a_connection_is_closed(simulators, play):
    play({"nth": 1, "action": "close"})

    async with Phone(simulators) as phone:
        try:
            ended = await phone.client.wait_for(h2.events.StreamEnded, phone.send(1))
        except (ConnectionError, ssl.SSLError):
            ended = None

    assert ended is None


async def test_what_was_answered_is_in_the_log(simulators, play):
    play({"nth": 2, "status": 410, "reason": "Unregistered"}, {"nth": 3, "action": "hang"})

    async with Phone(simulators) as phone:
        await phone.statuses(2)
        phone.send(3)
        await phone.client.ping()

    lines = [line.split() for line in simulators.log.text().decode().splitlines()]
    assert [line[:2] for line in lines] == [["apns", "200"], ["apns", "410"], ["apns", "0"]]
    assert [line[3] for line in lines] == [f"{number:064x}" for number in (1, 2, 3)]
    assert simulators.log.counts() == {"apns": {"0": 1, "200": 1, "410": 1}}
