"""A client that calls an ASGI application in process, with the path as it is written."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from starlette.types import ASGIApp, Message


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. headers: names in lower case, in their order."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def header(self, name: str) -> str | None:
        values = [value for key, value in self.headers if key == name.lower()]
        return ", ".join(values) if values else None

    def json(self) -> Any:
        return json.loads(self.body)


class NoAnswer(Exception):
    """The application sent nothing."""


async def call(
    application: ASGIApp,
    method: str,
    target: str,
    *,
    headers: Mapping[str, str] | Sequence[tuple[str, str]] = (),
    body: bytes | Sequence[bytes] = b"",
    client: str = "127.0.0.1",
    leaves: bool = False,
) -> Answer:
    """Call an application. target: raw path and query. leaves: disconnect after the body."""
    pairs = headers.items() if hasattr(headers, "items") else headers
    raw_headers = [(name.lower().encode(), value.encode("latin-1")) for name, value in pairs]
    chunks = [body] if isinstance(body, bytes) else list(body)
    names = {name for name, _ in raw_headers}
    if isinstance(body, bytes) and body and b"content-length" not in names:
        raw_headers.append((b"content-length", str(len(body)).encode()))
    if b"host" not in names:
        raw_headers.append((b"host", b"heliograph.test"))
    path, _, query = target.partition("?")
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": unquote(path),
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": raw_headers,
        "client": (client, 50_000),
        "server": ("127.0.0.1", 8080),
    }
    sent: list[Message] = []

    async def receive() -> Message:
        if not chunks:
            return {"type": "http.disconnect"}
        chunk = chunks.pop(0)
        return {"type": "http.request", "body": chunk, "more_body": bool(chunks) or leaves}

    async def send(message: Message) -> None:
        sent.append(message)

    await application(scope, receive, send)
    if not sent:
        raise NoAnswer
    content = b"".join(message.get("body", b"") for message in sent[1:])
    return Answer(
        status=sent[0]["status"],
        headers=tuple((name.decode(), value.decode()) for name, value in sent[0]["headers"]),
        # A server sends no body after HEAD, whatever the application says.
        body=b"" if method == "HEAD" else content,
    )
