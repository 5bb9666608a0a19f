"""FCM's topics through the whole server: phones join, a notification goes out, phones leave."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from tests.asgi_client import call
from tests.system.engine import Engine, config_of, running

from heliograph.config import Storage
from heliograph.core.ids import spell
from heliograph.core.model.audience import Address, Addresses, AddressForm
from heliograph.core.model.notification import Content, Options
from heliograph.core.model.registration import ProviderName
from heliograph.simulators import Simulators
from heliograph.simulators.faults import Fault

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

pytestmark = [pytest.mark.anyio, pytest.mark.system]


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[Engine]:
    simulators = await Simulators.start(tmp_path / "simulators")
    config = config_of(tmp_path, simulators, Storage())
    async with running(config, simulators) as engine:
        yield engine
    await simulators.stop()


async def change(engine: Engine, method: str, topic: str, **members: object):
    account = engine.application.account_id
    _, key = await engine.core.applications.create_client(account, "back end")
    app = spell("application", engine.application.id)
    return await call(
        engine.stack.application,
        method,
        f"/v1/applications/{app}/fcm/topics/{topic}/registrations",
        headers={"authorization": f"Bearer {key}", "content-type": "application/json"},
        body=json.dumps(members).encode(),
    )


async def test_phones_join_a_topic_get_what_is_sent_to_it_and_leave(engine):
    known, dead = await engine.phones(2, ProviderName.FCM)
    ids = {row.token: spell("registration", row.id) for row in await engine.living()}
    topics = engine.simulators.fcm_topics
    engine.simulators.faults.add(Fault(dead, 404, "UNREGISTERED"))

    joined = await change(
        engine, "POST", "a%25b", registrations=[ids[known], ids[dead]], tokens=["fid-1"]
    )
    inside = [topics.topics_of(token) for token in (known, dead, "fid-1")]
    left = await change(engine, "DELETE", "a%25b", tokens=[known])

    assert (joined.status, left.status) == (200, 200)
    assert [item["state"] for item in joined.json()["items"]] == ["accepted", "gone", "accepted"]
    assert joined.json()["items"][1] == {
        "registration_id": ids[dead],
        "token": None,
        "state": "gone",
        "reason": "UNREGISTERED",
        "retry_after_s": None,
    }
    assert inside == [["a%b"], [], ["a%b"]]
    assert topics.topics_of(known) == []
    assert {row.token for row in await engine.living()} == {known, dead}


@pytest.mark.parametrize(
    ("form", "name"),
    [(AddressForm.TOPIC, "news"), (AddressForm.CONDITION, "'news' in topics")],
)
async def test_a_notification_reaches_a_group(engine, form, name):
    audience = Addresses((Address(ProviderName.FCM, name, form),))

    notification = await engine.core.notifications.accept(
        engine.back_end, engine.application, audience, Content(title="Hi"), Options()
    )
    counters = await engine.completes(notification)

    (push,) = engine.simulators.inbox.received()
    assert push.payload["message"][form.value] == name
    assert counters.accepted == 1


async def test_a_topic_that_cant_be_is_refused(engine):
    answer = await change(engine, "POST", "a%20b", tokens=["t"])

    assert answer.status == 400
    assert answer.json()["problems"] == [
        {
            "path": "topic",
            "kind": "malformed",
            "expected": "1 to 900 letters, digits or -_.~%",
        }
    ]


async def test_a_service_account_that_google_refuses_is_said_of_each(engine):
    engine.simulators.faults.add(Fault("/token", 400, "invalid_grant"))

    answer = await change(engine, "POST", "news", tokens=["a", "b"])

    assert answer.status == 200
    assert [item["state"] for item in answer.json()["items"]] == ["misconfigured"] * 2
    assert (answer.json()["accepted"], answer.json()["failed"]) == (0, 2)
