"""What Navixy's callers send, byte for byte, over a real socket: the JS SDK, and the page's curl.

The SDK is published as source alone, for browsers; so its requests
are written out. Sources: docs/dialects/navixy.md, "Sources".
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPResponse
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError
from urllib.parse import quote, urlencode
from urllib.request import Request, urlopen

import anyio.to_thread
import pytest
from tests.system.engine import Engine, config_of, running

from heliograph.config import Config, Listener, Storage
from heliograph.core.ids import parse, spell
from heliograph.core.model.identity import ClientPrincipal, SessionForm
from heliograph.core.model.listing import RegistrationFilter
from heliograph.simulators import Simulators
from heliograph.web.server import Server
from heliograph.wiring import Stack

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping
    from pathlib import Path

pytestmark = [pytest.mark.interop, pytest.mark.anyio]

PATIENCE_S = 30
LOGIN, PASSWORD = "ann+fleet@example.com", "it's 100 % secret"
BIND = "user/session/push_token/bind"
DELETE = "user/session/push_token/delete"
KEYS = {
    "p256dh": "BNcRdreALRFXTkOOUHK1EtK2wtaz5Ry4YfYCA_0QTpQtUbVlUls0VJXg7A8u"
    "-Ts1XbjhazAkj7I99e8QcYP7DkM",
    "auth": "tBHItJI5svbpez7KI4CCXg==",
}
ENDPOINT = "https://fcm.googleapis.com/fcm/send/1?a=b&c=d%20e"


@dataclass(frozen=True)
class Site:
    """A server on a port of its own, with an application and its back end's key."""

    engine: Engine
    url: str
    port: int
    api_key: str

    @property
    def place(self) -> str:
        return f"{self.url}/v1/applications/{spell('application', self.engine.application.id)}"

    async def session(self, user_id: str) -> str:
        """Let the back end sign a user in; the session's hash."""
        return (await self._post("sessions", {"user_id": user_id, "form": "navixy"}))["token"]

    async def notify(self, **options: str) -> Any:
        """Let the back end send to everyone, and wait until nothing is left to do."""
        order = {"audience": {"everyone": True}, "content": {"body": "hi"}, "options": options}
        accepted = await self._post("notifications", order)
        notification_id = parse("notification", accepted["id"])
        core, engine = self.engine.core, self.engine
        report = await core.notifications.report(
            engine.back_end, engine.application, notification_id
        )
        return await engine.completes(report.notification)

    async def bound(self) -> list[tuple[str, str, str, Mapping[str, Any]]]:
        """What is bound: whose, by which provider, the token and its attributes."""
        rows = await self.engine.stack.store.registry.find(
            self.engine.application.id, RegistrationFilter(), after=None, limit=100
        )
        return sorted(
            (str(row.external_user_id), row.provider.value, row.token, row.attributes)
            for row in rows
        )

    async def _post(self, name: str, body: Any) -> Any:
        request = Request(
            f"{self.place}/{name}",
            json.dumps(body).encode(),
            {"Authorization": f"Bearer {self.api_key}", "Content-Type": "application/json"},
        )
        return await outside(lambda: _opened(request))


class Sdk:
    """Calls like the vendor's JS SDK: every parameter a form field, objects as their JSON text."""

    def __init__(self, api_url: str, session_hash: str) -> None:
        assert api_url.endswith("/")
        self._api_url, self._hash = api_url, session_hash

    async def request(self, action: str, parameters: Mapping[str, Any]) -> Any:
        fields = {
            name: json.dumps(value) if isinstance(value, dict | list) else value
            for name, value in {"hash": self._hash, **parameters}.items()
        }
        # As encodeURIComponent writes them: blanks as %20.
        body = urlencode(fields, quote_via=quote, safe="!'()*~").encode()
        headers = {
            "Accept": "application/json, text/plain, */*",
            "Content-Type": "application/x-www-form-urlencoded",
            "Origin": "https://app.example.com",
        }
        return await outside(lambda: _opened(Request(self._api_url + action, body, headers)))


async def outside(call: Callable[[], Any]) -> Any:
    """Wait for a blocking call while the server serves."""
    return await anyio.to_thread.run_sync(call)


def _opened(request: Request | str) -> Any:
    with urlopen(request, timeout=PATIENCE_S) as response:
        return json.load(response)


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    simulators = await Simulators.start(tmp_path / "simulators")
    config = config_of(tmp_path, simulators, Storage())
    config = config.model_copy(update={"listener": Listener(port=0)})
    async with running(config, simulators) as engine:
        applications = engine.core.applications
        _, key = await applications.create_client(engine.application.account_id, "back end")
        server = Server(engine.stack.application, config)
        serving = asyncio.create_task(server.serve())
        try:
            yield Site(engine, f"http://127.0.0.1:{server.port}", server.port, key)
        finally:
            server.should_exit = True
            await serving
    await simulators.stop()


@pytest.mark.parametrize("base", ["/", "/v2/"])
async def test_the_sdk_binds_and_deletes(site: Site, base: str) -> None:
    sdk = Sdk(site.url + base, await site.session("ann"))

    phone = {"application": "navixy_android_viewer", "token": "a:b+c/d=", "category_filter": "-a,b"}
    assert await sdk.request(BIND, phone) == {"success": True}
    first = await site.bound()
    browser = {"application": "w3c_pushapi", "token": ENDPOINT, "parameters": KEYS}
    assert await sdk.request(BIND, browser) == {"success": True}
    second = await site.bound()
    assert await sdk.request(DELETE, {}) == {"success": True}

    assert first == [("ann", "fcm", "a:b+c/d=", {"category_filter": "-a,b"})]
    assert second == [("ann", "webpush", ENDPOINT, {"category_filter": "*", **KEYS})]
    assert await site.bound() == []


async def test_the_lines_of_the_page_work(site: Site) -> None:
    session_hash = await site.session("ann")
    headers = {"Content-Type": "application/json", "User-Agent": "curl/8.5.0", "Accept": "*/*"}
    bind = (
        f'{{"hash": "{session_hash}", "application": "navixy_android_viewer", '
        '"token": "f4be7b9d04da2ce1af111b"}'
    ).encode()
    delete = f'{{"hash": "{session_hash}"}}'.encode()

    assert await outside(lambda: _opened(Request(f"{site.url}/{BIND}", bind, headers)))
    assert [token for _, _, token, _ in await site.bound()] == ["f4be7b9d04da2ce1af111b"]
    assert await outside(lambda: _opened(Request(f"{site.url}/{DELETE}", delete, headers)))
    assert await site.bound() == []
    assert await outside(lambda: _opened(Request(f"{site.url}/{BIND}", bind, headers)))
    assert await outside(lambda: _opened(f"{site.url}/v2/{DELETE}?hash={session_hash}"))
    assert await site.bound() == []


async def test_one_connection_carries_every_way_of_asking(site: Site) -> None:
    session_hash = await site.session("ann")
    parameters = {"application": "navixy_iphone_viewer", "token": "ab" * 32}
    text = json.dumps({"hash": session_hash, **parameters}).encode()
    query = urlencode({"hash": session_hash, **parameters})
    header = {"Authorization": f"NVX {session_hash}"}
    asked: list[tuple[str, str, Any, dict[str, str]]] = [
        ("POST", f"/{BIND}", text, {"Content-Type": "application/json; charset = UTF-8"}),
        # curl -d without -H announces a form.
        ("POST", f"/{BIND}/", text, {"Content-Type": "application/x-www-form-urlencoded"}),
        ("POST", f"/v2/{BIND}", text, {}),
        ("POST", f"/v2/{BIND}", query.encode(), {}),
        ("POST", f"/v2/{BIND}/", iter([text[:9], text[9:]]), {"Transfer-Encoding": "chunked"}),
        ("GET", f"/{BIND}?{query}", b'{"hash": "not read"', {"Content-Type": "application/json"}),
        ("POST", f"/{DELETE}", b"", header),
        ("GET", f"/{DELETE}", None, header),
        ("GET", f"/{DELETE}", None, {"Authorization": f"NVX{session_hash}"}),
        ("POST", "/user/session/push_token/list", text, {}),
        ("PUT", f"/{BIND}", text, {}),
        ("POST", "/v2/tracker/list", text, {}),
    ]

    def ask() -> list[int]:
        connection = HTTPConnection("127.0.0.1", site.port, timeout=PATIENCE_S)
        codes = []
        try:
            for method, path, body, headers in asked:
                is_chunked = "Transfer-Encoding" in headers
                connection.request(method, path, body, headers, encode_chunked=is_chunked)
                codes.append(_code_of(connection.getresponse()))
        finally:
            connection.close()
        return codes

    assert await outside(ask) == [0, 0, 0, 0, 0, 0, 0, 201, 3, 112, 112, 111]
    assert await site.bound() == []


def _code_of(response: HTTPResponse) -> int:
    """Answer an error's code, or 0 for success."""
    content = json.loads(response.read())
    assert response.headers["content-type"] == "application/json"
    assert content["success"] is (response.status == 200)
    return 0 if content["success"] else content["status"]["code"]


async def test_a_notification_reaches_only_those_who_want_its_category(site: Site) -> None:
    wanting, refusing = "device-1:APA91bwanting", "device-2:APA91brefusing"
    for token, category_filter in ((wanting, "history_rule"), (refusing, "-history_rule")):
        sdk = Sdk(f"{site.url}/v2/", await site.session("ann"))
        phone = {"application": "navixy_android_viewer", "token": token}
        assert await sdk.request(BIND, {**phone, "category_filter": category_filter})

    counters = await site.notify(category="history_rule")

    assert counters.accepted == counters.targets == 1
    assert site.engine.received() == {wanting: 1}

    await site.notify(category="history_task")
    assert site.engine.received() == {wanting: 1, refusing: 1}

    await site.notify()
    assert site.engine.received() == {wanting: 2, refusing: 2}


async def test_a_token_bound_anew_without_a_filter_wants_everything(site: Site) -> None:
    token = "device-1:APA91bwanting"
    phone = {"application": "navixy_android_viewer", "token": token}
    sdk = Sdk(f"{site.url}/", await site.session("ann"))
    await sdk.request(BIND, {**phone, "category_filter": "-history_rule"})
    await sdk.request(BIND, phone)

    await site.notify(category="history_rule")

    assert site.engine.received() == {token: 1}


@pytest.fixture
async def own_logins(tmp_path: Path) -> AsyncIterator[tuple[str, Stack]]:
    """The URL of a server whose users sign in by themselves, and the server."""
    config = Config(data=tmp_path / "data", listener=Listener(port=0))
    stack = await Stack.open(config)
    account = await stack.core.applications.account()
    application = await stack.core.applications.create(account.id, "demo")
    client, _ = await stack.core.applications.create_client(account.id, "back end")
    await stack.core.logins.create(
        ClientPrincipal(client), application, SessionForm.NAVIXY, LOGIN, PASSWORD, "ann"
    )
    await stack.stop()
    named = spell("application", application.id)
    config = config.model_copy(update={"default_application": named})
    stack = await Stack.open(config)
    server = Server(stack.application, config)
    serving = asyncio.create_task(server.serve())
    try:
        yield f"http://127.0.0.1:{server.port}", stack
    finally:
        server.should_exit = True
        await serving
        await stack.stop()


class SigningSdk(Sdk):
    """The SDK with `user: {login, password}`: it signs in, and reads `hash` from the answer."""

    def __init__(self, api_url: str) -> None:
        super().__init__(api_url, "")

    async def sign_in(self, login: str, password: str) -> Any:
        fields = urlencode({"login": login, "password": password}, quote_via=quote, safe="!'()*~")
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        request = Request(f"{self._api_url}user/auth", fields.encode(), headers)
        answer = await outside(lambda: _opened(request))
        self._hash = answer["hash"]
        return answer


@pytest.mark.parametrize("base", ["/", "/v2/"])
async def test_the_sdk_signs_in_binds_renews_and_signs_out(
    own_logins: tuple[str, Stack], base: str
) -> None:
    url, stack = own_logins
    sdk = SigningSdk(url + base)
    phone = {"application": "navixy_android_viewer", "token": "t"}

    signed_in = await sdk.sign_in(LOGIN, PASSWORD)
    known = await sdk.request("user/get_info", {})
    bound = await sdk.request(BIND, phone)
    key = (await sdk.request("api/key/create", {"title": "fleet"}))["value"]
    keys = (await sdk.request("api/key/list", {}))["list"]
    by_key = await Sdk(url + base, key["hash"]).request(BIND, phone | {"token": "u"})
    renewed = await sdk.request("user/session/renew", {})
    before = await _tokens(stack)
    signed_out = await sdk.request("user/logout", {})
    after = await _tokens(stack)

    assert (signed_in["success"], signed_in["type"]) == (True, "authenticated")
    assert (known["user_info"]["login"], known["user_info"]["title"]) == (LOGIN, "ann")
    assert [bound, by_key, renewed, signed_out] == [{"success": True}] * 4
    assert keys == [key]
    assert before == ["t", "u"]
    assert after == ["u"]


async def test_a_wrong_password_is_code_102(own_logins: tuple[str, Stack]) -> None:
    url, _ = own_logins
    with pytest.raises(HTTPError) as caught:
        await SigningSdk(f"{url}/v2/").sign_in(LOGIN, "a wrong one")

    with caught.value as response:
        assert response.status == 400
        assert json.load(response)["status"]["code"] == 102


async def _tokens(stack: Stack) -> list[str]:
    [application] = await stack.core.applications.all_of()
    rows = await stack.store.registry.find(
        application.id, RegistrationFilter(), after=None, limit=10
    )
    return sorted(row.token for row in rows)
