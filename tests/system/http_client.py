"""HTTP from outside: a plain client, and one that sends bytes as they are."""

from __future__ import annotations

import json
import socket
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPResponse
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

PATIENCE_S = 30

LAYER_TYPE = "application/vnd.layer+json; version=1.0"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. headers: names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


class Api:
    """A server, called on a new connection each time."""

    def __init__(self, url: str, headers: Mapping[str, str] | None = None, base: str = "") -> None:
        parts = urlsplit(url)
        self.host, self.port = str(parts.hostname), int(parts.port or 80)
        self._headers = dict(headers or {})
        self._url, self._base = url, base

    def at(self, base: str, **headers: str) -> Api:
        """Answer the same server beneath a path, called with these headers too."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return Api(self._url, {**self._headers, **named}, self._base + base)

    def get(self, path: str = "") -> Answer:
        return self.call("GET", path)

    def post(self, path: str, body: Any) -> Answer:
        return self.call("POST", path, body)

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        connection: HTTPConnection | None = None,
        **headers: str,
    ) -> Answer:
        """Call once. body: bytes as they are, all else as JSON."""
        content = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if content is not None:
            named.setdefault("content-type", "application/json")
        used = connection or HTTPConnection(self.host, self.port, timeout=PATIENCE_S)
        try:
            used.request(method, self._base + path, content, {**self._headers, **named})
            return _read(used.getresponse())
        finally:
            if connection is None:
                used.close()

    def connection(self) -> HTTPConnection:
        return HTTPConnection(self.host, self.port, timeout=PATIENCE_S)

    def raw(
        self,
        method: str,
        target: str | bytes,
        headers: Iterable[str | bytes] = (),
        body: bytes | Iterable[bytes] = b"",
    ) -> Answer:
        """Send the very bytes, and read the answer after the last of them.

        headers: whole lines; the client's own and Host come first, and
        Content-Length only if it is among them.
        """
        own = [f"{name}: {value}" for name, value in self._headers.items()]
        path = target if isinstance(target, bytes) else (self._base + target).encode()
        lines = [
            b"%s %s HTTP/1.1" % (method.encode(), path),
            f"host: {self.host}:{self.port}".encode(),
            *(line if isinstance(line, bytes) else line.encode() for line in (*own, *headers)),
        ]
        with socket.create_connection((self.host, self.port), PATIENCE_S) as connected:
            connected.sendall(b"\r\n".join(lines) + b"\r\n\r\n")
            for chunk in (body,) if isinstance(body, bytes) else body:
                connected.sendall(chunk)
            answer = HTTPResponse(connected, method=method)
            answer.begin()
            return _read(answer)


def _read(answer: HTTPResponse) -> Answer:
    headers = {name.lower(): value for name, value in answer.getheaders()}
    return Answer(answer.status, headers, answer.read())
