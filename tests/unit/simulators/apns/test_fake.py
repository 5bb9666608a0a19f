import json
import uuid

import pytest
from tests.unit.simulators.tokens import provider_token

from heliograph.outbound.http2.frames import ErrorCode
from heliograph.simulators.apns.fake import ApnsFake
from heliograph.simulators.apns.provider_tokens import KnownKeys
from heliograph.simulators.apns.reasons import STATUS_OF
from heliograph.simulators.exchange import Answer, Drop, Farewell, Request, Reset, Silence
from heliograph.simulators.faults import Action, Fault, FaultBook
from heliograph.simulators.inbox import Inbox

TOKEN = "ab" * 32
MESSAGE_ID = b"123e4567-e89b-42d3-a456-426614174000"


@pytest.fixture
def fake(credentials, now):
    return ApnsFake(
        keys=KnownKeys([credentials.apns_key]),
        inbox=Inbox(),
        faults=FaultBook(),
        now=lambda: now,
        is_sandbox=False,
    )


@pytest.fixture
def request_(credentials, now):
    headers = {
        b"authorization": b"bearer " + provider_token(credentials.apns, now).encode(),
        b"apns-topic": b"com.example.demo",
        b"apns-id": MESSAGE_ID,
    }
    return Request(b"POST", f"/3/device/{TOKEN}".encode(), headers, b'{"aps":{}}')


def test_a_good_push_is_answered_and_kept(fake, request_, now):
    answer = fake.open_session().react(request_)

    (push,) = fake.inbox.received(TOKEN)
    assert answer == Answer(200, ((b"apns-id", MESSAGE_ID),))
    assert (push.provider, push.payload, push.received_at) == ("apns", {"aps": {}}, now)
    assert push.headers == {"apns-topic": "com.example.demo", "apns-id": MESSAGE_ID.decode()}


def test_a_push_without_an_id_is_given_one(fake, request_):
    del request_.headers[b"apns-id"]

    (name, value) = fake.open_session().react(request_).fields[0]

    assert name == b"apns-id"
    assert str(uuid.UUID(value.decode())) == value.decode()


def test_a_wrong_id_is_not_echoed(fake, request_):
    request_.headers[b"apns-id"] = b"x"

    answer = fake.open_session().react(request_)

    assert json.loads(answer.body) == {"reason": "BadMessageId"}
    assert uuid.UUID(answer.fields[0][1].decode())


def test_only_the_sandbox_gives_a_unique_id(fake, request_):
    fake.is_sandbox = True

    fields = dict(fake.open_session().react(request_).fields)

    assert fields.keys() == {b"apns-id", b"apns-unique-id"}


def test_a_refused_push_is_not_kept(fake, request_):
    answer = fake.open_session().react(request_._replace(body=b""))

    assert (answer.status, json.loads(answer.body)) == (400, {"reason": "PayloadEmpty"})
    assert fake.inbox.received() == []


def test_one_stream_until_the_sender_is_known(fake, request_):
    session = fake.open_session()
    before = session.max_streams

    session.react(request_._replace(headers={b"apns-topic": b"com.example.demo"}))
    unknown = session.max_streams
    session.react(request_._replace(body=b""))

    assert (before, unknown, session.max_streams) == (1, 1, 1000)


def test_a_scripted_403_authenticates_nobody(fake, request_):
    fake.faults.add(Fault(TOKEN, 403, "ExpiredProviderToken"))
    session = fake.open_session()

    session.react(request_)
    first = session.max_streams
    session.react(request_)

    assert (first, session.max_streams) == (1, 1000)


@pytest.mark.parametrize(("reason", "status"), STATUS_OF.items())
def test_every_reason_can_be_scripted(fake, request_, reason, status):
    fake.faults.add(Fault(TOKEN, status, reason))

    answer = fake.open_session().react(request_)

    assert (answer.status, json.loads(answer.body)) == (status, {"reason": reason})
    assert answer.fields[0] == (b"apns-id", MESSAGE_ID)
    assert fake.inbox.received() == []


def test_a_410_says_since_when(fake, request_):
    fake.faults.add(Fault(TOKEN, 410, "Unregistered", timestamp=1_700_000_000_000))

    answer = fake.open_session().react(request_)

    assert json.loads(answer.body) == {"reason": "Unregistered", "timestamp": 1_700_000_000_000}


def test_a_fault_may_say_when_to_come_back_and_take_its_time(fake, request_):
    fake.faults.add(Fault(TOKEN, 503, retry_after=7, delay_ms=5))

    answer = fake.open_session().react(request_)

    assert answer.fields[-1] == (b"retry-after", b"7")
    assert (answer.delay_ms, answer.body) == (5, b"")


def test_a_fault_with_200_only_misbehaves(fake, request_):
    fake.faults.add(Fault(TOKEN, 200, delay_ms=5))

    answer = fake.open_session().react(request_)

    assert (answer.status, answer.delay_ms) == (200, 5)
    assert len(fake.inbox.received()) == 1


def test_a_wrong_push_does_not_use_a_fault_up(fake, request_):
    fake.faults.add(Fault(TOKEN, 410))

    fake.open_session().react(request_._replace(body=b""))

    assert fake.open_session().react(request_).status == 410


@pytest.mark.parametrize(
    ("fault", "reaction"),
    [
        (Fault(TOKEN, action=Action.HANG), Silence()),
        (Fault(TOKEN, action=Action.CLOSE), Drop()),
        (Fault(TOKEN, action=Action.RST), Reset(ErrorCode.REFUSED_STREAM)),
        (Fault(TOKEN, reason="CANCEL", action=Action.RST), Reset(ErrorCode.CANCEL)),
        (Fault(TOKEN, action=Action.GOAWAY), Farewell(None, b"")),
        (
            Fault(TOKEN, reason="Shutdown", action=Action.GOAWAY),
            Farewell(None, b'{"reason": "Shutdown"}'),
        ),
        (Fault(TOKEN, 503, "Shutdown", action=Action.HANG), Silence()),
    ],
)
def test_a_connection_can_misbehave(fake, request_, fault, reaction):
    fake.faults.add(fault)

    assert fake.open_session().react(request_) == reaction
    assert fake.inbox.received() == []


def test_a_push_can_be_taken_before_the_connection_goes(fake, request_):
    fake.faults.add(Fault(TOKEN, 200, action=Action.GOAWAY))

    reaction = fake.open_session().react(request_)

    assert reaction == Farewell(Answer(200, ((b"apns-id", MESSAGE_ID),)), b"")
    assert len(fake.inbox.received()) == 1
