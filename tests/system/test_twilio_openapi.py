"""Twilio's calls as their own OpenAPI document describes them, against a real server."""

from __future__ import annotations

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

from heliograph.dialects.twilio import DIALECT

if TYPE_CHECKING:
    from schemathesis.schemas import APIOperation
    from tests.system.conftest import Demo

pytestmark = pytest.mark.system

ROOT = "/v1/PushNotifications"
DOCUMENT = f"{ROOT}/openapi.json"
OPERATIONS = [
    (route.method, route.path)
    for route in DIALECT.routes
    if route.path != DOCUMENT and route.method != "DELETE"
]
EXAMPLES = 25
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]

load_all_checks()


def test_the_document_describes_every_route(demo: Demo) -> None:
    document = demo.api.get(DOCUMENT).json()

    assert document["openapi"].startswith("3.1.")
    described = {
        (method.upper(), path) for path, methods in document["paths"].items() for method in methods
    }
    assert described == {(route.method, route.path) for route in DIALECT.routes}
    for schema in document["components"]["schemas"].values():
        jsonschema_rs.meta.validate(
            {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
        )
    assert list(document["components"]["securitySchemes"]) == ["basic"]


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_a_call_answers_as_described(
    demo: Demo, method: str, path: str, mode: GenerationMode
) -> None:
    document = demo.api.get(DOCUMENT).json()
    operation: APIOperation[Any, Any, Any, Any] = schemathesis.openapi.from_dict(document)[path][
        method
    ]
    facts = demo.facts["twilio"]
    known = {"app_name": facts["app_name"]} if "app_name" in path else {}
    # Unknown parameters are ignored here, so that what is wrong about a query may be unknown only.
    # The name in a path is made to fit, as the credentials are: where little else is to be said,
    # nothing may be wrong any more.
    is_strict = mode is GenerationMode.NEGATIVE and method == "POST"
    checks = [*CHECKS, *([negative_data_rejection] if is_strict else [])]

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
        case.call_and_validate(
            base_url=demo.server.url,
            auth=(facts["account_id"], facts["auth_token"]),
            checks=checks,
        )

    calls()
