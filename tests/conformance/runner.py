"""Reads conformance cases and plays them against the whole application.

A file holds one case or a list of them:

    {
      "source": "where the behaviour is written down",
      "name": "a sentence",
      "given": [requests to make first; "save": {"reg": "id"} keeps a field as {reg},
              "page.next" one inside another],
      "raised": "RateLimited: answer the request's route with this error",
      "request": {"method", "path", "headers",
                  "signed"? (tokens for {names}: see signing.py),
                  "body" (JSON) | "raw_body" (text) | "filler_bytes" (a JSON string so long)},
      "expect": {"status", "headers"?, "body"?}
    }

`{app}`, `{api_key}` and the other variables of `conftest.py` are put into
every string. An expected object may leave fields out, an expected list may
not; null for a header means absent, null for a body means empty. Of
placeholders there are "<any>", "<uuid>", "<time>", "<signed>" and "<id:reg>".
A path may be a link that was saved: what stands before its own path is left out.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.asgi_client import Answer, call
from tests.conformance.signing import signed

from heliograph.core import errors as core_errors
from heliograph.web import errors as web_errors

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from starlette.responses import Response
    from starlette.types import ASGIApp

    from heliograph.core.core import Core
    from heliograph.core.errors import CoreError
    from heliograph.web.dialect import Dialect
    from heliograph.web.errors import WebError
    from heliograph.web.request import Request

FOLDER = Path(__file__).parent
PUBLIC_URL = "https://push.test"

RAISED: dict[str, CoreError | WebError] = {
    type(error).__name__: error
    for error in (
        core_errors.NotAuthenticated(),
        core_errors.WrongLogin(),
        core_errors.NotPermitted("registrations.write"),
        core_errors.Suspended("user"),
        core_errors.NotFound("registration", "reg_1"),
        core_errors.Conflict("registration", "reg_1"),
        core_errors.WrongState("notification", "ntf_1", "completed"),
        core_errors.KeyReused("key-1"),
        core_errors.QuotaReached("session key", 20),
        core_errors.RateLimited(timedelta(seconds=29.5)),
        core_errors.Unavailable("database"),
        core_errors.PayloadTooLarge(None, 1024),
        core_errors.InvalidRequest(
            [core_errors.Problem(("token",), core_errors.ProblemKind.MISSING, "present")]
        ),
        core_errors.InvalidToken(
            [core_errors.Problem(("token",), core_errors.ProblemKind.MALFORMED, "a token")]
        ),
        web_errors.EndpointNotFound("/nowhere"),
        web_errors.MethodNotAllowed(("GET",)),
        web_errors.NotAcceptable("Accept"),
        web_errors.UnsupportedMediaType("Content-Type"),
        web_errors.RequestTimeout(),
        web_errors.InternalFailure(),
    )
}

_ID = "[0-9a-hjkmnp-tv-z]{26}"
_PLACEHOLDERS = {
    "<any>": ".*",
    "<uuid>": "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}",
    "<signed>": r"[\w-]+\.[\w-]+",
    "<time>": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z",
}


@dataclass(frozen=True, slots=True)
class Case:
    """One case of one dialect."""

    dialect: str
    label: str
    document: Mapping[str, Any]


def load_cases() -> Iterator[Case]:
    """Read every case of every dialect, in the order of their names."""
    for path in sorted(FOLDER.glob("*/*.json")):
        content = json.loads(path.read_text(encoding="utf-8"))
        documents = content if isinstance(content, list) else [content]
        for position, document in enumerate(documents):
            name = f"{path.parent.name}/{path.stem}"
            label = name if len(documents) == 1 else f"{name}[{position}]"
            yield Case(path.parent.name, label, document)


async def play(application: ASGIApp, case: Case, variables: Mapping[str, str]) -> None:
    """Play a case; AssertionError says where the answer differs."""
    known = dict(variables)
    for request in case.document.get("given", ()):
        known |= signed(filled(request.get("signed", {}), known))
        answer = await _send(application, request, known)
        assert answer.status < 300, f"given {request['path']}: {answer}"
        known |= {name: _at(answer.json(), key) for name, key in request.get("save", {}).items()}
    known |= signed(filled(case.document["request"].get("signed", {}), known))
    answer = await _send(application, case.document["request"], known)
    expected = filled(case.document["expect"], known)
    assert answer.status == expected["status"], answer
    for name, wanted in expected.get("headers", {}).items():
        value = answer.header(name)
        assert (value is None) if wanted is None else _fits(value, wanted), f"{name}: {value}"
    if "body" in expected:
        if expected["body"] is None:
            assert answer.body == b""
        else:
            compare(answer.json(), expected["body"], "body")


def raising(dialect: Dialect, error: CoreError | WebError) -> Dialect:
    """Copy a dialect so that every handler raises an error."""

    async def refuse(request: Request, core: Core) -> Response:
        raise error

    routes = tuple(replace(route, handler=refuse) for route in dialect.routes)
    return replace(dialect, routes=routes)


def filled(value: Any, known: Mapping[str, str]) -> Any:
    """Put variables into every string; unknown names in braces stay."""
    match value:
        case str():
            return re.sub(r"{(\w+)}", lambda found: known.get(found[1], found[0]), value)
        case dict():
            return {filled(key, known): filled(inner, known) for key, inner in value.items()}
        case list():
            return [filled(inner, known) for inner in value]
        case _:
            return value


def compare(actual: Any, wanted: Any, path: str) -> None:
    """Compare an answer with what was expected, field by field."""
    match wanted:
        case dict():
            assert isinstance(actual, dict), f"{path}: {actual!r}"
            for key, inner in wanted.items():
                assert key in actual, f"{path}.{key} is missing in {actual!r}"
                compare(actual[key], inner, f"{path}.{key}")
        case list():
            assert isinstance(actual, list), f"{path}: {actual!r}"
            assert len(actual) == len(wanted), f"{path}: {actual!r}"
            for position, inner in enumerate(wanted):
                compare(actual[position], inner, f"{path}.{position}")
        case str():
            assert _fits(actual, wanted), f"{path}: {actual!r}, not {wanted!r}"
        case _:
            assert type(actual) is type(wanted), f"{path}: {actual!r}, not {wanted!r}"
            assert actual == wanted, f"{path}: {actual!r}, not {wanted!r}"


def _at(document: Any, path: str) -> Any:
    """Answer a field by its dotted path."""
    for key in path.split("."):
        document = document[int(key) if isinstance(document, list) else key]
    return document


def _fits(actual: Any, wanted: str) -> bool:
    if wanted == "<any>":
        return actual is not None
    if not isinstance(actual, str):
        return False
    pattern = "".join(_pattern_of(part) for part in re.split(r"(<[a-z_:]+>)", wanted))
    return re.fullmatch(pattern, actual, re.DOTALL) is not None


def _pattern_of(part: str) -> str:
    if part.startswith("<id:"):
        return f"{part[4:-1]}_{_ID}"
    return _PLACEHOLDERS.get(part, re.escape(part))


async def _send(
    application: ASGIApp, request: Mapping[str, Any], known: Mapping[str, str]
) -> Answer:
    headers = dict(filled(request.get("headers", {}), known))
    body = b""
    if "body" in request:
        body = json.dumps(filled(request["body"], known)).encode()
        headers = {"Content-Type": "application/json"} | headers
    elif "raw_body" in request:
        body = filled(request["raw_body"], known).encode()
    elif "filler_bytes" in request:
        body = b'"' + b"x" * (request["filler_bytes"] - 2) + b'"'
    path = filled(request["path"], known).replace(PUBLIC_URL, "")
    return await call(application, request["method"], path, headers=headers, body=body)
