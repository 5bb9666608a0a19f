"""One phone, and what its apps say at each front door."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.asgi_client import call
from tests.conformance.twilio.furnish import basic

from heliograph.core.ids import spell
from heliograph.core.model.audience import Users
from heliograph.core.model.identity import SessionForm
from heliograph.core.model.notification import Content, Counters, Options
from heliograph.dialects.mobilefirst.auth import tokens
from heliograph.dialects.mobilefirst.auth.callers import APPLICATION_ALIAS
from heliograph.dialects.twilio.mapping import ids as twilio

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import timedelta

    from tests.system.engine import Engine

    from heliograph.core.model.notification import Notification

TOKEN = "one-phone:APA91bFcrVaOLqKeJfSiEutJXX2Tr9wN"
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

    async def register(self, door: str, *owners: str) -> None:
        """Register the phone through a front door, for the owners of that door unless told whose.

        Each door's app knows the phone by a device id of its own, if by any.
        """
        await getattr(self, f"_through_{door}")(*(owners or OWNERS[door]))

    async def forget(self, door: str, user: str | None = None) -> None:
        """Say what a door's app, or the back end behind it, says when its user leaves.

        user: whoever signed in; the door's first owner unless told.
        """
        login = self.logins.get(user or OWNERS[door][0], "")
        match door:
            case "layer":
                layer = {"Accept": "application/vnd.layer+json; version=2.0"}
                await self.call("DELETE", f"/sessions/{login}", layer, status=204)
            case "navixy":
                await self.call("POST", "/v2/user/logout", {}, {"hash": login})
            case "discord":
                place, said = "/api/v9/auth/logout", {"provider": None, "voip_provider": None}
                await self.call("POST", place, {"Authorization": login}, said, status=204)
            case "twilio":
                place = f"/v1/PushNotifications/Users/{self.twilio_user}"
                await self.call("DELETE", place, {"Authorization": self.twilio_login}, status=202)
            case "mobilefirst":
                place = f"{MOBILEFIRST_DEVICES}/of-mobilefirst"
                await self.call("DELETE", place, self.mobilefirst_login, status=204)

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

    async def _through_discord(self, user: str, *others: str) -> None:
        listed = []
        for each in (user, *others):
            login = self.logins.get(each) or await self.sign_in(each, SessionForm.DISCORD)
            theirs = {"Authorization": login}
            listed.append((await self.call("GET", f"{DISCORD_SYNC}-token", theirs))["token"])
        body = {"provider": "gcm", "token": TOKEN, "push_sync_tokens": listed[1:]}
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
