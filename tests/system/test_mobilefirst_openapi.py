"""MobileFirst's operations as the served description has them, against a real server."""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING

import pytest
from tests.system.described import NEGATIVE, assert_openapi_3_1, in_both_modes, operations_of, play

from heliograph.dialects.mobilefirst import DIALECT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from schemathesis import GenerationMode
    from tests.system.conftest import Demo
    from tests.system.http_client import Api

pytestmark = pytest.mark.system

BASE = "/imfpush/v1"
DOCUMENT = f"{BASE}/swagger.json"
APP = f"{BASE}/apps/{{application_id}}"
OPEN = {f"{BASE}/health/status", DOCUMENT}
OPERATIONS = sorted(
    {
        (route.method, route.path)
        for route in DIALECT.routes
        if route.path.startswith(BASE)
        # Second names of an operation: with a slash at the end, or POST where PUT is meant.
        and not route.path.endswith("/")
        and not (route.method == "POST" and "/settings/" in route.path)
    }
)
EXAMPLES = 25


@pytest.fixture(scope="module")
def bearer(demo: Demo) -> str:
    """A token that opens everything."""
    facts = demo.facts["mobilefirst"]
    pair = base64.b64encode(f"{facts['client_id']}:{facts['client_secret']}".encode()).decode()
    answer = demo.api.call(
        "POST",
        "/mfp/api/az/v1/token",
        b"grant_type=client_credentials&scope=*",
        **{"authorization": f"Basic {pair}", "content-type": "application/x-www-form-urlencoded"},
    )
    return f"Bearer {answer.json()['access_token']}"


@pytest.fixture
def known(demo: Demo, bearer: str, request: pytest.FixtureRequest) -> Iterator[dict[str, str]]:
    """An application with one of each, so that calls reach the operation itself."""
    name = re.sub(r"\W+", ".", request.node.name)[:200]
    api = demo.api.at(BASE, authorization=bearer)
    assert api.post("/apps", {"applicationId": name}).status == 201
    yield furnished(api.at(f"/apps/{name}")) | {"application_id": name}
    api.call("DELETE", f"/apps/{name}")


def furnished(api: Api) -> dict[str, str]:
    """Make one of each; answer what they are called in paths."""
    device = {"deviceId": "D", "token": "t", "platform": "G", "userId": "ann"}
    hook = {"name": "H", "url": "https://hooks.example.com/", "eventTypes": "*"}
    subscription = {"deviceId": "D", "tagName": "T"}
    for path, body in (("/devices", device), ("/tags", {"name": "T"}), ("/webhooks", hook)):
        assert api.post(path, body).status == 201
    subscribed = api.post("/subscriptions", subscription)
    sent = api.post("/messages", {"message": {"alert": "hi"}, "target": {"userIds": ["nobody"]}})
    assert (subscribed.status, sent.status) == (201, 202)
    return {
        "device_id": "D",
        "tag_name": "T",
        "webhook_name": "H",
        "message_id": sent.json()["messageId"],
        "subscription_id": subscribed.json()["subscriptionId"],
    }


def test_the_document_describes_every_operation(demo: Demo) -> None:
    document = demo.api.get(DOCUMENT).json()

    assert_openapi_3_1(document)
    assert sorted(operations_of(document)) == OPERATIONS


@in_both_modes
@pytest.mark.parametrize(("method", "path"), [each for each in OPERATIONS if each[1] not in OPEN])
def test_an_operation_answers_as_described(
    demo: Demo,
    bearer: str,
    known: dict[str, str],
    method: str,
    path: str,
    mode: GenerationMode,
) -> None:
    document = demo.api.get(DOCUMENT).json()

    play(
        document,
        (method, path),
        mode,
        known,
        examples=EXAMPLES,
        # Unknown parameters and properties are ignored here, so that where a call has a query, or
        # no body, nothing may be wrong any more once its path is made to fit.
        is_strict=mode is NEGATIVE and method == "POST" and "subscriptions" not in path,
        base_url=demo.server.url,
        headers={"authorization": bearer},
    )


@pytest.mark.parametrize(("method", "path"), [each for each in OPERATIONS if each[1] not in OPEN])
def test_an_operation_without_a_token_is_refused(demo: Demo, method: str, path: str) -> None:
    for credential in ("", "Bearer unknown.token", "Basic YTpi"):
        headers = {"authorization": credential} if credential else {}

        answer = demo.api.call(method, re.sub(r"\{\w+\}", "x", path), **headers)

        assert answer.status == 401
        assert answer.headers["www-authenticate"].startswith("Bearer")
        assert answer.json()["code"] == "FPWSE9401E"


@pytest.mark.parametrize("kind", ["multipart/form-data; boundary=B", "application/json"])
def test_an_upload_of_100_megabytes_is_refused_so_that_its_sender_can_read_it(
    demo: Demo, bearer: str, kind: str
) -> None:
    is_form = kind.startswith("multipart")
    place = f"{BASE}/apps/{demo.facts['mobilefirst']['application_id']}"
    head = b'--B\r\nContent-Disposition: form-data; name="certificate"; filename="c.p12"\r\n\r\n'
    body = (head if is_form else b'"') + b"x" * 100_000_000

    answer = demo.api.call(
        "PUT" if is_form else "POST",
        f"{place}/settings/apnsConf" if is_form else f"{place}/devices",
        body,
        authorization=bearer,
        content_type=kind,
    )

    assert answer.status == 413
    assert answer.json()["code"] == "FPWSE9413E"
