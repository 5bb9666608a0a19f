"""Twilio's calls as their own OpenAPI document describes them, against a real server."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.system.described import NEGATIVE, assert_openapi_3_1, in_both_modes, operations_of, play

from heliograph.dialects.twilio import DIALECT

if TYPE_CHECKING:
    from schemathesis import GenerationMode
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


def test_the_document_describes_every_route(demo: Demo) -> None:
    document = demo.api.get(DOCUMENT).json()

    assert_openapi_3_1(document)
    assert set(operations_of(document)) == {(route.method, route.path) for route in DIALECT.routes}
    assert list(document["components"]["securitySchemes"]) == ["basic"]


@in_both_modes
@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_a_call_answers_as_described(
    demo: Demo, method: str, path: str, mode: GenerationMode
) -> None:
    document = demo.api.get(DOCUMENT).json()
    facts = demo.facts["twilio"]

    play(
        document,
        (method, path),
        mode,
        {"app_name": facts["app_name"]},
        examples=EXAMPLES,
        # Unknown parameters are ignored here, so that what is wrong about a query may be unknown
        # only. The name in a path is made to fit, as the credentials are: where little else is to
        # be said, nothing may be wrong any more.
        is_strict=mode is NEGATIVE and method == "POST",
        base_url=demo.server.url,
        auth=(facts["account_id"], facts["auth_token"]),
    )
