"""The routes over a whole server's parts, where a case of the conformance suite can't look."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.asgi_client import Answer, call
from tests.conformance.twilio.furnish import furnish_twilio
from tests.conftest import examples

from heliograph.wiring import DIALECTS, Stack

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from heliograph.config import Config

pytestmark = pytest.mark.anyio

PLACE = "/v1/PushNotifications/DeviceRegistrations"


class Comms:
    """A furnished server as a back end meets it."""

    def __init__(self, stack: Stack, names: dict[str, str]) -> None:
        self.stack = stack
        self.names = names

    async def call(
        self, method: str, path: str, body: Any = b"", caller: str = "comms", **headers: str
    ) -> Answer:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        sent = {"authorization": self.names[caller], **headers}
        return await call(self.stack.application, method, PLACE + path, headers=sent, body=raw)

    async def users(self) -> int:
        return len(await self.stack.core.identity.users_of(None))


@pytest.fixture
async def comms(config: Config) -> AsyncIterator[Comms]:
    stack = await Stack.open(config, dialects=DIALECTS)
    try:
        account = await stack.core.applications.account()
        application = await stack.core.applications.create(account.id, "demo")
        other = await stack.core.applications.create(account.id, "other")
        yield Comms(stack, await furnish_twilio(stack, application, other))
    finally:
        await stack.stop()


def device(token: str = "t-1", **more: Any) -> dict[str, Any]:
    return {"appName": "demo_app", "token": token, "provider": "FCM", **more}


@pytest.mark.parametrize(
    ("caller", "body", "status"),
    [
        ("comms_reader", device(), 403),
        ("comms_bound", device(), 400),
        ("comms_foreign", device(), 400),
        ("comms", device(token=""), 400),
        ("comms", device(appName="none"), 400),
        ("comms", device(userId="comms_pushnotificationuser_" + "0" * 26), 400),
    ],
)
async def test_a_refused_device_leaves_no_user_behind(
    comms: Comms, caller: str, body: dict[str, Any], status: int
) -> None:
    before = await comms.users()

    answer = await comms.call("POST", "", body, caller)

    assert answer.status == status
    assert await comms.users() == before


async def test_an_accepted_device_makes_one_user(comms: Comms) -> None:
    before = await comms.users()

    answer = await comms.call("POST", "", device())

    assert answer.status == 202
    assert await comms.users() == before + 1


async def test_a_list_goes_on_until_everything_was_seen(comms: Comms) -> None:
    core, ann = comms.stack.core, comms.names["ann"]
    account = await core.applications.account()
    for number in range(5):
        made = await core.applications.create(account.id, f"app {number}")
        await core.aliases.set("twilio_app", account.id, made.id, f"app_{number}")
        body = device(f"t-{number}", appName=f"app_{number}", userId=ann)
        assert (await comms.call("POST", "", body)).status == 202

    seen: list[list[str]] = []
    token = ""
    while token is not None:
        query = f"?userId={ann}&pageSize=2" + (f"&pageToken={token}" if token else "")
        page = (await comms.call("GET", query)).json()
        seen.append([item["appName"] for item in page["deviceRegistrations"]])
        again = f"?userId={ann}&pageSize=2&pageToken={page['pagination']['self']}"
        assert (await comms.call("GET", again)).json() == page
        token = page["pagination"]["next"]

    assert seen == [["app_4", "app_3"], ["app_2", "app_1"], ["app_0"]]


async def test_a_page_may_read_where_its_device_went(comms: Comms) -> None:
    preflight = await comms.call(
        "OPTIONS",
        "",
        origin="https://app.example",
        **{"access-control-request-method": "POST"},
    )
    answer = await comms.call("POST", "", device(), origin="https://app.example")

    allowed = preflight.header("access-control-allow-headers").split(", ")
    assert {"authorization", "content-type", "x-twilio-client"} <= set(allowed)
    assert "location" in answer.header("access-control-expose-headers")


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=6,
)
bodies = st.one_of(
    st.binary(),
    values.map(lambda value: json.dumps(value).encode()),
    st.fixed_dictionaries(
        {},
        optional={
            "appName": st.just("demo_app") | values,
            "token": st.text() | values,
            "provider": st.sampled_from(["APN", "FCM"]) | values,
            "userId": values,
            "extra": values,
        },
    ).map(lambda value: json.dumps(value).encode()),
)
some = settings(
    max_examples=examples(100),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@some
@given(bodies)
async def test_any_body_is_accepted_or_refused(comms: Comms, body: bytes) -> None:
    answer = await comms.call("POST", "", body)

    assert answer.status in {202, 400}
    assert ("errors" in answer.json()) == (answer.status == 400)


@some
@given(
    st.dictionaries(
        st.sampled_from(["userId", "appName", "pageSize", "pageToken"]) | st.text(), st.text()
    )
)
async def test_any_query_is_answered_or_refused(comms: Comms, query: dict[str, str]) -> None:
    def escaped(text: str) -> str:
        return quote(text, safe="", errors="replace")

    pairs = {"userId": comms.names["ann"]} | query
    text = "&".join(f"{escaped(name)}={escaped(value)}" for name, value in pairs.items())

    answer = await comms.call("GET", f"?{text}")

    assert answer.status in {200, 400}


@some
@given(st.text(min_size=1), st.sampled_from(["GET", "DELETE"]))
async def test_any_id_is_not_found(comms: Comms, text: str, method: str) -> None:
    answer = await comms.call(method, "/" + quote(text, safe="", errors="replace"))

    assert answer.status == 404
    assert answer.json()["errors"][0]["code"] == 20404


async def test_a_user_who_goes_while_their_devices_come_is_a_bad_request(comms: Comms) -> None:
    ann = comms.names["ann"]
    registered = [
        comms.call("POST", "", device(f"late-{number}", userId=ann)) for number in range(20)
    ]
    gone = call(
        comms.stack.application,
        "DELETE",
        f"/v1/PushNotifications/Users/{ann}",
        headers={"authorization": comms.names["comms"]},
    )

    answers = await asyncio.gather(*registered[:10], gone, *registered[10:])

    assert answers.pop(10).status == 202
    refused = [each.json() for each in answers if each.status != 202]
    assert refused
    assert {each["errors"][0]["context"] for each in refused} == {"$.userId"}
    assert {each.status for each in answers} <= {202, 400}
