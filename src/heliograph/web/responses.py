"""Answers in JSON, as all dialects give them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from starlette.responses import Response

if TYPE_CHECKING:
    from collections.abc import Mapping

    from heliograph.web.schemas import Schema


def json_response(
    value: Any,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    media_type: str = "application/json",
) -> Response:
    """Answer a JSON document."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    # A refused body's key may hold a lone surrogate, which UTF-8 can't spell.
    return Response(text.encode(errors="replace"), status, headers, media_type)


def empty_response(status: int = 204, headers: Mapping[str, str] | None = None) -> Response:
    """Answer without a body."""
    return Response(None, status, headers)


def schema_response(
    value: Schema, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """Answer a document of a schema; times in UTC end in Z."""
    body = value.model_dump_json().encode()
    return Response(body, status, headers, "application/json")
