"""Calls that schemathesis makes up from an OpenAPI document, played against a real server."""

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

if TYPE_CHECKING:
    from collections.abc import Mapping

    from schemathesis.schemas import APIOperation

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
NEGATIVE = GenerationMode.NEGATIVE
in_both_modes = pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, NEGATIVE])

load_all_checks()


def operations_of(document: dict[str, Any]) -> list[tuple[str, str]]:
    """Every method and path that a document describes."""
    return [
        (method.upper(), path) for path, methods in document["paths"].items() for method in methods
    ]


def assert_openapi_3_1(document: dict[str, Any]) -> None:
    """Assert what tools need: the version, and schemas that are JSON Schema."""
    assert document["openapi"].startswith("3.1.")
    for schema in document["components"]["schemas"].values():
        jsonschema_rs.meta.validate(
            {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
        )


def play(
    document: dict[str, Any],
    operation: tuple[str, str],
    mode: GenerationMode,
    known: Mapping[str, str],
    *,
    examples: int,
    is_strict: bool,
    **call: Any,
) -> None:
    """Make calls of one operation; each has to be answered as the document says.

    known: what parameters of the path are made to be. is_strict: what does not
    fit the document must be refused. call: how to reach the server, and as whom.
    """
    method, path = operation
    described: APIOperation[Any, Any, Any, Any]
    described = schemathesis.openapi.from_dict(document)[path][method]

    @given(case=described.as_strategy(generation_mode=mode))
    @settings(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def calls(case: Any) -> None:
        own = {name: known[name] for name in case.path_parameters if name in known}
        case.path_parameters.update(own)
        # A parameter of no value is not sent, and nothing may be wrong without it.
        is_whole = all(value not in (None, [], {}) for value in case.query.values())
        strict = [negative_data_rejection] if is_strict and is_whole else []
        case.call_and_validate(checks=[*CHECKS, *strict], **call)

    calls()
