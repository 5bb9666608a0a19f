"""What the web layer itself refuses, before or beside the core.

    WebError
    ├─ EndpointNotFound(path)        no route has this path
    ├─ MethodNotAllowed(allowed)     routes have it, for other methods
    ├─ NotAcceptable(header)         a header asks for what we do not speak
    ├─ UnsupportedMediaType(header, wanted)  a header announces what we do not read
    ├─ RequestTimeout                the body did not arrive in time
    └─ InternalFailure               our fault; says nothing about the inside

Each dialect's table answers these beside the core's errors.
"""

from __future__ import annotations


class WebError(Exception):
    """The root of all that is refused before the core is asked."""


class EndpointNotFound(WebError):
    """No door has a route for this path."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path


class MethodNotAllowed(WebError):
    """The path is known, for other methods: `allowed`, sorted."""

    def __init__(self, allowed: tuple[str, ...]) -> None:
        super().__init__(", ".join(allowed))
        self.allowed = allowed


class NotAcceptable(WebError):
    """The header of this name asks for an answer that the dialect does not give."""

    def __init__(self, header: str) -> None:
        super().__init__(header)
        self.header = header


class UnsupportedMediaType(WebError):
    """This header announces a body that the dialect does not read: it reads `wanted`."""

    def __init__(self, header: str, wanted: str = "application/json") -> None:
        super().__init__(header)
        self.header = header
        self.wanted = wanted


class RequestTimeout(WebError):
    """The request's body did not arrive within the time allowed."""


class InternalFailure(WebError):
    """Something broke on our side; the details are in the log and nowhere else."""
