"""Text messages by MobileFirst's API reach the fake of an SMS gateway, and pushes theirs."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
from tests.system.processes import until

if TYPE_CHECKING:
    from tests.system.conftest import Demo
    from tests.system.http_client import Api

pytestmark = pytest.mark.system


@pytest.fixture(scope="module")
def api(demo: Demo) -> Api:
    """The demo's application, by a back end's token."""
    facts = demo.facts["mobilefirst"]
    pair = base64.b64encode(f"{facts['client_id']}:{facts['client_secret']}".encode()).decode()
    answer = demo.api.call(
        "POST",
        "/mfp/api/az/v1/token",
        b"grant_type=client_credentials&scope=*",
        authorization=f"Basic {pair}",
        content_type="application/x-www-form-urlencoded",
    )
    place = f"/imfpush/v1/apps/{facts['application_id']}"
    return demo.api.at(place, authorization=f"Bearer {answer.json()['access_token']}")


def telephone(api: Api, number: str, **more: str) -> str:
    """Register what only text messages reach; its device id."""
    device_id = f"telephone-{number}"
    body = {"deviceId": device_id, "platform": "G", "phoneNumber": number, **more}
    assert api.post("/devices", body).status == 201
    return device_id


def send(api: Api, kind: int, **target: Any) -> None:
    body = {"message": {"alert": f"kind {kind}"}, "notificationType": kind, "target": target}
    answer = api.post("/messages", body)
    assert answer.status == 202, answer.body


def came(demo: Demo, token: str) -> list[dict[str, Any]]:
    return demo.inbox(quote(token, safe=""))


def comes(demo: Demo, token: str, count: int = 1) -> None:
    until(lambda: len(came(demo, token)) == count or None)


def test_a_telephone_is_reached_by_its_device_its_user_and_its_number(demo: Demo, api: Api) -> None:
    number = "+4915100000001"
    device_id = telephone(api, number, userId="texted")

    send(api, 2, deviceIds=[device_id])
    comes(demo, number)
    send(api, 2, userIds=["texted"])
    comes(demo, number, 2)
    send(api, 2, phoneNumber=number)
    comes(demo, number, 3)


def test_both_kinds_reach_a_phone_and_its_number(demo: Demo, api: Api) -> None:
    number, token = "+4915100000002", "both-kinds"
    device = {"deviceId": "both", "platform": "G", "token": token, "phoneNumber": number}
    assert api.post("/devices", device).status == 201

    send(api, 3, deviceIds=["both"])

    comes(demo, token)
    comes(demo, number)


def test_a_number_that_a_phone_gave_in_groups_is_reached(demo: Demo, api: Api) -> None:
    device = {"deviceId": "grouped", "platform": "G", "token": "grouped"}
    assert api.post("/devices", {**device, "phoneNumber": "+49 (151) 0000-0006"}).status == 201
    device_id = telephone(api, "+49 151 00000007")

    send(api, 2, deviceIds=["grouped", device_id])

    comes(demo, "+4915100000006")
    comes(demo, "+4915100000007")


def test_a_push_alone_does_not_text(demo: Demo, api: Api) -> None:
    number, token = "+4915100000003", "push-alone"
    device = {"deviceId": "alone", "platform": "G", "token": token, "phoneNumber": number}
    assert api.post("/devices", device).status == 201

    send(api, 1, deviceIds=["alone"])
    comes(demo, token)
    send(api, 2, deviceIds=["alone"])
    comes(demo, number)

    assert len(came(demo, token)) == 1


def test_a_text_to_a_tag_reaches_its_telephones(demo: Demo, api: Api) -> None:
    inside, outside = "+4915100000004", "+4915100000005"
    device_id = telephone(api, inside)
    telephone(api, outside)
    assert api.post("/tags", {"name": "texts"}).status == 201
    subscribed = api.post("/subscriptions", {"deviceId": device_id, "tagName": "texts"})
    assert subscribed.status == 201

    send(api, 2, tagNames=["texts"])

    comes(demo, inside)
    assert came(demo, outside) == []
