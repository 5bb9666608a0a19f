"""discord.py-self, a client of another house, registers its devices over a real socket."""

from __future__ import annotations

import asyncio
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from heliograph.config import Config, Delivery, Listener
from heliograph.core.ids import Id, spell
from heliograph.core.model.identity import ALL_SCOPES, ApiClient, ClientPrincipal, SessionForm
from heliograph.core.model.listing import RegistrationFilter
from heliograph.web.server import Server
from heliograph.wiring import Stack

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path
    from types import ModuleType

    from heliograph.core.model.application import Application

pytestmark = [pytest.mark.interop, pytest.mark.anyio]

DEVICES = "/users/@me/devices"
SYNC_TOKEN = "/users/@me/devices/sync-token"
SYNC = "/users/@me/devices/sync"
PASSWORD = "correct horse battery"
PROPERTIES = {
    "os": "Windows",
    "browser": "Chrome",
    "browser_user_agent": "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/136.0.0.0",
    "browser_version": "136.0.0.0",
    "client_build_number": 9999,
}


@pytest.fixture(scope="module")
def library() -> ModuleType:
    """The client library."""
    with warnings.catch_warnings():
        # It imports audioop, which Python 3.11 says will go.
        warnings.simplefilter("ignore", DeprecationWarning)
        return pytest.importorskip("discord", reason="discord.py-self is not installed")


@dataclass(frozen=True)
class Site:
    """A server on a port of its own."""

    stack: Stack
    application: Application
    url: str

    async def held(self) -> list[tuple[str | None, str, str]]:
        rows = await self.stack.store.registry.find(
            self.application.id, RegistrationFilter(), after=None, limit=100
        )
        return sorted(
            (row.external_user_id, row.token, row.attributes["discord_provider"]) for row in rows
        )


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    config = Config(
        data=tmp_path / "data", listener=Listener(port=0), delivery=Delivery(poll_s=0.05)
    )
    stack = await Stack.open(config)
    account = await stack.core.applications.account()
    application = await stack.core.applications.create(account.id, "demo")
    await stack.stop()
    config = config.model_copy(update={"default_application": spell("application", application.id)})
    stack = await Stack.open(config)
    server = Server(stack.application, config)
    serving = asyncio.create_task(server.serve())
    yield Site(stack, application, f"http://127.0.0.1:{server.port}")
    server.should_exit = True
    await serving
    await stack.stop()


class Client:
    """The library's HTTP layer, signed in as a user."""

    def __init__(self, library: ModuleType, login: str) -> None:
        self._route = library.http.Route
        self._http = library.Client().http
        self._http.loop = asyncio.get_running_loop()
        self._http.token = login

    async def call(self, method: str, path: str, **options: Any) -> Any:
        return await self._http.request(self._route(method, path), **options)

    async def close(self) -> None:
        await self._http.close()


@pytest.fixture
async def people(
    library: ModuleType, site: Site, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[dict[str, Client]]:
    async def properties(*_: Any, **__: Any) -> Any:
        return PROPERTIES, {}, "e30="

    # The library would ask the internet what a browser looks like today.
    monkeypatch.setattr(library.utils.Headers, "get_api_properties", properties)
    monkeypatch.setattr(library.http.Route, "BASE", f"{site.url}/api/v9")
    monkeypatch.setenv("no_proxy", "*")
    logins = {}
    operator = ApiClient(
        Id(bytes(16)),
        site.application.account_id,
        "operator",
        ALL_SCOPES,
        site.stack.core.clock.now(),
    )
    for name in ("ann", "bob"):
        await site.stack.core.logins.create(
            ClientPrincipal(operator),
            site.application,
            SessionForm.DISCORD,
            f"{name}@example.com",
            PASSWORD,
            name,
        )
        _, logins[name] = await site.stack.core.identity.create_session(
            site.application, name, SessionForm.DISCORD, None
        )
    clients = {name: Client(library, login) for name, login in logins.items()}
    clients["stranger"] = Client(library, "no.login.token")
    yield clients
    for client in clients.values():
        await client.close()


async def test_devices_are_registered_and_unregistered(
    site: Site, people: dict[str, Client]
) -> None:
    ann = people["ann"]
    phone = {"provider": "apns", "token": "t"}
    pushkit = {"voip_provider": "apns_voip", "voip_token": "v"}

    answers = [
        await ann.call("POST", DEVICES, json=phone | pushkit | {"bundle_id": "com.example"}),
        await ann.call("POST", DEVICES, json={"provider": "gcm", "token": "g"}),
    ]
    registered = await site.held()
    answers.append(await ann.call("DELETE", DEVICES, json={"provider": "gcm", "token": "g"}))

    assert answers == ["", "", ""]
    assert registered == [("ann", "g", "gcm"), ("ann", "t", "apns"), ("ann", "v", "apns_voip")]
    assert await site.held() == [("ann", "t", "apns"), ("ann", "v", "apns_voip")]


async def test_a_device_is_shared_among_accounts(site: Site, people: dict[str, Client]) -> None:
    ann, bob = people["ann"], people["bob"]
    listed = [(await client.call("GET", SYNC_TOKEN))["token"] for client in (ann, bob)]
    phone = {"provider": "gcm", "token": "t"}

    good = await ann.call("PUT", SYNC, json=phone | {"push_sync_tokens": listed})
    both = await site.held()
    bad = await ann.call("PUT", SYNC, json=phone | {"push_sync_tokens": ["bad", listed[0]]})

    assert good == {"invalid_push_sync_tokens": []}
    assert both == [("ann", "t", "gcm"), ("bob", "t", "gcm")]
    assert bad == {"invalid_push_sync_tokens": ["bad"]}
    assert await site.held() == [("ann", "t", "gcm")]


@pytest.mark.parametrize("base", ["/api", "/api/v6", "/api/v10", ""])
async def test_every_base_url_works(
    library: ModuleType,
    site: Site,
    people: dict[str, Client],
    monkeypatch: pytest.MonkeyPatch,
    base: str,
) -> None:
    monkeypatch.setattr(library.http.Route, "BASE", site.url + base)

    await people["ann"].call("POST", DEVICES, json={"provider": "gcm", "token": "t"})

    assert await site.held() == [("ann", "t", "gcm")]


async def test_a_wrong_body_is_told_apart(
    library: ModuleType, site: Site, people: dict[str, Client]
) -> None:
    with pytest.raises(library.HTTPException) as caught:
        await people["ann"].call("POST", DEVICES, json={"provider": "fcm"})

    error = caught.value
    assert (error.status, error.code) == (400, 50035)
    assert "In provider: Value must be one of ('gcm', " in error.text
    assert "In token: This field is required" in error.text
    assert await site.held() == []


async def test_a_bad_login_token_is_told_apart(
    library: ModuleType, people: dict[str, Client]
) -> None:
    with pytest.raises(library.HTTPException) as caught:
        await people["stranger"].call("GET", SYNC_TOKEN)

    assert (caught.value.status, caught.value.code) == (401, 0)
    assert caught.value.text == "401: Unauthorized"


@pytest.mark.parametrize(
    ("method", "path", "error", "status"),
    [("GET", "/users/@them", "NotFound", 404), ("GET", DEVICES, "HTTPException", 405)],
)
async def test_what_is_not_there_is_told_apart(
    library: ModuleType, people: dict[str, Client], method: str, path: str, error: str, status: int
) -> None:
    with pytest.raises(getattr(library, error)) as caught:
        await people["ann"].call(method, path)

    assert (caught.value.status, caught.value.code) == (status, 0)


async def test_a_whole_life_from_log_in_to_log_out(
    library: ModuleType, site: Site, people: dict[str, Client]
) -> None:
    login = {"login": "ann@example.com", "password": PASSWORD}
    body = login | {"undelete": False, "login_source": None, "gift_code_sku_id": None}
    logged_in = await people["stranger"].call("POST", "/auth/login", json=body)
    ann = Client(library, logged_in["token"])

    me = await ann.call("GET", "/users/@me", params={"with_analytics_token": "true"})
    await ann.call("POST", DEVICES, json={"provider": "gcm", "token": "t"})
    own = (await ann.call("GET", SYNC_TOKEN))["token"]
    bobs = (await people["bob"].call("GET", SYNC_TOKEN))["token"]
    shared = {"provider": "gcm", "token": "t", "push_sync_tokens": [own, bobs]}
    synchronized = await ann.call("PUT", SYNC, json=shared)
    both = await site.held()
    left = await ann.call("POST", "/auth/logout", json={"provider": None, "voip_provider": None})
    with pytest.raises(library.HTTPException) as caught:
        await ann.call("GET", "/users/@me")
    await ann.close()

    assert library.utils.snowflake_time(int(logged_in["user_id"])).year >= 2026
    assert (me["id"], me["username"]) == (logged_in["user_id"], "ann")
    assert synchronized == {"invalid_push_sync_tokens": []}
    assert both == [("ann", "t", "gcm"), ("bob", "t", "gcm")]
    assert left == ""
    assert caught.value.status == 401
    assert await site.held() == [("bob", "t", "gcm")]


async def test_a_wrong_password_is_told_apart(
    library: ModuleType, people: dict[str, Client]
) -> None:
    body = {"login": "ann@example.com", "password": "incorrect horse"}

    with pytest.raises(library.HTTPException) as caught:
        await people["stranger"].call("POST", "/auth/login", json=body)

    assert (caught.value.status, caught.value.code) == (400, 50035)
    assert "In login: Login or password is invalid." in caught.value.text
    assert "In password: Login or password is invalid." in caught.value.text


async def test_a_new_password_brings_a_new_token_and_the_device_along(
    library: ModuleType, site: Site, people: dict[str, Client]
) -> None:
    ann = people["ann"]
    old = (await ann.call("GET", SYNC_TOKEN))["token"]
    body = {"password": PASSWORD, "new_password": "another horse battery"}
    push = {"push_provider": "gcm", "push_token": "t"}

    changed = await ann.call("PATCH", "/users/@me", json=body | push)
    fresh = Client(library, changed["token"])
    phone = {"provider": "gcm", "token": "u", "push_sync_tokens": [old]}
    answer = await fresh.call("PUT", SYNC, json=phone)
    sessions = (await fresh.call("GET", "/auth/sessions"))["user_sessions"]
    ended = {"session_id_hashes": [session["id_hash"] for session in sessions]}
    held = await site.held()
    await fresh.call("POST", "/auth/sessions/logout", json=ended)
    await fresh.close()

    assert answer == {"invalid_push_sync_tokens": [old]}
    assert len(sessions) == 1
    assert held == [("ann", "t", "gcm"), ("ann", "u", "gcm")]
    assert await site.held() == []
