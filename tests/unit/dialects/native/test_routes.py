import json

import pytest
from tests.asgi_client import call

from heliograph.core.ids import spell
from heliograph.core.model.identity import SessionForm
from heliograph.wiring import Stack

pytestmark = pytest.mark.anyio


@pytest.fixture
async def stack(config, clock):
    stack = await Stack.open(config, clock=clock)
    yield stack
    await stack.stop()


@pytest.fixture
async def site(stack):
    account = await stack.core.applications.account()
    application = await stack.core.applications.create(account.id, "demo")
    _, key = await stack.core.applications.create_client(account.id, "back end")
    return application, key


async def _call(stack, site, method, path, body=None, credential=None):
    application, key = site
    return await call(
        stack.application,
        method,
        f"/v1/applications/{spell('application', application.id)}{path}",
        headers={
            "authorization": f"Bearer {credential or key}",
            "content-type": "application/json",
        },
        body=b"" if body is None else json.dumps(body).encode(),
    )


async def test_a_registration_is_created_once_and_refreshed_later(stack, site, clock):
    body = {"provider": "fcm", "token": "t1", "device_id": "d1"}

    statuses = []
    for token, seconds in [("t1", 0), ("t1", 1), ("t1", 61), ("t2", 1)]:
        clock.advance(seconds)
        answer = await _call(stack, site, "POST", "/registrations", {**body, "token": token})
        statuses.append(answer.status)

    assert statuses == [201, 201, 200, 200]


async def test_an_expired_session_is_not_authenticated(stack, site, clock):
    application, _ = site
    _, token = await stack.core.identity.create_session(
        application, "ann", SessionForm.NATIVE, None
    )
    before = await _call(stack, site, "GET", "/registrations", credential=token)

    clock.advance(31 * 86_400)
    after = await _call(stack, site, "GET", "/registrations", credential=token)

    assert (before.status, after.status) == (200, 401)


async def test_a_list_in_parts_names_everything_once(stack, site):
    for number in range(7):
        body = {"provider": "fcm", "token": f"t{number}", "device_id": f"d{number}"}
        assert (await _call(stack, site, "POST", "/registrations", body)).status == 201

    seen, cursor = [], ""
    while cursor is not None:
        page = (await _call(stack, site, "GET", f"/registrations?limit=3{cursor}")).json()
        seen += [item["device_id"] for item in page["items"]]
        cursor = page["next"] and f"&cursor={page['next']}"

    assert sorted(seen) == [f"d{number}" for number in range(7)]


async def test_notifications_in_parts_are_named_newest_first(stack, site, clock):
    sent = []
    for _ in range(5):
        clock.advance(1)
        body = {"audience": {"users": ["nobody"]}, "content": {"body": "hi"}}
        sent.append((await _call(stack, site, "POST", "/notifications", body)).json()["id"])

    seen, cursor = [], ""
    while cursor is not None:
        page = (await _call(stack, site, "GET", f"/notifications?limit=2{cursor}")).json()
        seen += [item["id"] for item in page["items"]]
        cursor = page["next"] and f"&cursor={page['next']}"

    assert seen == sent[::-1]
