"""Sends in Twilio's words, all the way to the fakes: what arrives, and what is told of it."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from tests.asgi_client import Answer, call
from tests.system.engine import Engine, ShiftedClock, config_of, running, until

from heliograph.config import Storage
from heliograph.core.ids import letters_of
from heliograph.dialects.twilio.mapping import ids
from heliograph.simulators import Simulators
from heliograph.simulators.faults import Fault
from heliograph.wiring import Stack

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

pytestmark = [pytest.mark.anyio, pytest.mark.system]

PLACE = "/v1/PushNotifications"


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("simulators")


@pytest.fixture
def shifted() -> ShiftedClock:
    return ShiftedClock()


@pytest.fixture
async def simulators(certificates: Path, shifted: ShiftedClock) -> AsyncIterator[Simulators]:
    started = await Simulators.start(certificates, now=shifted.now)
    yield started
    await started.stop()


@dataclass
class Comms:
    """A back end that speaks Twilio's words."""

    stack: Stack
    authorization: str

    @classmethod
    async def of(cls, engine: Engine) -> Comms:
        core, account_id = engine.core, engine.application.account_id
        await core.aliases.set(ids.APP_ALIAS, account_id, engine.application.id, "demo_app")
        _, key = await core.applications.create_client(account_id, "comms")
        pair = f"{ids.account_sid(account_id)}:{key}".encode()
        return cls(engine.stack, "Basic " + base64.b64encode(pair).decode())

    async def call(self, method: str, path: str = "", body: Any = None) -> Answer:
        headers = {"authorization": self.authorization, "content-type": "application/json"}
        raw = b"" if body is None else json.dumps(body).encode()
        return await call(self.stack.application, method, PLACE + path, headers=headers, body=raw)

    async def get(self, path: str) -> Any:
        answer = await self.call("GET", path)
        assert answer.status == 200, answer
        return answer.json()

    async def send(self, *to: dict[str, Any], **rest: Any) -> str:
        body = {"to": list(to), "content": {"body": "hello"}} | rest
        answer = await self.call("POST", "", body)
        assert answer.status == 202, answer
        return str(answer.json()["operationId"])

    async def completes(self, operation: str) -> dict[str, int]:
        """Wait until an operation is over; answer its figures without those that are zero."""

        async def is_over() -> bool:
            shown = await self.get(f"/Operations/{operation}")
            stats = dict(shown["stats"])
            total = stats.pop("total")
            assert total == stats.pop("recipients") == sum(stats.values())
            return shown["status"] == "COMPLETED"

        await until(is_over)
        stats = (await self.get(f"/Operations/{operation}"))["stats"]
        return {name: count for name, count in stats.items() if count}

    async def user(self, *tokens: str, provider: str = "FCM") -> str:
        """A User with devices."""
        known: dict[str, str] = {}
        for token in tokens:
            device = {"appName": "demo_app", "token": token, "provider": provider, **known}
            made = await self.call("POST", "/DeviceRegistrations", device)
            shown = await self.get(f"/DeviceRegistrations/{made.json()['resourceId']}")
            known = {"userId": shown["userId"]}
        return known["userId"]


def fcm(number: int, **variables: str) -> dict[str, Any]:
    return {"token": f"fcm{number}:APA91b", "provider": "FCM", "variables": variables}


def apn(number: int, **variables: str) -> dict[str, Any]:
    return {"token": f"{number:064x}", "provider": "APN", "variables": variables}


async def test_every_recipient_gets_words_of_their_own(
    tmp_path: Path, simulators: Simulators, storage: Storage
) -> None:
    config = config_of(tmp_path, simulators, storage, page_size=7)
    async with running(config, simulators) as engine:
        comms = await Comms.of(engine)
        ann = await comms.user("ann-1", "ann-2", "ann-3")
        bob = await engine.core.identity.create_user(engine.application, "bob")
        nobody = ids.spell_user(bob.id)
        content = {
            "title": "Hi {{ name | default: 'friend' }}",
            "body": "{% if n %}{{ n }} new{% else %}nothing{% endif %}",
            "providerPassthrough": {
                "apn": {"aps": {"badge": 3, "alert": {"subtitle": "for {{ name }}"}}, "own": "x"},
                "fcm": {"message": {"data": {"name": "{{ name }}"}}},
            },
        }

        operation = await comms.send(
            *(fcm(n, name=f"F{n}", n=str(n)) for n in range(10)),
            *(apn(n, name=f"A{n}") for n in range(10)),
            {"userId": ann, "variables": {"name": "Ann"}},
            {"userId": ann, "variables": {"name": "Ann again"}},
            {"userId": nobody},
            fcm(3, name="twice"),
            fcm(99),
            content=content,
            sound="bell",
        )
        stats = await comms.completes(operation)

        assert stats == {"total": 25, "recipients": 25, "sent": 24, "unaddressable": 1}
        received = engine.received()
        assert received["fcm3:APA91b"] == 2
        assert {name: received[name] for name in ("ann-1", "ann-2", "ann-3")} == dict.fromkeys(
            ("ann-1", "ann-2", "ann-3"), 2
        )
        [apple] = simulators.inbox.received(f"{4:064x}")
        assert apple.payload["aps"]["alert"] == {
            "title": "Hi A4", "body": "nothing", "subtitle": "for A4",
        }  # fmt: skip
        assert (apple.payload["aps"]["badge"], apple.payload["own"]) == (3, "x")
        assert apple.payload["aps"]["sound"] == "bell"
        [google] = simulators.inbox.received("fcm5:APA91b")
        message = google.payload.get("message", google.payload)
        assert message["notification"] == {"title": "Hi F5", "body": "5 new"}
        assert message["data"] == {"name": "F5"}
        shown = (await comms.get(f"?operationId={operation}&user={ann}"))["pushNotifications"]
        contents = [(await comms.get(f"/{each['id']}"))["content"] for each in shown]
        assert [each["title"] for each in contents] == ["Hi Ann again", "Hi Ann"]
        failed = (await comms.get("?status=FAILED"))["pushNotifications"]
        assert [each["to"] for each in failed] == [{"userId": nobody}]


async def test_what_is_told_is_as_true_after_a_restart(
    tmp_path: Path, simulators: Simulators
) -> None:
    config = config_of(tmp_path, simulators, Storage())
    simulators.faults.add(Fault("fcm1:APA91b", 404, "UNREGISTERED"))
    async with running(config, simulators) as engine:
        comms = await Comms.of(engine)
        operation = await comms.send(fcm(0), fcm(1), apn(0))
        stats = await comms.completes(operation)
        before = [await comms.get(path) for path in ("", f"/Operations/{operation}")]
        authorization = comms.authorization
    stack = await Stack.open(config)
    try:
        again = Comms(stack, authorization)
        after = [await again.get(path) for path in ("", f"/Operations/{operation}")]
    finally:
        await stack.stop()

    assert stats == {"total": 3, "recipients": 3, "sent": 2, "failed": 1}
    assert after == before


async def test_a_scheduled_send_waits_for_its_time_and_a_canceled_one_for_none(
    tmp_path: Path, simulators: Simulators, shifted: ShiftedClock
) -> None:
    config = config_of(tmp_path, simulators, Storage())
    async with running(config, simulators, clock=shifted) as engine:
        comms = await Comms.of(engine)
        at = (shifted.now() + timedelta(days=2)).isoformat()
        operation = await comms.send(fcm(0), fcm(1), schedule={"sendAt": [at]})
        canceled = await comms.send(fcm(2), schedule={"sendAt": [at]})
        raw = ids.to_operation_id(canceled)
        assert raw is not None
        await engine.core.notifications.cancel(engine.back_end, engine.application, raw)

        waiting = await comms.get(f"/Operations/{operation}")
        shifted.shift = timedelta(days=2, seconds=1)
        stats = await comms.completes(operation)

        assert (waiting["status"], waiting["stats"]["scheduled"]) == ("SCHEDULED", 2)
        assert stats == {"total": 2, "recipients": 2, "sent": 2}
        ended = await comms.get(f"/Operations/{canceled}")
        assert (ended["status"], ended["stats"]["canceled"]) == ("CANCELED", 1)
        assert set(engine.received()) == {"fcm0:APA91b", "fcm1:APA91b"}
        shifted.shift = timedelta(days=10)
        assert (await comms.call("GET", f"/Operations/{operation}")).status == 404
        assert (await comms.get(""))["pushNotifications"] == []


async def test_a_named_credential_sends_and_a_missing_one_reaches_nobody(
    tmp_path: Path, simulators: Simulators
) -> None:
    config = config_of(tmp_path, simulators, Storage())
    async with running(config, simulators) as engine:
        comms = await Comms.of(engine)
        key_file = base64.b64encode(json.dumps(simulators.fcm_service_account).encode()).decode()
        made = await comms.call(
            "POST",
            "/Credentials",
            {"credentialType": "FCM", "appName": "demo_app", "content": {"privateKey": key_file}},
        )
        spare = made.json()["resourceId"]

        operation = await comms.send(fcm(0), apn(0), **{"from": {"fcm": spare}})
        stats = await comms.completes(operation)

        assert stats == {"total": 2, "recipients": 2, "sent": 1, "unaddressable": 1}
        [to_apple, to_google] = (await comms.get(""))["pushNotifications"]
        assert (to_google["from"], to_google["status"]) == ({"fcm": spare}, "SENT")
        assert (to_apple["from"], to_apple["status"]) == ({}, "FAILED")
        assert set(engine.received()) == {"fcm0:APA91b"}


async def test_a_recipient_whose_values_burn_too_much_fails_alone(
    tmp_path: Path, simulators: Simulators
) -> None:
    config = config_of(tmp_path, simulators, Storage())
    async with running(config, simulators) as engine:
        comms = await Comms.of(engine)
        body = "{% for i in (1..n) %}x{% endfor %}"
        modest = [fcm(n, n="2") for n in range(20)]

        operation = await comms.send(*modest, fcm(20, n="1000000000"), content={"body": body})
        stats = await comms.completes(operation)

        assert stats == {"total": 21, "recipients": 21, "sent": 20, "failed": 1}


async def test_what_is_refused_sends_nothing(tmp_path: Path, simulators: Simulators) -> None:
    config = config_of(tmp_path, simulators, Storage())
    async with running(config, simulators) as engine:
        comms = await Comms.of(engine)
        many = [fcm(n) for n in range(10_001)]

        answer = await comms.call("POST", "", {"to": many, "content": {"body": "x"}})
        last = await comms.send(fcm(1))
        await comms.completes(last)

        assert (answer.status, answer.json()["errors"][0]["context"]) == (400, "$.to")
        assert engine.received() == {"fcm1:APA91b": 1}
        assert len((await comms.get("/Operations"))["operations"]) == 1


async def test_ids_of_all_dialects_are_the_same_letters(
    tmp_path: Path, simulators: Simulators
) -> None:
    config = config_of(tmp_path, simulators, Storage())
    async with running(config, simulators) as engine:
        comms = await Comms.of(engine)
        operation = await comms.send(fcm(0), fcm(1))

        rows, _ = await engine.core.notifications.recent(
            engine.back_end, engine.application, before=None, limit=5
        )
        shown = (await comms.get(""))["pushNotifications"]

        assert [ids.OPERATION_PREFIX + letters_of(row.id) for row in rows] == [operation]
        letters = operation.removeprefix(ids.OPERATION_PREFIX)
        for each in shown:
            own = each["id"].removeprefix(ids.NOTIFICATION_PREFIX)
            assert own[:23] == letters[:23]
            assert len(own) == 26
