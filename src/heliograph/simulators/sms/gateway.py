"""The fake of an HTTP gateway, which answers as Kannel's sendsms does.

Source: Kannel 1.4 user's guide, "Using the SMSBox", and what it was seen to answer.
"""

import json
from collections.abc import Callable
from datetime import datetime
from typing import Final
from urllib.parse import parse_qs

from heliograph.simulators.exchange import Answer, Reaction, Request
from heliograph.simulators.faults import Fault, FaultBook, Listener, Tally
from heliograph.simulators.inbox import Inbox, ReceivedPush
from heliograph.simulators.misbehaviour import misbehave
from heliograph.simulators.push_log import PushLog

PATH: Final = "/cgi-bin/sendsms"
USERNAME: Final = "demo"
PASSWORD: Final = "demo-pass"  # noqa: S105 - the fake's own

_ACCEPTED: Final = 202
_TEXT: Final = (b"content-type", b"text/html; charset=UTF-8")
_SECRETS: Final = frozenset({"username", "password"})


class GatewayFake:
    """A gateway for one account."""

    def __init__(
        self,
        *,
        inbox: Inbox,
        faults: FaultBook,
        now: Callable[[], datetime],
        log: PushLog | None = None,
    ) -> None:
        self._inbox = inbox
        self._faults = faults
        self._now = now
        self._log = PushLog(0) if log is None else log
        self._count = 0

    def open_session(self) -> "GatewaySession":
        """Begin a connection."""
        return GatewaySession(self)

    def react(self, request: Request, tally: Tally) -> Reaction:
        """Answer one request of the connection whose tally it is."""
        path, _, query = request.path.partition(b"?")
        if path.decode("latin-1") != PATH:
            return _say(404, "Not found")
        if request.method not in (b"GET", b"POST"):
            return _say(405, "Method not allowed")
        form = query if request.method == b"GET" else request.body
        said = {
            name: values[0]
            for name, values in parse_qs(form.decode("latin-1"), keep_blank_values=True).items()
        }
        if said.get("username") != USERNAME or said.get("password") != PASSWORD:
            return _say(403, "Authorization failed for sendsms")
        if not said.get("to"):
            return _say(400, "Missing receiver number, rejected")
        if not said.get("text"):
            return _say(400, "Empty text not allowed, rejected")
        return self._send(request, said, tally)

    def _send(self, request: Request, said: dict[str, str], tally: Tally) -> Reaction:
        number = said["to"]
        fault = self._faults.take(number, tally)
        is_taken = fault is None or fault.takes_push
        if is_taken:
            shown = {name: value for name, value in said.items() if name not in _SECRETS}
            body = json.dumps(shown).encode()
            self._inbox.add(ReceivedPush("sms", number, request.headers, body, self._now()))
            self._count += 1
        status = _ACCEPTED if is_taken else (fault.status if fault else None) or 0
        self._log.add("sms", status, str(self._count).encode() if is_taken else b"-", number)
        if fault is None:
            return self._accepted()
        if is_taken:
            # A reason is what the gateway says, whatever its status promises.
            answer = _say(_ACCEPTED, fault.reason) if fault.reason else self._accepted()
        elif fault.status is not None:
            answer = _say(fault.status, fault.reason or "This is scripted")
        else:
            return misbehave(fault, None)
        return misbehave(fault, _later(answer, fault))

    def _accepted(self) -> Answer:
        return _say(_ACCEPTED, "0: Accepted for delivery")


class GatewaySession:
    """One connection to the gateway, which remembers nothing."""

    def __init__(self, fake: GatewayFake) -> None:
        self.max_streams = 1
        self._fake = fake
        self._tally = Tally(Listener.SMS)

    def react(self, request: Request) -> Reaction:
        """Answer one request."""
        return self._fake.react(request, self._tally)


def _say(status: int, text: str) -> Answer:
    return Answer(status, (_TEXT,), text.encode())


def _later(answer: Answer, fault: Fault) -> Answer:
    fields = answer.fields
    if fault.retry_after is not None:
        fields = (*fields, (b"retry-after", str(fault.retry_after).encode()))
    return answer._replace(fields=fields, delay_ms=fault.delay_ms)
