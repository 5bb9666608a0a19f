"""The vendor's own packages, for Python and for Node, talk to us over a real socket.

Neither knows the Comms API by name; their generic requests take any address.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import anyio.to_thread
import pytest
from tests.conformance.conftest import TickingClock
from tests.conformance.twilio.furnish import furnish_twilio
from tests.interop.conftest import NODE_FOLDER
from twilio.http.http_client import TwilioHttpClient
from twilio.rest import Client

from heliograph.config import Config, Listener
from heliograph.dialects.twilio.mapping import ids as mapping
from heliograph.web.server import Server
from heliograph.wiring import Stack

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

pytestmark = [pytest.mark.interop, pytest.mark.anyio]

PLACE = "/v1/PushNotifications/DeviceRegistrations"
JSON_TYPE = {"Content-Type": "application/json"}
_PATIENCE_S = 60


@dataclass(frozen=True, slots=True)
class Site:
    """A server on a port of its own, and who may call it."""

    url: str
    account_sid: str
    key_sid: str
    key: str


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    config = Config(data=tmp_path / "data", listener=Listener(host="127.0.0.1", port=0))
    # Of two Apps the older one is the default: they must not be of one millisecond.
    stack = await Stack.open(config, clock=TickingClock())
    server = Server(stack.application, config)
    serving = asyncio.create_task(server.serve())
    try:
        core = stack.core
        account = await core.applications.account()
        application = await core.applications.create(account.id, "demo")
        other = await core.applications.create(account.id, "other")
        await furnish_twilio(stack, application, other)
        client, key = await core.applications.create_client(account.id, "back end")
        yield Site(
            server.public_url, mapping.account_sid(account.id), mapping.key_sid(client.id), key
        )
    finally:
        server.should_exit = True
        await serving
        await stack.stop()


@dataclass(frozen=True, slots=True)
class Answer:
    """What a package reports. headers: names in lower case."""

    status: int
    body: Any
    headers: dict[str, str]


class Python:
    """The package for Python."""

    def __init__(self, site: Site) -> None:
        self._site = site

    async def send(
        self, *requests: dict[str, Any], user_name: str | None = None, password: str | None = None
    ) -> list[Answer]:
        return await anyio.to_thread.run_sync(
            lambda: self._send(
                requests, user_name or self._site.account_sid, password or self._site.key
            )
        )

    def _send(
        self, requests: tuple[dict[str, Any], ...], user_name: str, password: str
    ) -> list[Answer]:
        http = TwilioHttpClient(timeout=_PATIENCE_S)
        client = Client(user_name, password, self._site.account_sid, http_client=http)
        answers = []
        for asked in requests:
            reply = client.request(
                asked["method"],
                self._site.url + asked["path"],
                params=asked.get("params"),
                data=asked.get("data"),
                headers=dict(asked.get("headers", JSON_TYPE)),
            )
            headers = {name.lower(): value for name, value in reply.headers.items()}
            answers.append(Answer(reply.status_code, json.loads(reply.text), headers))
        assert http.session is not None
        http.session.close()
        return answers


class Node:
    """The package for Node."""

    def __init__(self, site: Site, program: str) -> None:
        self._site = site
        self._program = program

    async def send(
        self, *requests: dict[str, Any], user_name: str | None = None, password: str | None = None
    ) -> list[Answer]:
        order = {
            "url": self._site.url,
            "account_sid": self._site.account_sid,
            "user_name": user_name or self._site.account_sid,
            "password": password or self._site.key,
            "requests": [{**asked, "method": asked["method"].lower()} for asked in requests],
        }
        done = await anyio.to_thread.run_sync(lambda: self._run(order))
        assert done.returncode == 0, done.stderr
        return [Answer(**told) for told in json.loads(done.stdout)]

    def _run(self, order: dict[str, Any]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self._program, "twilio.mjs"],
            cwd=NODE_FOLDER,
            input=json.dumps(order),
            capture_output=True,
            text=True,
            check=False,
            timeout=_PATIENCE_S,
        )


@pytest.fixture(params=["python", "node"])
def package(request: pytest.FixtureRequest, site: Site) -> Iterator[Python | Node]:
    if request.param == "python":
        yield Python(site)
    else:
        yield Node(site, request.getfixturevalue("node"))


def register(token: str = "t-1", **more: Any) -> dict[str, Any]:
    data = {"appName": "demo_app", "token": token, "provider": "FCM", **more}
    return {"method": "POST", "path": PLACE, "data": data}


def fetch(registration: str) -> dict[str, Any]:
    return {"method": "GET", "path": f"{PLACE}/{registration}"}


def delete(registration: str) -> dict[str, Any]:
    # Neither package announces a body that it doesn't have.
    return {"method": "DELETE", "path": f"{PLACE}/{registration}", "headers": {}}


def listing(user: str, **more: Any) -> dict[str, Any]:
    return {"method": "GET", "path": PLACE, "params": {"userId": user, **more}}


async def test_a_device_is_registered_shown_listed_and_deleted(
    package: Python | Node, site: Site
) -> None:
    (registered,) = await package.send(register())
    name = registered.body["resourceId"]
    (shown,) = await package.send(fetch(name))
    user = shown.body["userId"]
    again, listed, deleted, gone = await package.send(
        register("t-2", userId=user), listing(user), delete(name), fetch(name)
    )

    assert registered.status == 202
    assert registered.body["resourceLocation"] == f"{site.url}{PLACE}/{name}"
    assert registered.headers["location"] == registered.body["resourceLocation"]
    assert shown.status == 200
    assert shown.body["devices"] == [{"token": "t-1", "provider": "FCM"}]
    assert (again.status, again.body) == (202, registered.body)
    assert [item["id"] for item in listed.body["deviceRegistrations"]] == [name]
    assert [each["token"] for each in listed.body["deviceRegistrations"][0]["devices"]] == [
        "t-1",
        "t-2",
    ]
    assert (deleted.status, deleted.body) == (202, registered.body)
    assert (gone.status, gone.body["errors"][0]["code"]) == (404, 20404)


async def test_pages_follow_each_other(package: Python | Node) -> None:
    (registered,) = await package.send(register())
    (shown,) = await package.send(fetch(registered.body["resourceId"]))
    user = shown.body["userId"]
    _, first = await package.send(
        register("t-2", appName="other_app", userId=user), listing(user, pageSize=1)
    )
    token = first.body["pagination"]["next"]
    (second,) = await package.send(listing(user, pageSize=1, pageToken=token))

    apps = [answer.body["deviceRegistrations"][0]["appName"] for answer in (first, second)]
    assert apps == ["other_app", "demo_app"]
    assert second.body["pagination"] == {"next": None, "self": token}


async def test_a_key_signs_in_like_an_account(package: Python | Node, site: Site) -> None:
    (answer,) = await package.send(register(), user_name=site.key_sid)

    assert answer.status == 202


async def test_wrong_credentials_are_told_in_both_forms(package: Python | Node) -> None:
    (answer,) = await package.send(register(), password="hgk_wrong")

    assert (answer.status, answer.body["code"], answer.body["status"]) == (401, 20003, 401)
    assert answer.body["message"] == answer.body["errors"][0]["message"]
    assert answer.headers["www-authenticate"] == 'Basic realm="Twilio API"'


async def test_every_problem_of_a_body_is_reported(package: Python | Node) -> None:
    (answer,) = await package.send({"method": "POST", "path": PLACE, "data": {"token": 1}})

    assert answer.status == 400
    assert [entry["context"] for entry in answer.body["errors"]] == [
        "$.appName",
        "$.token",
        "$.provider",
    ]


async def test_a_form_is_refused_in_json(package: Python | Node) -> None:
    form = {"Content-Type": "application/x-www-form-urlencoded"}

    (answer,) = await package.send({**register(), "headers": form})

    assert (answer.status, answer.body["errors"][0]["code"]) == (400, 20001)


PUSHES = "/v1/PushNotifications"


def send(*to: dict[str, Any], **more: Any) -> dict[str, Any]:
    data = {"to": list(to), "content": {"body": "Hi {{ name | default: 'friend' }}"}, **more}
    return {"method": "POST", "path": PUSHES, "data": data}


def get(path: str, **params: Any) -> dict[str, Any]:
    return {"method": "GET", "path": PUSHES + path, "params": params}


async def test_a_send_is_accepted_listed_and_shown(package: Python | Node, site: Site) -> None:
    token = {"token": "t-1", "provider": "FCM"}
    (sent,) = await package.send(
        send({**token, "variables": {"name": "Ann"}}, token, tags={"a": "b", "c": "d"})
    )
    operation, listed, none, page = await package.send(
        get(f"/Operations/{sent.body['operationId']}"),
        get("", tags="a:b;c:d;", status="QUEUED"),
        get("", tags="a:x;"),
        get("", pageSize=1),
    )
    first = listed.body["pushNotifications"][1]["id"]
    shown, rest = await package.send(
        get(f"/{first}"), get("", pageSize=1, pageToken=page.body["pagination"]["next"])
    )

    assert sent.status == 202
    assert sent.body["operationLocation"].startswith(f"{site.url}{PUSHES}/Operations/")
    assert sent.headers["location"] == sent.body["operationLocation"]
    assert operation.body["stats"]["queued"] == operation.body["stats"]["total"] == 2
    assert len(listed.body["pushNotifications"]) == 2
    assert none.body["pushNotifications"] == []
    assert shown.body["content"] == {"title": "demo_app", "body": "Hi Ann"}
    assert [each["id"] for each in rest.body["pushNotifications"]] == [first]


async def test_every_problem_of_a_send_has_its_context(package: Python | Node) -> None:
    (answer,) = await package.send(
        send({"token": "t-1"}, priority="high", tags={"a b": "c"}, schedule={"sendAt": ["soon"]})
    )

    assert answer.status == 400
    assert {entry["context"] for entry in answer.body["errors"]} == {
        "$.to[0]",
        "$.priority",
        "$.tags['a b']",
        "$.schedule.sendAt[0]",
    }


async def test_apps_and_users_are_listed_changed_and_deleted(package: Python | Node) -> None:
    (registered,) = await package.send(register())
    (shown,) = await package.send(fetch(registered.body["resourceId"]))
    user = f"/Users/{shown.body['userId']}"
    apps, changed, app, known, deleted, gone = await package.send(
        get("/Apps"),
        {"method": "PATCH", "path": f"{PUSHES}/Apps/other_app", "data": {"isDefault": True}},
        get("/Apps/other_app"),
        get(user),
        {"method": "DELETE", "path": PUSHES + user, "headers": {}},
        get(user),
    )

    assert [each["name"] for each in apps.body["apps"]] == ["other_app", "demo_app"]
    assert (changed.status, changed.body["resourceId"]) == (202, "other_app")
    assert app.body["isDefault"] is True
    assert known.body["related"] == []
    assert (deleted.status, gone.status) == (202, 404)
