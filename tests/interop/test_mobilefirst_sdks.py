"""What the device SDKs of the Cloud edition send, and what they insist on, over a real socket.

They are published as source for Android, iOS and browsers; so their requests
are written out, and each answer is read as strictly as the SDK reads it.
Sources: docs/dialects/mobilefirst.md, "Sources".
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from http.client import HTTPConnection
from typing import TYPE_CHECKING, Any

import anyio.to_thread
import pytest
from tests.system.engine import Engine, config_of

from heliograph.config import Listener, Storage
from heliograph.dialects.mobilefirst.auth.callers import (
    APPLICATION_ALIAS,
    SECTION,
    TAKES_SECRETS,
)
from heliograph.simulators import Simulators
from heliograph.web.server import Server
from heliograph.wiring import Stack

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

pytestmark = [pytest.mark.interop, pytest.mark.anyio]

APP = "com.sample.app"
ANONYMOUS = "anonymous"
DEVICE = "4e6f1d3c-7d5b-3a3f-9d0e-000000000001"
ORIGIN = "https://shop.example.com"
SUBSCRIPTION = json.dumps(
    {
        "endpoint": "https://fcm.googleapis.com/fcm/send/1",
        "userPublicKey": "BNcRdreALRFXTkOOUHK1EtK2wtaz5Ry4YfYCA_0QTpQtUbVlUls0VJXg7A8u"
        "-Ts1XbjhazAkj7I99e8QcYP7DkM",
        "userAuth": "tBHItJI5svbpez7KI4CCXg==",
    }
)


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Sdk:
    """One SDK's way of calling: its headers on every request, on one kept connection."""

    port: int
    headers: dict[str, str] = field(default_factory=dict)

    async def call(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        content = None if body is None else json.dumps(body)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await anyio.to_thread.run_sync(
            lambda: self._call(method, path, content, {**self.headers, **named})
        )

    def _call(self, method: str, path: str, body: str | None, headers: dict[str, str]) -> Answer:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, f"/imfpush/v1/apps/{APP}{path}", body, headers)
            reply = connection.getresponse()
            named = {name.lower(): value for name, value in reply.getheaders()}
            return Answer(reply.status, named, reply.read())
        finally:
            connection.close()


@dataclass(frozen=True)
class Site:
    """A server, and its application's secrets: the back end's and the apps'."""

    port: int
    back_end: Sdk
    client_secret: str

    def android(self) -> Sdk:
        """`MFPPush`: no charset, and a header that names a region's domain."""
        return Sdk(
            self.port,
            {
                "clientSecret": self.client_secret,
                "X-REWRITE-DOMAIN": ".eu-gb.bluemix.net",
                "Content-Type": "application/json",
                "User-Agent": "okhttp/3.12",
            },
        )

    def swift(self) -> Sdk:
        """`BMSPushClient`: blanks around the charset's sign of equality."""
        return Sdk(
            self.port,
            {
                "clientSecret": self.client_secret,
                "X-REWRITE-DOMAIN": ".ng.bluemix.net",
                "Content-Type": "application/json; charset = UTF-8",
            },
        )

    def web(self) -> Sdk:
        """`BMSPush`: requests of a page at another origin."""
        return Sdk(
            self.port,
            {
                "clientSecret": self.client_secret,
                "Content-Type": "application/json; charset = UTF-8",
                "Origin": ORIGIN,
            },
        )


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    simulators = await Simulators.start(tmp_path / "fakes")
    config = config_of(tmp_path, simulators, Storage())
    config = config.model_copy(update={"listener": Listener(host="127.0.0.1", port=0)})
    stack = await Stack.open(config)
    server = Server(stack.application, config)
    stack.start()
    serving = asyncio.create_task(server.serve())
    try:
        engine = await Engine.beside(stack, simulators)
        core, application = stack.core, engine.application
        await core.aliases.set(APPLICATION_ALIAS, application.account_id, application.id, APP)
        await core.applications.change_settings(
            engine.back_end, application, SECTION, {TAKES_SECRETS: True}
        )
        _, secret = await core.applications.create_client(application.account_id, "apps")
        port = int(server.public_url.rpartition(":")[2])
        json_type = {"appSecret": secret, "Content-Type": "application/json"}
        yield Site(port, Sdk(port, json_type), secret)
    finally:
        server.should_exit = True
        await serving
        await stack.stop()
        await simulators.stop()


def strings_of(document: Any, *names: str) -> list[str]:
    """Read fields as a cast does: anything but a string is a crash."""
    values = [document[name] for name in names]
    assert all(type(value) is str for value in values), document
    return values


def maps_of_strings(document: Any, name: str) -> list[dict[str, str]]:
    """Read a list as Swift casts it: one value of another type, and the list is empty."""
    for item in document[name]:
        strings_of(item, *item)
    return list(document[name])


async def test_android_registers_once_and_then_leaves_its_device_alone(site: Site) -> None:
    sdk, place = site.android(), f"/devices/{DEVICE}"
    device = {"deviceId": DEVICE, "token": "fcm-token", "platform": "G", "variables": {}}

    unknown = await sdk.call("GET", place)
    made = await sdk.call("POST", "/devices", device)
    known = await sdk.call("GET", place)

    assert (unknown.status, unknown.json()["code"]) == (404, "FPWSE0001E")
    assert made.status == 201
    assert strings_of(made.json(), "deviceId", "token", "userId") == [
        DEVICE,
        "fcm-token",
        ANONYMOUS,
    ]
    assert known.status == 200
    # What it sent is what it finds, and its user is the word it compares with: no PUT follows.
    assert strings_of(known.json(), "deviceId", "token", "userId") == [
        DEVICE,
        "fcm-token",
        ANONYMOUS,
    ]


async def test_android_changes_its_token_and_its_user(site: Site) -> None:
    sdk, place = site.android(), f"/devices/{DEVICE}"
    device = {"deviceId": DEVICE, "token": "old", "platform": "G", "userId": ""}
    await sdk.call("POST", "/devices", device)

    changed = await sdk.call("PUT", place, {"deviceId": DEVICE, "token": "new", "userId": "ann"})
    known = await sdk.call("GET", place)
    gone = await sdk.call("DELETE", place)

    assert (changed.status, strings_of(changed.json(), "token", "userId")) == (200, ["new", "ann"])
    assert strings_of(known.json(), "token", "userId") == ["new", "ann"]
    assert (gone.status, gone.body) == (204, b"")
    assert (await sdk.call("GET", place)).status == 404


async def test_android_subscribes_and_unsubscribes_by_one_name(site: Site) -> None:
    sdk = site.android()
    await site.back_end.call("POST", "/tags", {"name": "sports", "description": ""})
    await sdk.call("POST", "/devices", {"deviceId": DEVICE, "token": "t", "platform": "G"})
    subscription = {"deviceId": DEVICE, "tagName": "sports"}

    tags = await sdk.call("GET", "/tags")
    made = await sdk.call("POST", "/subscriptions", subscription)
    listed = await sdk.call("GET", f"/subscriptions?deviceId={DEVICE}")
    again = await sdk.call("POST", "/subscriptions", subscription)
    ended = await sdk.call("DELETE", f"/subscriptions?deviceId={DEVICE}&tagName=sports")

    assert [strings_of(tag, "name") for tag in tags.json()["tags"]] == [["sports"]]
    assert (made.status, again.status, ended.status) == (201, 409, 204)
    names = [strings_of(each, "tagName")[0] for each in listed.json()["subscriptions"]]
    assert sorted(names) == ["Push.ALL", "sports"]


async def test_android_reads_its_sender_and_reports_what_it_opened(site: Site) -> None:
    sdk = site.android()
    await site.back_end.call("PUT", "/settings/gcmConf", {"apiKey": "k", "senderId": 4711})
    await sdk.call("POST", "/devices", {"deviceId": DEVICE, "token": "t", "platform": "G"})
    message = {"message": {"alert": "hi"}, "target": {"deviceIds": [DEVICE]}}
    sent = await site.back_end.call("POST", "/messages", message)
    place = f"/messages/{sent.json()['messageId']}"

    sender = await sdk.call("GET", "/settings/gcmConfPublic")
    opened = await sdk.call("PUT", place, {"deviceId": DEVICE, "status": "OPEN"})

    assert strings_of(sender.json(), "senderId") == ["4711"]
    assert sent.status == 202
    assert (opened.status, opened.json()) == (200, {})


async def test_swift_registers_and_updates(site: Site) -> None:
    sdk, place = site.swift(), f"/devices/{DEVICE}"
    device = {"deviceId": DEVICE, "token": "a" * 64, "platform": "A", "userId": "ann"}

    unknown = await sdk.call("GET", place)
    made = await sdk.call("POST", "/devices", device)
    known = await sdk.call("GET", place)
    changed = await sdk.call("PUT", place, {**device, "userId": "bob"})
    gone = await sdk.call("DELETE", place)

    statuses = [each.status for each in (unknown, made, known, changed, gone)]
    assert statuses == [404, 201, 200, 200, 204]
    assert strings_of(known.json(), "deviceId", "token", "userId") == [DEVICE, "a" * 64, "ann"]
    assert strings_of(changed.json(), "userId") == ["bob"]


async def test_swift_subscribes_to_several_and_takes_no_other_status_than_207(site: Site) -> None:
    sdk = site.swift()
    for name in ("sports", "some news"):
        await site.back_end.call("POST", "/tags", {"name": name, "description": "x"})
    await sdk.call("POST", "/devices", {"deviceId": DEVICE, "token": "a" * 64, "platform": "A"})
    several = {"deviceId": DEVICE, "tagNames": ["sports", "some news", "none"]}

    made = await sdk.call("POST", "/subscriptions", several)
    again = await sdk.call("POST", "/subscriptions", several)
    listed = await sdk.call("GET", f"/subscriptions?deviceId={DEVICE}")
    tags = await sdk.call("GET", "/tags")
    ended = await sdk.call("POST", "/subscriptions?action=delete", several)

    assert (made.status, again.status) == (207, 207)
    for answer, subscribed, present in ((made, 2, 0), (again, 0, 2)):
        body = answer.json()
        assert len(maps_of_strings(body, "subscribed")) == subscribed
        assert len(maps_of_strings(body, "subscriptionExists")) == present
        assert body["tagsNotFound"]["tags"] == ["none"]
        assert strings_of(body["tagsNotFound"], "message", "code")[1] == "FPWSE0001E"
    names = [each["tagName"] for each in maps_of_strings(listed.json(), "subscriptions")]
    assert sorted(names) == ["Push.ALL", "some news", "sports"]
    assert len(maps_of_strings(tags.json(), "tags")) == 2
    assert ended.status == 207
    assert len(maps_of_strings(ended.json(), "unsubscribed")) == 2


async def test_a_browser_asks_first_whether_it_may_call(site: Site) -> None:
    sdk = site.web()
    asked = {
        "Access_Control_Request_Method": "POST",
        "Access_Control_Request_Headers": "clientsecret,content-type",
    }

    allowed = await sdk.call("OPTIONS", "/devices", **asked)
    unknown = await sdk.call("GET", f"/devices/{DEVICE}")

    assert allowed.status in (200, 204)
    assert allowed.headers["access-control-allow-origin"] in ("*", ORIGIN)
    assert "POST" in allowed.headers["access-control-allow-methods"]
    headers = allowed.headers["access-control-allow-headers"].lower()
    assert "*" in headers or {"clientsecret", "content-type"} <= set(headers.split(", "))
    # An answer that a page may not read would never start its registration.
    assert unknown.status == 404
    assert unknown.headers["access-control-allow-origin"] in ("*", ORIGIN)


async def test_a_browser_registers_and_finds_its_token_as_it_sent_it(site: Site) -> None:
    sdk, place = site.web(), f"/devices/{DEVICE}"
    device = {
        "deviceId": DEVICE,
        "token": SUBSCRIPTION,
        "platform": "WEB_CHROME",
        "userId": "ann",
        "vapidRegistration": True,
    }

    made = await sdk.call("POST", "/devices", device)
    known = await sdk.call("GET", place)
    changed = await sdk.call("PUT", place, {**device, "userId": "bob"})
    several = await sdk.call("POST", "/subscriptions", {"deviceId": DEVICE, "tagNames": ["none"]})
    gone = await sdk.call("DELETE", place)

    assert (made.status, changed.status, gone.status) == (201, 200, 204)
    assert json.loads(known.json()["token"]) == json.loads(SUBSCRIPTION)
    assert known.json()["userId"] == "ann"
    assert 200 <= several.status < 300


async def test_a_browser_reports_what_it_has_seen(site: Site) -> None:
    sdk = site.web()
    device = {"deviceId": DEVICE, "token": SUBSCRIPTION, "platform": "WEB_CHROME"}
    await sdk.call("POST", "/devices", device)
    message = {"message": {"alert": "hi"}, "target": {"deviceIds": [DEVICE]}}
    sent = await site.back_end.call("POST", "/messages", message)

    seen = await sdk.call(
        "PUT", f"/messages/{sent.json()['messageId']}", {"deviceId": DEVICE, "status": "SEEN"}
    )
    unknown = await sdk.call("PUT", "/messages/00000000", {"deviceId": DEVICE, "status": "SEEN"})

    assert seen.status in (200, 201)
    assert unknown.status == 404


async def test_a_wrong_secret_is_401_to_each_of_them(site: Site) -> None:
    for sdk in (site.android(), site.swift(), site.web()):
        answer = await sdk.call("GET", f"/devices/{DEVICE}", clientSecret="hgk_wrong")

        assert answer.status == 401
        assert strings_of(answer.json(), "message", "code", "docUrl")[1] == "FPWSE9401E"
