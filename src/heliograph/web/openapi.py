"""An OpenAPI 3.1 document from a dialect's routes and schemas."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pydantic.json_schema import JsonSchemaMode, models_json_schema

from heliograph import __version__

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from heliograph.web.dialect import Route
    from heliograph.web.schemas import Schema

Document = dict[str, Any]
Refs = Mapping[tuple[Any, JsonSchemaMode], Document]
"""Where a schema is described, by the schema and the direction it travels in."""

BEARER: Mapping[str, Document] = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "An API key (hgk_…) or a session token (hgs_…)",
    }
}
"""How callers of the native API prove who they are."""

_PHRASES = {200: "OK", 201: "Created", 202: "Accepted", 204: "Done, nothing to say"}
_REF = "#/components/schemas/{model}"


def document(
    routes: Sequence[Route],
    *,
    title: str,
    server_url: str,
    problem: type[Schema],
    problem_type: str,
    open_paths: Collection[str],
    security: Mapping[str, Document] = BEARER,
) -> Document:
    """Describe routes.

    problem, problem_type: the schema and media type of every error.
    open_paths: those that need no credential. security: the schemes of all others.
    """
    wanted: dict[tuple[type[Schema], JsonSchemaMode], None] = {(problem, "serialization"): None}
    for route in routes:
        if route.body is not None:
            wanted[route.body, "validation"] = None
        for answer in route.answers.values():
            if answer is not None:
                wanted[answer, "serialization"] = None
    refs, definitions = models_json_schema(list(wanted), ref_template=_REF)
    paths: dict[str, Document] = {}
    for route in routes:
        operation = _operation(route, refs)
        operation["responses"]["4XX"] = operation["responses"]["5XX"] = {
            "$ref": "#/components/responses/Problem"
        }
        if route.path in open_paths:
            operation["security"] = []
        paths.setdefault(route.path, {})[route.method.lower()] = operation
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": __version__},
        "servers": [{"url": server_url}],
        "security": [{name: []} for name in security],
        "paths": paths,
        "components": {
            "schemas": definitions.get("$defs", {}),
            "responses": {
                "Problem": {
                    "description": "An error",
                    "content": {problem_type: {"schema": refs[problem, "serialization"]}},
                }
            },
            "securitySchemes": dict(security),
        },
    }


def _operation(route: Route, refs: Refs) -> Document:
    operation: Document = {
        "operationId": route.handler.__name__,
        "summary": route.summary,
        "externalDocs": {"url": route.source},
        "responses": {
            str(status): _answer(status, answer, refs) for status, answer in route.answers.items()
        },
    }
    parameters = [
        *_path_parameters(route.path),
        *_parameters("query", route.query),
        *_parameters("header", route.headers),
    ]
    if parameters:
        operation["parameters"] = parameters
    if route.body is not None:
        schema = refs[route.body, "validation"]
        operation["requestBody"] = {
            "required": True,
            "content": {route.body_type: {"schema": schema}},
        }
    return operation


def _answer(status: int, answer: type[Schema] | None, refs: Refs) -> Document:
    described: Document = {"description": _PHRASES.get(status, "An answer")}
    if answer is not None:
        schema = refs[answer, "serialization"]
        described["content"] = {"application/json": {"schema": schema}}
    return described


def _path_parameters(path: str) -> list[Document]:
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in re.findall(r"{(\w+)}", path)
    ]


def _parameters(place: str, described: type[Schema] | None) -> list[Document]:
    """Describe each field; its schema stands inline, as a query is used in one place."""
    if described is None:
        return []
    schema = described.model_json_schema()
    definitions = schema.get("$defs", {})
    return [
        {
            "name": name,
            "in": place,
            "required": name in schema.get("required", ()),
            "schema": _inlined(field, definitions),
        }
        for name, field in schema["properties"].items()
    ]


def _inlined(value: Any, definitions: Document) -> Any:
    match value:
        case {"$ref": str(ref), **rest}:
            return {**_inlined(definitions[ref.rpartition("/")[2]], definitions), **rest}
        case dict():
            return {key: _inlined(inner, definitions) for key, inner in value.items()}
        case list():
            return [_inlined(inner, definitions) for inner in value]
        case _:
            return value
