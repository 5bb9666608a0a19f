"""Answers in JSON, as all dialects give them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from starlette.responses import Response

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.types import Receive, Scope, Send

    from heliograph.web.schemas import Schema

ANSWER_AT_ONCE = "heliograph.answer_at_once"
"""An ASGI extension of our server's: a function that writes a whole answer, of a status, fields
and a body. False where it has to go the long way."""

_WITHOUT_LENGTH = (204, 304)


class WholeResponse(Response):
    """An answer that is made: nothing is left to go wrong when it is sent."""

    def __init__(
        self, body: bytes, status: int, headers: Mapping[str, str] | None, media_type: str | None
    ) -> None:
        self.status_code = status
        self.body = body
        self.background = None
        raw = self.raw_headers = []
        if headers is not None:
            for name, value in headers.items():
                raw.append((name.lower().encode("latin-1"), value.encode("latin-1")))
        if status not in _WITHOUT_LENGTH:
            raw.append((b"content-length", b"%d" % len(body)))
        if media_type is not None:
            raw.append((b"content-type", media_type.encode("latin-1")))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI
        """Send it."""
        extensions: Mapping[str, Any] = scope.get("extensions", {})
        at_once = extensions.get(ANSWER_AT_ONCE)
        if at_once is not None and at_once(self.status_code, self.raw_headers, self.body):
            return
        await send(
            {
                "type": "http.response.start",
                "status": self.status_code,
                "headers": self.raw_headers,
            }
        )
        await send({"type": "http.response.body", "body": self.body})


def json_response(
    value: Any,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    media_type: str = "application/json",
) -> Response:
    """Answer a JSON document."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    # A refused body's key may hold a lone surrogate, which UTF-8 can't spell.
    return WholeResponse(text.encode(errors="replace"), status, headers, media_type)


def empty_response(status: int = 204, headers: Mapping[str, str] | None = None) -> Response:
    """Answer without a body."""
    return WholeResponse(b"", status, headers, None)


def schema_response(
    value: Schema, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """Answer a document of a schema; times in UTC end in Z."""
    return spelled_response(spell_schema(value), status, headers)


def spelled_response(
    document: bytes, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """Answer a JSON document that is spelled already."""
    return WholeResponse(document, status, headers, "application/json")


def spell_schema(value: Schema) -> bytes:
    """Spell a document of a schema."""
    return value.__pydantic_serializer__.to_json(value)
