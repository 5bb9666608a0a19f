"""One person with a device of every kind: each gets its own rendering, and it was shown before."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import pytest
from tests.system.processes import until

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.system.http_client import Api
    from tests.system.site import Fakes, Site

    from heliograph.simulators.inbox import ReceivedPush

pytestmark = [pytest.mark.system, pytest.mark.usefixtures("anyio_backend")]

APNS_TOKEN = "a1" * 32
FCM_TOKEN = "mixed:APA91bFcrVaOLqKeJfSiEutJXX2Tr9wN"
NUMBER = "+491701234567"
EXPIRATION = "1893456000"

LIFE_HEADERS = frozenset({"ttl", "x-wns-ttl"})
"""What is left of a message's life: less, where a moment has passed since the preview."""

OF_ONE_SEND = frozenset({"apns-id", "authorization"})

CONTENT = {
    "title": "Dinner",
    "body": "It <is> served & höt.",
    "data": {"table": "4"},
    "badge": 2,
    "overrides": {
        "apns": {
            "aps": {"interruption-level": "time-sensitive"},
            "headers": {"apns-expiration": EXPIRATION},
        },
        "fcm": {
            "android": {"ttl": "3600s", "notification": {"color": "#ff0000"}},
            "apns": {"headers": {"apns-expiration": EXPIRATION}},
        },
        "webpush": {"actions": [{"action": "come", "title": "Coming"}]},
        "wns": {"toast": {"launch": {"table": "5"}, "visual": {"binding": {
            "template": "ToastGeneric", "text": ["Dinner", "</text><evil/>"]}}}},
        "sms": {"text": "Dinner is served 🍲", "sender": "Kitchen"},
    },
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Ann:
    """A person with five devices. tokens: what the fakes know them by, by provider."""

    native: Api
    fakes: Fakes
    tokens: Mapping[str, str]

    def received(self, provider: str) -> ReceivedPush:
        """Wait for the one message to a device."""
        (push,) = until(lambda: self.fakes.pushes(self.tokens[provider]))
        return push

    def preview(self, content: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
        """Answer the samples that are shown of a message to all devices, by provider."""
        answer = self.native.post(
            "/notifications/preview", {"audience": {"users": ["ann"]}, "content": content}
        )
        assert answer.status == 200, answer.body
        return {each["provider"]: each for each in answer.json()["items"]}

    def send(self, content: Mapping[str, Any], **options: Any) -> str:
        answer = self.native.post(
            "/notifications",
            {"audience": {"users": ["ann"]}, "content": content, "options": options},
        )
        assert answer.status == 202, answer.body
        return str(answer.json()["id"])

    def deliveries(self, notification: str, count: int = 5) -> dict[str, dict[str, Any]]:
        """Wait for all deliveries, and answer them by provider."""

        def all_of_them() -> list[dict[str, Any]] | None:
            items = self.native.get(f"/notifications/{notification}/deliveries").json()["items"]
            return items if len(items) == count else None

        return {each["provider"]: each for each in until(all_of_them)}


@pytest.fixture
def ann(make_site: Callable[..., Site], fakes: Fakes) -> Ann:
    return ann_at(make_site, fakes, fakes.other_settings())


def ann_at(make_site: Callable[..., Site], fakes: Fakes, toml: str) -> Ann:
    site = make_site(fakes=fakes, toml=toml, secrets=fakes.other_secrets())
    native = site.native(site.serve())
    key = native.get("/webpush/keys").json()["items"][0]["public_key"]
    subscription = fakes.subscribe(key).to_json()
    tokens = {
        "apns": APNS_TOKEN,
        "fcm": FCM_TOKEN,
        "wns": fakes.simulators.wns_channel("mixed"),
        "sms": NUMBER,
    }
    devices: list[dict[str, Any]] = [
        {"provider": provider, "token": token} for provider, token in tokens.items()
    ]
    for device in [*devices, {"provider": "webpush", "subscription": subscription}]:
        answer = native.post("/registrations", {**device, "user_id": "ann"})
        assert answer.status == 201, answer.body
    known = {**tokens, "wns": "mixed", "webpush": subscription["endpoint"]}
    # What other tests of the file sent to the same tokens is none of this one's business.
    fakes.forget_pushes()
    return Ann(native, fakes, known)


def body_of(message: Mapping[str, Any]) -> bytes:
    if message["body"] is not None:
        return str(message["body"]).encode()
    return base64.b64decode(message["body_base64"])


def headers_of(message: Mapping[str, Any]) -> dict[str, str]:
    return {each["name"]: each["value"] for each in message["headers"]}


def test_one_notification_reaches_every_kind_of_device_as_it_was_shown(ann: Ann) -> None:
    shown = ann.preview(CONTENT)

    notification = ann.send(CONTENT)

    states = {name: each["state"] for name, each in ann.deliveries(notification).items()}
    assert states == dict.fromkeys(("apns", "fcm", "webpush", "wns", "sms"), "accepted")
    assert {each["problem"] for each in shown.values()} == {None}
    for provider in ("apns", "fcm", "webpush", "wns"):
        message, push = shown[provider]["message"], ann.received(provider)
        assert push.body == body_of(message), provider
        promised = headers_of(message)
        for name in promised.keys() - LIFE_HEADERS - OF_ONE_SEND:
            assert push.headers[name] == promised[name], (provider, name)
        for name in promised.keys() & LIFE_HEADERS:
            assert int(promised[name]) - 60 <= int(push.headers[name]) <= int(promised[name])
        assert OF_ONE_SEND & promised.keys(), provider
    text = ann.received("sms").payload
    assert text["text"].encode() == body_of(shown["sms"]["message"])
    promised = headers_of(shown["sms"]["message"])
    assert (text["from"], str(text["parts"])) == (promised["from"], promised["sms-segments"])


def test_each_device_gets_its_own_words(ann: Ann) -> None:
    ann.send(CONTENT)

    apns = ann.received("apns").payload
    assert apns["aps"]["alert"] == {"title": "Dinner", "body": "It <is> served & höt."}
    assert apns["aps"]["interruption-level"] == "time-sensitive"
    assert apns["table"] == "4"
    android = ann.received("fcm").payload["message"]["android"]
    assert android["notification"] == {"notification_count": 2, "color": "#ff0000"}
    assert android["ttl"] == "3600s"
    webpush = json.loads(ann.received("webpush").body)
    assert webpush["actions"] == [{"action": "come", "title": "Coming"}]
    assert webpush["body"] == "It <is> served & höt."
    toast = ann.received("wns").body.decode()
    assert "&lt;/text&gt;&lt;evil/&gt;" in toast
    assert "<evil" not in toast
    assert ann.received("sms").payload["text"] == "Dinner is served 🍲"


def test_what_is_too_large_for_one_provider_reaches_the_others(ann: Ann) -> None:
    content = {"title": "Long", "body": "a" * 3500, "overrides": {"sms": {"text": "short"}}}

    shown = ann.preview(content)
    deliveries = ann.deliveries(ann.send(content))

    assert shown["webpush"]["problem"].startswith("PayloadTooLarge: ")
    assert deliveries["webpush"]["state"] == "rejected"
    assert deliveries["webpush"]["reason"] == shown["webpush"]["problem"]
    others = {name: each["state"] for name, each in deliveries.items() if name != "webpush"}
    assert others == dict.fromkeys(("apns", "fcm", "wns", "sms"), "accepted")


def test_all_that_leaves_goes_through_the_operators_proxy(
    make_site: Callable[..., Site], fakes: Fakes
) -> None:
    proxy = fakes.start_proxy()
    ann = ann_at(make_site, fakes, fakes.other_settings(proxy))

    deliveries = ann.deliveries(ann.send({"title": "Hi"}))

    assert {each["state"] for each in deliveries.values()} == {"accepted"}
    simulators = fakes.simulators
    # The others are in a network of the operator's own, and WNS' token endpoint is a setting.
    wanted = {simulators.apns.url, simulators.fcm.url, simulators.wns.url}
    asked = {f"CONNECT {url.removeprefix('https://')}" for url in wanted}
    assert set(proxy.asked) == asked


def test_an_app_reports_on_what_it_got(make_site: Callable[..., Site], fakes: Fakes) -> None:
    ann = ann_at(make_site, fakes, fakes.other_settings())
    ids = {
        each["provider"]: each["id"] for each in ann.native.get("/registrations").json()["items"]
    }
    notification = ann.send({"title": "Hi", "data": {"n": "1"}}, receipts=True)
    session = ann.native.post("/sessions", {"user_id": "ann"}).json()["token"]
    app = ann.native.at("", authorization=f"Bearer {session}")

    ann.deliveries(notification)
    launch = ET.fromstring(ann.received("wns").body).attrib["launch"]
    said = {
        "apns": ann.received("apns").payload,
        "fcm": ann.received("fcm").payload["message"]["data"],
        "webpush": ann.received("webpush").payload["data"],
        "wns": json.loads(launch),
    }
    for provider, data in said.items():
        assert data["n"] == "1"
        path = f"/notifications/{data['heliograph_id']}/receipts"
        reported = app.post(path, {"kind": "opened", "registration_id": ids[provider]})
        assert reported.status == 204, reported.body

    report = ann.native.get(f"/notifications/{notification}").json()
    assert report["receipts"]["opened"] == 4
    assert report["counters"]["accepted"] == 5
    # The network reports for itself, by the id that it gave the message.
    until(lambda: _receipts_of(ann, notification)["delivered"] == 1)
    opened = {
        name for name, each in ann.deliveries(notification).items() if each["receipts"]["opened"]
    }
    assert opened == said.keys()


def _receipts_of(ann: Ann, notification: str) -> dict[str, int]:
    receipts: dict[str, int] = ann.native.get(f"/notifications/{notification}").json()["receipts"]
    return receipts


def test_each_recipient_has_words_of_its_own_on_every_device(ann: Ann) -> None:
    bob = {"provider": "fcm", "token": "bobs:APA91b", "user_id": "bob"}
    assert ann.native.post("/registrations", bob).status == 201
    people = {"Ann": "ann", "<Bob>": "bob"}
    audience = {"recipients": [{"user_id": u, "variables": {"name": n}} for n, u in people.items()]}
    content = {"title": "Hi {{ name }}", "overrides": {"sms": {"text": "{{ name | upcase }}!"}}}

    answer = ann.native.post("/notifications", {"audience": audience, "content": content})

    assert answer.status == 202, answer.body
    path = f"/notifications/{answer.json()['id']}"
    until(lambda: ann.native.get(path).json()["counters"]["accepted"] == 6)
    assert ann.received("apns").payload["aps"]["alert"] == {"title": "Hi Ann"}
    assert ann.received("webpush").payload["title"] == "Hi Ann"
    assert b">Hi Ann</text>" in ann.received("wns").body
    assert ann.received("sms").payload["text"] == "ANN!"
    (to_bob,) = ann.fakes.pushes("bobs:APA91b")
    assert to_bob.payload["message"]["notification"] == {"title": "Hi <Bob>"}
