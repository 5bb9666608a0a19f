"""What can be asked of running fakes: what arrived, and what to answer next.

`Control` serves it over HTTP where the fakes are a process of their own; the demo mounts the
same functions in its own server.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from heliograph.core.errors import InvalidRequest, Problem, ProblemKind
from heliograph.simulators.exchange import JSON_FIELD, Answer, Request
from heliograph.simulators.script import SubscriptionBody, read_fault, read_script, schema
from heliograph.web.schemas import check

if TYPE_CHECKING:
    from collections.abc import Callable

    from heliograph.simulators.faults import FaultBook
    from heliograph.simulators.inbox import Inbox
    from heliograph.simulators.simulators import Simulators

_TEXT_FIELD = (b"content-type", b"text/plain; charset=UTF-8")


def inbox_json(inbox: Inbox, token: str | None) -> list[dict[str, Any]]:
    """List what arrived for a token, or everything with None; oldest first."""
    return [push.to_json() for push in inbox.received(token)]


def script_fault(faults: FaultBook, body: object) -> dict[str, Any]:
    """Add one fault and say it back with its defaults; raises InvalidRequest."""
    fault = read_fault(body)
    faults.add(fault)
    said = {
        "token": fault.token,
        "status": fault.status,
        "reason": fault.reason,
        "timestamp": fault.timestamp,
        "died_s_ago": fault.died_s_ago,
        "times": fault.times,
        "retry_after": fault.retry_after,
        "delay_ms": fault.delay_ms,
        "action": fault.action.value,
        "field": fault.field,
        "last_stream_id": fault.last_stream_id,
        "max_streams": fault.max_streams,
        "window_bytes": fault.window_bytes,
    }
    return {name: value for name, value in said.items() if value is not None}


def play_script(faults: FaultBook, body: object) -> dict[str, Any]:
    """Follow a script in place of the former one; raises InvalidRequest."""
    rules = read_script(body)
    faults.play(rules)
    return {"rules": len(rules)}


def counts_json(simulators: Simulators) -> dict[str, Any]:
    """Say how many pushes got which status, and how many connections are open."""
    return {
        "pushes": simulators.log.counts(),
        "connections": {
            "apns": simulators.apns.connection_count,
            "apns_sandbox": simulators.apns_sandbox.connection_count,
            "fcm": simulators.fcm.connection_count,
            "webpush": simulators.webpush.connection_count,
            "wns": simulators.wns.connection_count,
            "sms": simulators.sms_gateway.connection_count,
            "smpp": simulators.smpp.connection_count,
            "webhooks": simulators.webhooks.connection_count,
        },
    }


def subscribe(simulators: Simulators, body: object) -> dict[str, Any]:
    """Make a browser's subscription at the fake push service; raises InvalidRequest."""
    wanted = check(body, SubscriptionBody)
    return simulators.push_service.subscribe(wanted.vapid_key).to_json()


class Control:
    """The controls as a server's behaviour, for a listener of their own."""

    def __init__(self, simulators: Simulators) -> None:
        self.max_streams = 100
        self._simulators = simulators
        self._routes: dict[tuple[bytes, str], Callable[[Request], Answer]] = {
            (b"GET", "/simulators/inbox"): self._inbox,
            (b"GET", "/simulators/counts"): self._counts,
            (b"GET", "/simulators/log"): self._log,
            (b"DELETE", "/simulators/log"): self._forget,
            (b"POST", "/simulators/faults"): self._fault,
            (b"PUT", "/simulators/script"): self._script,
            (b"GET", "/simulators/script/schema"): self._schema,
            (b"POST", "/simulators/webpush/subscriptions"): self._subscribe,
        }

    def open_session(self) -> Control:
        """Begin a connection, which is as good as any other."""
        return self

    def react(self, request: Request) -> Answer:
        """Answer one call."""
        path = urlsplit(request.path.decode("latin-1")).path
        handler = self._routes.get((request.method, path))
        if handler is None:
            is_known = any(known == path for _, known in self._routes)
            return _json(405 if is_known else 404, {"error": "no such method or path"})
        try:
            return handler(request)
        except InvalidRequest as error:
            problems = [
                {"path": problem.field, "kind": problem.kind.value, "expected": problem.expected}
                for problem in error.problems
            ]
            return _json(400, {"error": "invalid_request", "problems": problems})

    def _inbox(self, request: Request) -> Answer:
        query = parse_qs(urlsplit(request.path.decode("latin-1")).query)
        return _json(200, inbox_json(self._simulators.inbox, query.get("token", [None])[0]))

    def _counts(self, request: Request) -> Answer:
        del request
        return _json(200, counts_json(self._simulators))

    def _log(self, request: Request) -> Answer:
        del request
        return Answer(200, (_TEXT_FIELD,), self._simulators.log.text())

    def _forget(self, request: Request) -> Answer:
        del request
        self._simulators.log.clear()
        self._simulators.inbox.clear()
        return Answer(204)

    def _fault(self, request: Request) -> Answer:
        return _json(201, script_fault(self._simulators.faults, _read(request.body)))

    def _script(self, request: Request) -> Answer:
        return _json(200, play_script(self._simulators.faults, _read(request.body)))

    def _subscribe(self, request: Request) -> Answer:
        return _json(201, subscribe(self._simulators, _read(request.body)))

    def _schema(self, request: Request) -> Answer:
        del request
        return _json(200, schema())


def _json(status: int, value: object) -> Answer:
    return Answer(status, (JSON_FIELD,), json.dumps(value).encode())


def _read(body: bytes) -> object:
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise InvalidRequest([Problem((), ProblemKind.MALFORMED, "JSON")]) from error
