"""requests-oauthlib, an OAuth client of another house, gets its token from us and uses it."""

from __future__ import annotations

import asyncio

import anyio.to_thread
import pytest
from oauthlib.oauth2 import BackendApplicationClient, InvalidClientError, InvalidScopeError
from requests.auth import HTTPBasicAuth
from requests_oauthlib import OAuth2Session

from heliograph.config import Config, Listener
from heliograph.core.ids import spell
from heliograph.dialects.mobilefirst.auth.callers import APPLICATION_ALIAS
from heliograph.web.server import Server
from heliograph.wiring import Stack

pytestmark = [pytest.mark.interop, pytest.mark.anyio]

APP = "com.sample.app"
SCOPE = [
    f"push.application.{APP}",
    *(
        f"{what}.{how}"
        for what in ("devices", "subscriptions", "tags")
        for how in ("read", "write")
    ),
]
DEVICE = {"deviceId": "12345-6789", "platform": "A", "token": "xyz", "phoneNumber": "123456789"}


class Site:
    """A running server with one application, and the credentials of two clients."""

    def __init__(self, url, client, key, bound, bound_key):
        self.url = url
        self.client, self.key = client, key
        self.bound, self.bound_key = bound, bound_key

    def session(self, *, key=None, is_bound=False, scope=SCOPE):
        """A session of the library; its token is yet to be fetched."""
        client = self.bound if is_bound else self.client
        secret = key or (self.bound_key if is_bound else self.key)
        session = OAuth2Session(client=BackendApplicationClient(client_id=client, scope=scope))
        session.trust_env = False
        return session, HTTPBasicAuth(client, secret)

    def fetch(self, **options):
        """Fetch a token, in the library's way."""
        session, auth = self.session(**options)
        token = session.fetch_token(f"{self.url}/mfp/api/az/v1/token", auth=auth)
        return session, token


@pytest.fixture
async def site(tmp_path, monkeypatch):
    # The library refuses plain HTTP, loopback included, unless told.
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")
    config = Config(data=tmp_path / "data", listener=Listener(host="127.0.0.1", port=0))
    stack = await Stack.open(config)
    server = Server(stack.application, config)
    serving = asyncio.create_task(server.serve())
    core = stack.core
    account = await core.applications.account()
    application = await core.applications.create(account.id, "demo")
    await core.aliases.set(APPLICATION_ALIAS, account.id, application.id, APP)
    client, key = await core.applications.create_client(account.id, "confidential")
    bound, bound_key = await core.applications.create_client(
        account.id, "bound", application_id=application.id
    )
    yield Site(
        server.public_url,
        spell("api_client", client.id),
        key,
        spell("api_client", bound.id),
        bound_key,
    )
    server.should_exit = True
    await serving
    await stack.stop()


def in_thread(work):
    return anyio.to_thread.run_sync(work)


async def test_a_token_comes_with_its_scope_and_its_life(site):
    _, token = await in_thread(site.fetch)

    assert token["token_type"] == "Bearer"
    assert set(token["scope"]) == set(SCOPE)
    assert 3500 < token["expires_in"] <= 3600


async def test_a_device_lives_its_whole_life(site):
    def live():
        session, _ = site.fetch()
        devices = f"{site.url}/imfpush/v1/apps/{APP}/devices"
        one = f"{devices}/{DEVICE['deviceId']}"
        return [
            session.post(devices, json=DEVICE),
            session.post(devices, json=DEVICE),
            session.get(one),
            session.get(devices, params={"filter": "platform==A", "expand": "true"}),
            session.put(one, json={"userId": "admin", "token": "new"}),
            session.get(devices, params={"userId": "admin"}),
            session.delete(one),
            session.get(one),
        ]

    made, again, shown, listed, changed, of_user, deleted, gone = await in_thread(live)

    assert (made.status_code, made.json()["userId"]) == (201, "anonymous")
    assert made.json()["userAgent"].startswith("python-requests/")
    assert (again.status_code, again.json()["code"]) == (409, "FPWSE0002E")
    assert shown.json()["token"] == "xyz"
    assert [device["deviceId"] for device in listed.json()["devices"]] == ["12345-6789"]
    assert listed.json()["pageInfo"]["totalCount"] == "1"
    assert (changed.status_code, changed.json()["userId"]) == (200, "admin")
    assert [device["token"] for device in of_user.json()["devices"]] == ["new"]
    assert (deleted.status_code, deleted.content) == (204, b"")
    assert gone.status_code == 404


async def test_a_device_is_subscribed_and_unsubscribed(site):
    def subscribe():
        session, _ = site.fetch()
        app = f"{site.url}/imfpush/v1/apps/{APP}"
        subscriptions = f"{app}/subscriptions"
        session.post(f"{app}/devices", json=DEVICE)
        tag = session.post(f"{app}/tags", json={"name": "sports"})
        key = {"deviceId": DEVICE["deviceId"], "tagName": "sports"}
        made = session.post(subscriptions, json=key)
        # Without a length: a published sample sends its bodies in chunks.
        chunks = iter([b'{"deviceId":"12345-6789",', b'"tagNames":["sports","none"]}'])
        several = session.post(
            subscriptions,
            data=chunks,
            headers={"Content-Type": "application/json; charset = UTF-8"},
        )
        listed = session.get(subscriptions, params={"deviceId": DEVICE["deviceId"]})
        ended = session.delete(made.json()["href"])
        return tag, made, several, listed, ended

    tag, made, several, listed, ended = await in_thread(subscribe)

    assert tag.status_code == made.status_code == 201
    assert several.status_code == 207
    assert several.json()["tagsNotFound"]["tags"] == ["none"]
    names = [each["tagName"] for each in listed.json()["subscriptions"]]
    assert names == ["Push.ALL", "sports"]
    assert ended.status_code == 204


async def test_a_wrong_secret_is_the_librarys_invalid_client(site):
    with pytest.raises(InvalidClientError):
        await in_thread(lambda: site.fetch(key="wrong"))


async def test_a_scope_beyond_the_clients_is_an_error_of_the_library(site):
    with pytest.raises(InvalidScopeError):
        await in_thread(lambda: site.fetch(is_bound=True, scope=["push.application.other"]))


async def test_a_token_for_less_is_told_what_is_missing(site):
    def ask():
        session, _ = site.fetch(scope=["tags.read", f"push.application.{APP}"])
        return session.get(f"{site.url}/imfpush/v1/apps/{APP}/devices")

    answer = await in_thread(ask)

    assert answer.status_code == 403
    assert (
        'scope="devices.read push.application.com.sample.app"' in answer.headers["www-authenticate"]
    )
