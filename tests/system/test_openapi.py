"""The native API as its own OpenAPI document describes it, against a real server."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from tests.system.described import NEGATIVE, assert_openapi_3_1, in_both_modes, operations_of, play

from heliograph.dialects.native import DIALECT

if TYPE_CHECKING:
    from schemathesis import GenerationMode
    from tests.system.conftest import Demo

pytestmark = pytest.mark.system

_ROOT = "/v1/applications/{app}"

OPERATIONS = tuple(
    (route.method, route.path.removeprefix(_ROOT))
    for route in DIALECT.routes
    if route.path.startswith(_ROOT)
)
"""All that the native API does with an application, as its own table says."""

EXAMPLES = 40


def test_the_document_is_openapi_3_1(demo: Demo) -> None:
    document = demo.api.get("/v1/openapi.json").json()

    assert_openapi_3_1(document)
    described = {(method, path.removeprefix(_ROOT)) for method, path in operations_of(document)}
    assert described == {*OPERATIONS, ("GET", "/v1/openapi.json")}
    _assert_references_lead_somewhere(document, document)


@in_both_modes
@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_an_operation_answers_as_described(
    demo: Demo, method: str, path: str, mode: GenerationMode
) -> None:
    document = demo.api.get("/v1/openapi.json").json()

    play(
        document,
        (method, f"{_ROOT}{path}"),
        mode,
        _known_parameters(demo, path),
        examples=EXAMPLES,
        # Some rules, such as "exactly one of", are in words only: what fits the
        # schemas may still be refused, what does not fit must be.
        is_strict=mode is NEGATIVE,
        base_url=demo.server.url,
        headers={"authorization": f"Bearer {demo.facts['native']['api_key']}"},
    )
    if (method, path) == ("PATCH", ""):
        # What was said of the application must not decide what becomes of other calls.
        assert demo.native.call("PATCH", "", {"is_muted": False}).status == 200


@pytest.mark.parametrize("credential", ["", "Bearer hgk_unknown", "Basic YTpi"])
@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_an_operation_without_a_credential_is_refused_as_described(
    demo: Demo, method: str, path: str, credential: str
) -> None:
    place = demo.api.at(f"/v1/applications/{demo.facts['application']['id']}")
    headers = {"authorization": credential} if credential else {}

    answer = place.call(method, re.sub(r"\{\w+\}", "x", path), **headers)

    assert answer.status == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.json()["code"] == "not_authenticated"


def _known_parameters(demo: Demo, path: str) -> dict[str, str]:
    """Make what a path names, so that the call reaches the operation itself."""
    known = {"app": demo.facts["application"]["id"]}
    if path.startswith("/registrations/{id}"):
        body = {"provider": "fcm", "token": "described", "device_id": "described"}
        known["id"] = demo.native.post("/registrations", body).json()["id"]
    elif path.startswith("/notifications/{id}"):
        body = {"audience": {"users": ["nobody"]}, "content": {"title": "Described"}}
        known["id"] = demo.native.post("/notifications", body).json()["id"]
    return known


def _assert_references_lead_somewhere(value: Any, document: dict[str, Any]) -> None:
    match value:
        case {"$ref": str(reference)}:
            found: Any = document
            for part in reference.removeprefix("#/").split("/"):
                found = found[part]
        case dict():
            for inner in value.values():
                _assert_references_lead_somewhere(inner, document)
        case list():
            for inner in value:
                _assert_references_lead_somewhere(inner, document)
