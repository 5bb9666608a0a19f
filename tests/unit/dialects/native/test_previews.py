"""Previews through the whole server, by the real providers' renderings; nothing leaves."""

import base64
import json

import pytest
from tests.asgi_client import call

from heliograph.core.ids import spell
from heliograph.core.model.application import ApnsCredential, Defaults, FcmCredential
from heliograph.core.model.registration import Environment, ProviderName
from heliograph.core.ports import Preview
from heliograph.dialects.native.mapping.previews import from_samples
from heliograph.simulators.credentials import ensure_credentials
from heliograph.wiring import Stack

pytestmark = pytest.mark.anyio

APNS_TOKEN = "ab" * 32


@pytest.fixture(scope="session")
def credentials(tmp_path_factory):
    return ensure_credentials(tmp_path_factory.mktemp("keys"), None)


@pytest.fixture
async def stack(config, clock):
    stack = await Stack.open(config, clock=clock)
    yield stack
    await stack.stop()


@pytest.fixture
async def site(stack, credentials):
    applications = stack.core.applications
    account = await applications.account()
    application = await applications.create(account.id, "demo", Defaults("com.example.demo"))
    _, key = await applications.create_client(account.id, "back end")
    apns, account_file = credentials.apns, credentials.service_account("https://token.test/")
    await applications.set_credential(
        application, Environment.PRODUCTION, ApnsCredential(apns.key_id, apns.team_id, apns.p8)
    )
    await applications.set_credential(
        application,
        Environment.PRODUCTION,
        FcmCredential(
            account_file["project_id"],
            account_file["client_email"],
            account_file["private_key_id"],
            account_file["private_key"],
        ),
    )
    return application, key


async def _post(stack, site, path, body):
    application, key = site
    return await call(
        stack.application,
        "POST",
        f"/v1/applications/{spell('application', application.id)}{path}",
        headers={"authorization": f"Bearer {key}", "content-type": "application/json"},
        body=json.dumps(body).encode(),
    )


def addresses(*pairs):
    return {"addresses": [{"provider": name, "token": token} for name, token in pairs]}


async def test_each_providers_own_bytes_are_shown(stack, site):
    body = {
        "audience": addresses(("apns", APNS_TOKEN), ("fcm", "f")),
        "content": {
            "title": "Dinner",
            "body": "Süß",
            "overrides": {"apns": {"aps": {"interruption-level": "passive"}}},
        },
    }

    answer = await _post(stack, site, "/notifications/preview", body)

    assert answer.status == 200
    apns, fcm = (item["message"] for item in answer.json()["items"])
    assert apns["path"] == f"/3/device/{APNS_TOKEN}"
    assert json.loads(apns["body"])["aps"]["interruption-level"] == "passive"
    assert apns["size_bytes"] == len(apns["body"].encode())
    assert {"name": "apns-topic", "value": "com.example.demo"} in apns["headers"]
    assert json.loads(fcm["body"])["message"]["token"] == "f"
    assert "Süß" in fcm["body"] or "S\\u00fc" in fcm["body"]
    assert all(item["problem"] is None for item in answer.json()["items"])


async def test_no_secret_is_shown(stack, site, credentials):
    body = {"audience": addresses(("apns", APNS_TOKEN), ("fcm", "f")), "content": {"body": "hi"}}

    answer = await _post(stack, site, "/notifications/preview", body)

    shown = {
        header["name"]: header["value"]
        for item in answer.json()["items"]
        for header in item["message"]["headers"]
    }
    assert "…" in shown["authorization"]
    assert "eyJ" not in answer.body.decode()


async def test_what_is_too_large_for_one_is_a_problem_of_that_one(stack, site):
    body = {
        "audience": addresses(("apns", APNS_TOKEN), ("fcm", "f")),
        "content": {"body": "hi", "overrides": {"apns": {"x": "y" * 4096}}},
    }

    preview = await _post(stack, site, "/notifications/preview", body)
    sent = await _post(stack, site, "/notifications", body)

    apns, fcm = preview.json()["items"]
    assert apns["message"]["size_bytes"] > apns["message"]["limit_bytes"] == 4096
    assert apns["problem"] is not None
    assert fcm["problem"] is None
    assert sent.status == 202


async def test_what_is_too_large_for_all_is_refused(stack, site):
    body = {
        "audience": addresses(("apns", APNS_TOKEN), ("fcm", "f")),
        "content": {"title": "hi", "body": "x" * 4096},
    }

    sent = await _post(stack, site, "/notifications", body)
    preview = await _post(stack, site, "/notifications/preview", body)

    assert sent.status == 400
    [problem] = sent.json()["problems"]
    assert (problem["path"], problem["kind"]) == ("content", "too_large")
    assert "4096 bytes for apns" in problem["expected"]
    assert "4096 bytes for fcm" in problem["expected"]
    assert all(item["problem"] for item in preview.json()["items"])


async def test_a_large_message_for_users_is_accepted(stack, site):
    body = {"audience": {"users": ["ann"]}, "content": {"body": "x" * 4096}}

    assert (await _post(stack, site, "/notifications", body)).status == 202


async def test_a_preview_stores_nothing(stack, site):
    body = {"audience": addresses(("fcm", "f")), "content": {"body": "hi"}}

    await _post(stack, site, "/notifications/preview", body)

    application, _ = site
    found = await stack.store.notifications.notifications(application.id, before=None, limit=9)
    assert found == []


def test_bytes_that_are_no_text_are_shown_in_base64():
    class Target:
        id = bytes(16)
        recipient = 1
        provider = ProviderName.WEBPUSH
        is_registered = False

    class Sample:
        target = Target()
        environment = Environment.PRODUCTION
        message = Preview("POST", "host", "/", (("ttl", "1"),), b"\xff\x00", 2, 4096)
        problem = None

    [shown] = from_samples([Sample()]).items

    assert shown.message.body is None
    assert base64.b64decode(shown.message.body_base64) == b"\xff\x00"
