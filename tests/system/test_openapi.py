"""The native API as its own OpenAPI document describes it, against a real server."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import jsonschema_rs
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import load_all_checks, not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_schema_conformance,
    status_code_conformance,
)

from heliograph.dialects.native import DIALECT

if TYPE_CHECKING:
    from schemathesis.schemas import APIOperation
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

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]

load_all_checks()


def test_the_document_is_openapi_3_1(demo: Demo) -> None:
    document = demo.api.get("/v1/openapi.json").json()

    assert document["openapi"].startswith("3.1.")
    assert set(_operations(document)) == {*OPERATIONS, ("GET", "/v1/openapi.json")}
    for schema in document["components"]["schemas"].values():
        jsonschema_rs.meta.validate(
            {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
        )
    _assert_references_lead_somewhere(document, document)


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_an_operation_answers_as_described(
    demo: Demo, method: str, path: str, mode: GenerationMode
) -> None:
    document = demo.api.get("/v1/openapi.json").json()
    operation: APIOperation[Any, Any, Any, Any] = schemathesis.openapi.from_dict(document)[
        f"{_ROOT}{path}"
    ][method]
    known = _known_parameters(demo, path)
    headers = {"authorization": f"Bearer {demo.facts['native']['api_key']}"}
    # Some rules, such as "exactly one of", are in words only: what fits the
    # schemas may still be refused, what does not fit must be.
    checks = [*CHECKS, *([negative_data_rejection] if mode is GenerationMode.NEGATIVE else [])]

    @given(case=operation.as_strategy(generation_mode=mode))
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def calls(case: Any) -> None:
        case.path_parameters.update(known)
        case.call_and_validate(base_url=demo.server.url, headers=headers, checks=checks)

    calls()
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


def _operations(document: dict[str, Any]) -> list[tuple[str, str]]:
    return [
        (method.upper(), path.removeprefix(_ROOT))
        for path, methods in document["paths"].items()
        for method in methods
    ]


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
