from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from heliograph.core.model.application import VapidKey
from heliograph.providers.webpush.auth import sign
from heliograph.providers.webpush.encryption import Receiver, encrypt
from heliograph.providers.webpush.settings import new_key
from heliograph.simulators.exchange import Answer, Drop, Request
from heliograph.simulators.faults import Action, Fault, FaultBook
from heliograph.simulators.inbox import Inbox
from heliograph.simulators.push_log import PushLog
from heliograph.simulators.webpush.browser import Subscription, UnreadableMessage
from heliograph.simulators.webpush.fake import WebPushFake

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ORIGIN = "https://127.0.0.1:1"
KEY = new_key()


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


@pytest.fixture
def faults() -> FaultBook:
    return FaultBook()


@pytest.fixture
def log() -> PushLog:
    return PushLog()


@pytest.fixture
def fake(inbox: Inbox, faults: FaultBook, log: PushLog) -> WebPushFake:
    made = WebPushFake(inbox=inbox, faults=faults, now=lambda: NOW, log=log)
    made.url = ORIGIN
    return made


@pytest.fixture
def subscription(fake: WebPushFake) -> Subscription:
    return fake.subscribe(KEY.public)


def vapid(key: VapidKey = KEY, origin: str = ORIGIN, contact: str = "mailto:a@b.cd") -> bytes:
    return f"vapid t={sign(key, contact, origin, now=NOW)}, k={key.public}".encode()


def request(subscription: Subscription, **headers: bytes | None) -> Request:
    given = {
        b"ttl": b"60",
        b"urgency": b"high",
        b"content-encoding": b"aes128gcm",
        b"content-type": b"application/octet-stream",
        b"authorization": vapid(),
        **{name.replace("_", "-").encode(): value for name, value in headers.items()},
    }
    kept = {name: value for name, value in given.items() if value is not None}
    body = encrypt(b'{"title":"x"}\2', Receiver(subscription.public, subscription.auth))
    return Request(b"POST", subscription.endpoint.removeprefix(ORIGIN).encode(), kept, body)


def answer_of(fake: WebPushFake, asked: Request) -> Answer:
    answer = fake.open_session().react(asked)
    assert isinstance(answer, Answer)
    return answer


def errno_of(answer: Answer) -> tuple[int, int]:
    return answer.status, json.loads(answer.body)["errno"]


def test_a_message_is_taken_and_read(
    fake: WebPushFake, inbox: Inbox, log: PushLog, subscription: Subscription
) -> None:
    answer = answer_of(fake, request(subscription))

    (push,) = inbox.received(subscription.endpoint)
    assert answer.status == 201
    assert dict(answer.fields)[b"location"].startswith(f"{ORIGIN}/m/".encode())
    assert push.payload == {"title": "x"}
    assert log.counts() == {"webpush": {"201": 1}}


def test_a_message_without_a_body_is_one(
    fake: WebPushFake, inbox: Inbox, subscription: Subscription
) -> None:
    asked = request(subscription, content_encoding=None)._replace(body=b"")

    assert answer_of(fake, asked).status == 201
    assert inbox.received()[0].to_json()["payload"] == ""


@pytest.mark.parametrize(
    ("headers", "refusal"),
    [
        ({"ttl": None}, (400, 111)),
        ({"ttl": b"-1"}, (400, 111)),
        ({"urgency": b"urgent"}, (400, 110)),
        ({"topic": b"a" * 33}, (400, 113)),
        ({"topic": b"a/b"}, (400, 113)),
        ({"content_encoding": b"aesgcm"}, (400, 110)),
        ({"content_type": None}, (400, 110)),
        ({"authorization": None}, (401, 109)),
        ({"authorization": b"Bearer x"}, (401, 109)),
        ({"authorization": b"vapid t=a.b.c, k=AAAA"}, (401, 109)),
        ({"authorization": vapid(origin="https://elsewhere")}, (401, 109)),
        ({"authorization": vapid(contact="mailto:root@localhost")}, (401, 109)),
        ({"authorization": vapid(VapidKey(new_key().public, KEY.private))}, (401, 109)),
    ],
)
def test_what_push_services_refuse_is_refused(
    fake: WebPushFake, subscription: Subscription, headers, refusal
) -> None:
    assert errno_of(answer_of(fake, request(subscription, **headers))) == refusal


@pytest.mark.parametrize("hours", [-13, 13])
def test_a_token_is_good_for_its_day(
    inbox: Inbox, faults: FaultBook, subscription: Subscription, hours: int
) -> None:
    fake = WebPushFake(inbox=inbox, faults=faults, now=lambda: NOW + timedelta(hours=hours))
    fake.url = ORIGIN
    own = fake.subscribe(KEY.public)

    assert errno_of(answer_of(fake, request(own))) == (401, 109)


def test_another_key_is_refused_in_googles_words(
    fake: WebPushFake, subscription: Subscription
) -> None:
    answer = answer_of(fake, request(subscription, authorization=vapid(new_key())))

    assert answer.status == 403
    assert b"do not correspond" in answer.body


def test_any_key_may_send_where_none_was_named(fake: WebPushFake) -> None:
    assert answer_of(fake, request(fake.subscribe())).status == 201


def test_ended_and_unknown_subscriptions_are_told_apart(
    fake: WebPushFake, subscription: Subscription
) -> None:
    unknown = Subscription.make(f"{ORIGIN}/push/unknown", None)
    fake.unsubscribe(subscription.endpoint)

    assert errno_of(answer_of(fake, request(subscription))) == (410, 106)
    assert errno_of(answer_of(fake, request(unknown))) == (404, 103)


def test_too_much_is_too_much(fake: WebPushFake, subscription: Subscription) -> None:
    asked = request(subscription)._replace(body=b"x" * 4097)

    assert errno_of(answer_of(fake, asked)) == (413, 104)


def test_what_the_browser_can_t_read_is_refused(
    fake: WebPushFake, subscription: Subscription
) -> None:
    other = fake.subscribe(KEY.public)
    asked = request(other)._replace(path=request(subscription).path)

    assert errno_of(answer_of(fake, asked)) == (400, 101)


def test_elsewhere_there_is_nothing(fake: WebPushFake, subscription: Subscription) -> None:
    asked = request(subscription)

    assert answer_of(fake, asked._replace(path=b"/")).status == 404
    assert answer_of(fake, asked._replace(method=b"GET")).status == 405


def test_a_fault_that_takes_the_push_takes_it(
    fake: WebPushFake, inbox: Inbox, faults: FaultBook, log: PushLog, subscription: Subscription
) -> None:
    faults.add(Fault(subscription.endpoint, 200, delay_ms=5))
    faults.add(Fault(subscription.endpoint, action=Action.CLOSE))

    delayed = answer_of(fake, request(subscription))
    cut = fake.open_session().react(request(subscription))

    assert (delayed.status, delayed.delay_ms) == (201, 5)
    assert cut == Drop()
    assert inbox.total == 1
    assert log.counts() == {"webpush": {"0": 1, "201": 1}}


@pytest.mark.parametrize(
    "damage",
    [
        lambda body: body[:86],
        lambda body: body[:20] + b"\1" + body[21:],
        lambda body: body[:16] + bytes(4) + body[20:],
        lambda body: body[:16] + (18).to_bytes(4, "big") + body[20:],
        lambda body: body[:22] + b"\1" * 64 + body[86:],
        lambda body: body[:-1] + bytes([body[-1] ^ 1]),
    ],
)
def test_a_damaged_message_is_unreadable(subscription: Subscription, damage) -> None:
    body = encrypt(b"xyz\2", Receiver(subscription.public, subscription.auth))

    with pytest.raises(UnreadableMessage):
        subscription.read(damage(body))


@pytest.mark.parametrize("record", [b"x\1", b"\0\0"])
def test_only_the_last_record_will_do(subscription: Subscription, record: bytes) -> None:
    with pytest.raises(UnreadableMessage):
        subscription.read(encrypt(record, Receiver(subscription.public, subscription.auth)))


def test_a_subscription_is_said_as_browsers_say_it(subscription: Subscription) -> None:
    said = subscription.to_json()

    assert sorted(said) == ["endpoint", "expirationTime", "keys"]
    point = base64.urlsafe_b64decode(said["keys"]["p256dh"] + "=")
    ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
    assert len(base64.urlsafe_b64decode(said["keys"]["auth"] + "==")) == 16
