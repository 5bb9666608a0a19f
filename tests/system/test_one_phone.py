"""One phone that changes hands through every front door: its former owners' pushes never show."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import permutations
from typing import TYPE_CHECKING, Any

import pytest
from tests.asgi_client import call
from tests.conformance.twilio.furnish import basic
from tests.system.engine import Engine, ShiftedClock, config_of, running

from heliograph.config import Storage
from heliograph.core.ids import spell
from heliograph.core.model.audience import Users
from heliograph.core.model.identity import SessionForm
from heliograph.core.model.notification import Content, Counters, Options
from heliograph.dialects.mobilefirst.auth import tokens
from heliograph.dialects.mobilefirst.auth.callers import APPLICATION_ALIAS
from heliograph.dialects.twilio.mapping import ids as twilio
from heliograph.simulators import Simulators

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping
    from pathlib import Path

    from heliograph.core.model.notification import Notification

pytestmark = [pytest.mark.anyio, pytest.mark.system]

TOKEN = "one-phone:APA91bFcrVaOLqKeJfSiEutJXX2Tr9wN"
WEEK = timedelta(days=7)

DISCORD_SYNC = "/api/v9/users/@me/devices/sync"
MOBILEFIRST_DEVICES = "/imfpush/v1/apps/demo.app/devices"

OWNERS = {
    "layer": ("lea",),
    "navixy": ("nick",),
    "twilio": ("tom",),
    "mobilefirst": ("mia",),
    "discord": ("dan", "dora"),
    "native": ("nora",),
}
"""Whose the phone is once a front door has taken it, in the order of the first walk."""


@dataclass(frozen=True, slots=True)
class Phone:
    """A phone, and what its apps need to sign in at each front door."""

    engine: Engine
    api_key: str
    twilio_login: str
    twilio_user: str
    mobilefirst_login: Mapping[str, str]
    logins: dict[str, str] = field(default_factory=dict)

    @classmethod
    async def beside(cls, engine: Engine) -> Phone:
        """Make the application known at every front door."""
        core, application = engine.core, engine.application
        account_id = application.account_id
        client, key = await core.applications.create_client(account_id, "back end")
        await core.aliases.set(twilio.APP_ALIAS, account_id, application.id, "demo_app")
        await core.aliases.set(APPLICATION_ALIAS, account_id, application.id, "demo.app")
        (tom,) = OWNERS["twilio"]
        user = await core.identity.create_user(application, tom)
        bearer = tokens.mint(core.signer, client.id, ["*"], now=core.clock.now())
        return cls(
            engine,
            api_key=key,
            twilio_login=basic(twilio.account_sid(account_id), key),
            twilio_user=twilio.spell_user(user.id),
            mobilefirst_login={"Authorization": f"Bearer {bearer}"},
        )

    async def sign_in(self, user: str, form: SessionForm, ttl: timedelta | None = None) -> str:
        """Sign a user in, and keep the session's token for the calls that follow."""
        _, self.logins[user] = await self.engine.core.identity.create_session(
            self.engine.application, user, form, ttl
        )
        return self.logins[user]

    async def register(self, door: str) -> None:
        """Register the phone through a front door, for the owners of that door.

        Each door's app knows the phone by a device id of its own, if by any.
        """
        await getattr(self, f"_through_{door}")(*OWNERS[door])

    async def _through_layer(self, user: str) -> None:
        login = self.logins.get(user) or await self.sign_in(user, SessionForm.LAYER)
        body = {"token": TOKEN, "type": "gcm", "device_id": "of-layer"}
        headers = {
            "Accept": "application/vnd.layer+json; version=2.0",
            "Authorization": f'Layer session-token="{login}"',
        }
        await self.call("POST", "/push_tokens", headers, body, status=202)

    async def _through_navixy(self, user: str) -> None:
        login = self.logins.get(user) or await self.sign_in(user, SessionForm.NAVIXY)
        body = {"hash": login, "application": "navixy_android_viewer", "token": TOKEN}
        answer = await self.call("POST", "/v2/user/session/push_token/bind", {}, body)
        assert answer == {"success": True}

    async def _through_twilio(self, user: str) -> None:
        body = {
            "appName": "demo_app",
            "token": TOKEN,
            "provider": "FCM",
            "userId": self.twilio_user,
        }
        path = "/v1/PushNotifications/DeviceRegistrations"
        await self.call("POST", path, {"Authorization": self.twilio_login}, body, status=202)

    async def _through_mobilefirst(self, user: str) -> None:
        body = {"deviceId": "of-mobilefirst", "platform": "G", "token": TOKEN, "userId": user}
        await self.call("POST", MOBILEFIRST_DEVICES, self.mobilefirst_login, body, status=201)

    async def _through_discord(self, user: str, other: str) -> None:
        for each in (user, other):
            if each not in self.logins:
                await self.sign_in(each, SessionForm.DISCORD)
        theirs = {"Authorization": self.logins[other]}
        listed = (await self.call("GET", f"{DISCORD_SYNC}-token", theirs))["token"]
        body = {"provider": "gcm", "token": TOKEN, "push_sync_tokens": [listed]}
        ours = {"Authorization": self.logins[user]}
        answer = await self.call("PUT", DISCORD_SYNC, ours, body)
        assert answer == {"invalid_push_sync_tokens": []}

    async def _through_native(self, user: str) -> None:
        body = {"provider": "fcm", "token": TOKEN, "user_id": user, "device_id": "of-native"}
        path = f"/v1/applications/{spell('application', self.engine.application.id)}/registrations"
        await self.call("POST", path, {"Authorization": f"Bearer {self.api_key}"}, body, 201)

    async def call(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        body: Mapping[str, Any] | None = None,
        status: int = 200,
    ) -> Any:
        content = b"" if body is None else json.dumps(body).encode()
        sent = {"Content-Type": "application/json", **headers}
        application = self.engine.stack.application
        answer = await call(application, method, path, headers=sent, body=content)
        assert answer.status == status, (path, answer)
        return answer.json() if answer.body else None

    async def notify(self, *users: str) -> Notification:
        """Push to users, and wait until all is done."""
        engine = self.engine
        notification = await engine.core.notifications.accept(
            engine.back_end, engine.application, Users(users), Content(body="hello"), Options()
        )
        await engine.completes(notification)
        return notification

    async def is_reached_by(self, *users: str) -> bool:
        """Say whether a push to users reaches the phone; if it does, then exactly once."""
        engine = self.engine
        before = len(engine.simulators.inbox.received(TOKEN))
        total = engine.simulators.inbox.total
        notification = await self.notify(*users)
        arrived = len(engine.simulators.inbox.received(TOKEN)) - before
        targets = await engine.deliveries(notification)
        assert arrived == len(targets) == engine.simulators.inbox.total - total
        assert arrived in (0, 1)
        assert await engine.counters(notification) == Counters(accepted=arrived)
        return arrived == 1


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that keeps the fakes' certificates from one test to the next."""
    return tmp_path_factory.mktemp("simulators")


@pytest.fixture
def shifted() -> ShiftedClock:
    return ShiftedClock()


@pytest.fixture
async def simulators(certificates: Path, shifted: ShiftedClock) -> AsyncIterator[Simulators]:
    started = await Simulators.start(certificates, now=shifted.now)
    yield started
    await started.stop()


@pytest.fixture
async def phone(
    tmp_path: Path, simulators: Simulators, shifted: ShiftedClock
) -> AsyncIterator[Phone]:
    config = config_of(tmp_path, simulators, Storage())
    async with running(config, simulators, clock=shifted) as engine:
        yield await Phone.beside(engine)


async def test_a_phone_belongs_to_whoever_took_it_last_on_each_database(
    tmp_path: Path, simulators: Simulators, storage: Storage
) -> None:
    async with running(config_of(tmp_path, simulators, storage), simulators) as engine:
        phone = await Phone.beside(engine)
        former: list[str] = []

        for door, owners in OWNERS.items():
            await phone.register(door)

            for user in former:
                assert not await phone.is_reached_by(user), (door, user)
            for user in owners:
                assert await phone.is_reached_by(user), (door, user)
            rows = await engine.living()
            assert {row.external_user_id for row in rows} == set(owners)
            former += owners

        assert len(former) == 7


async def test_a_phone_passes_from_every_door_to_every_other(phone: Phone) -> None:
    everyone = {user for owners in OWNERS.values() for user in owners}

    for door in _walk():
        await phone.register(door)

        owners = OWNERS[door]
        assert not await phone.is_reached_by(*sorted(everyone.difference(owners))), door
        assert await phone.is_reached_by(*owners), door
        assert {row.external_user_id for row in await phone.engine.living()} == set(owners)


def _walk() -> Iterator[str]:
    """Go through every door after every other one, each pair once."""
    left = set(permutations(OWNERS, 2))
    trail, done = [next(iter(OWNERS))], []
    while trail:
        onward = sorted(pair for pair in left if pair[0] == trail[-1])
        if onward:
            left.remove(onward[0])
            trail.append(onward[0][1])
        else:
            done.append(trail.pop())
    assert len(done) == len(OWNERS) * (len(OWNERS) - 1) + 1
    return reversed(done)


@pytest.mark.parametrize("door", ["layer", "native"])
async def test_a_device_that_mobilefirst_knows_by_another_doors_id_passes_by_put(
    phone: Phone, door: str
) -> None:
    await phone.register(door)
    (mia,) = OWNERS["mobilefirst"]
    place, login = f"{MOBILEFIRST_DEVICES}/of-{door}", phone.mobilefirst_login
    again = {"deviceId": f"of-{door}", "platform": "G", "token": TOKEN, "userId": mia}

    await phone.call("POST", MOBILEFIRST_DEVICES, login, again, status=409)
    assert await phone.is_reached_by(*OWNERS[door])
    await phone.call("PUT", place, login, {"userId": mia})

    assert not await phone.is_reached_by(*OWNERS[door])
    assert await phone.is_reached_by(mia)


async def test_two_accounts_on_one_phone_hear_the_same_push_once(phone: Phone) -> None:
    await phone.register("discord")

    both = await phone.is_reached_by(*OWNERS["discord"])
    single = [await phone.is_reached_by(user) for user in OWNERS["discord"]]
    with_others = await phone.is_reached_by("lea", *OWNERS["discord"], "stranger")

    assert (both, single, with_others) == (True, [True, True], True)


async def test_an_account_that_is_left_out_of_the_next_synchronization_falls_silent(
    phone: Phone,
) -> None:
    await phone.register("discord")
    dan, dora = OWNERS["discord"]
    body = {"provider": "gcm", "token": TOKEN, "push_sync_tokens": []}

    await phone.call("PUT", DISCORD_SYNC, {"Authorization": phone.logins[dora]}, body)

    assert [await phone.is_reached_by(user) for user in (dan, dora)] == [False, True]


@pytest.mark.parametrize(
    "form", [SessionForm.LAYER, SessionForm.NAVIXY, SessionForm.DISCORD], ids=str
)
async def test_a_logout_silences_the_phone(phone: Phone, form: SessionForm) -> None:
    user = OWNERS[form.value][0]
    await phone.register(form.value)
    assert await phone.is_reached_by(user)

    assert await phone.engine.core.identity.end_session(phone.logins[user], form)

    assert not await phone.is_reached_by(user)


async def test_the_other_account_of_a_phone_outlives_a_logout(phone: Phone) -> None:
    await phone.register("discord")
    dan, dora = OWNERS["discord"]

    await phone.engine.core.identity.end_session(phone.logins[dan], SessionForm.DISCORD)

    assert [await phone.is_reached_by(user) for user in (dan, dora)] == [False, True]
    assert await phone.is_reached_by(dan, dora)


async def test_a_logout_does_not_silence_a_phone_that_has_moved_on(phone: Phone) -> None:
    await phone.register("layer")
    await phone.register("navixy")
    (lea,) = OWNERS["layer"]

    await phone.engine.core.identity.end_session(phone.logins[lea], SessionForm.LAYER)

    assert await phone.is_reached_by(*OWNERS["navixy"])


@pytest.mark.parametrize(
    ("form", "is_silent"),
    [
        (SessionForm.LAYER, False),
        (SessionForm.NAVIXY, True),
        (SessionForm.DISCORD, True),
    ],
    ids=str,
)
async def test_what_a_session_that_expires_means_for_its_phone(
    phone: Phone, shifted: ShiftedClock, form: SessionForm, is_silent: bool
) -> None:
    user = OWNERS[form.value][0]
    await phone.sign_in(user, form, WEEK)
    await phone.register(form.value)

    shifted.shift = WEEK - timedelta(minutes=1)
    early = await phone.is_reached_by(user)
    shifted.shift = WEEK
    late = await phone.is_reached_by(user)

    assert early
    assert late is not is_silent
    assert await phone.engine.living()


async def test_of_two_accounts_the_one_that_is_still_signed_in_is_heard(
    phone: Phone, shifted: ShiftedClock
) -> None:
    dan, dora = OWNERS["discord"]
    await phone.sign_in(dan, SessionForm.DISCORD, WEEK)
    await phone.register("discord")

    shifted.shift = WEEK

    assert [await phone.is_reached_by(user) for user in (dan, dora)] == [False, True]
    assert await phone.is_reached_by(dan, dora)
