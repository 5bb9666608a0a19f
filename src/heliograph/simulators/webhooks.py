"""The fake of a customer's back end that takes webhooks.

Every path below `/hooks/` is an endpoint; the inbox and the faults know it by its path. Where
it knows the endpoint's secret it is as strict as the specification: a wrong signature, an old
timestamp or a header that is missing is 401.

Source: Standard Webhooks 1.0.0, "Verifying webhook authenticity".
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import TYPE_CHECKING, Final

from heliograph.simulators.exchange import JSON_FIELD, Answer, Reaction, Request
from heliograph.simulators.faults import FaultBook, Listener, Tally
from heliograph.simulators.inbox import Inbox, ReceivedPush
from heliograph.simulators.misbehaviour import misbehave
from heliograph.simulators.push_log import PushLog

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

FOLDER: Final = "/hooks/"
TOLERANCE_S: Final = 300
_TAKEN: Final = 204


class WebhookFake:
    """Endpoints. secrets: `whsec_…` by path, for those that verify."""

    def __init__(
        self,
        *,
        inbox: Inbox,
        faults: FaultBook,
        now: Callable[[], datetime],
        log: PushLog | None = None,
    ) -> None:
        self.secrets: dict[str, str] = {}
        self._inbox = inbox
        self._faults = faults
        self._now = now
        self._log = PushLog(0) if log is None else log

    def open_session(self) -> WebhookSession:
        """Begin a connection."""
        return WebhookSession(self)

    def react(self, request: Request, tally: Tally) -> Reaction:
        """Answer one call of the connection whose tally it is."""
        path = request.path.partition(b"?")[0].decode("latin-1")
        if not path.startswith(FOLDER):
            return _say(404, "no such endpoint")
        if request.method != b"POST":
            return _say(405, "only POST")
        secret = self.secrets.get(path)
        if secret is not None and (problem := self._problem_of(request, secret)):
            return _say(401, problem)
        try:
            json.loads(request.body)
        except ValueError:
            return _say(400, "no JSON")
        return self._take(request, path, tally)

    def _take(self, request: Request, path: str, tally: Tally) -> Reaction:
        fault = self._faults.take(path, tally)
        is_taken = fault is None or fault.takes_push
        if is_taken:
            pushed = ReceivedPush("webhook", path, request.headers, request.body, self._now())
            self._inbox.add(pushed)
        status = _TAKEN if is_taken else (fault.status if fault else None) or 0
        self._log.add("webhook", status, request.headers.get(b"webhook-id", b"-"), path)
        if fault is None:
            return Answer(_TAKEN)
        if fault.status is None:
            return misbehave(fault, None)
        answer = Answer(_TAKEN) if is_taken else _say(fault.status, fault.reason or "scripted")
        fields = answer.fields
        if fault.retry_after is not None:
            fields = (*fields, (b"retry-after", str(fault.retry_after).encode()))
        return misbehave(fault, answer._replace(fields=fields, delay_ms=fault.delay_ms))

    def _problem_of(self, request: Request, secret: str) -> str | None:
        headers = request.headers
        said = headers.get(b"webhook-id"), headers.get(b"webhook-timestamp")
        given = headers.get(b"webhook-signature")
        if None in said or given is None:
            return "a header is missing"
        message_id, at = said[0] or b"", said[1] or b""
        if not at.isdigit() or abs(self._now().timestamp() - int(at)) > TOLERANCE_S:
            return "the timestamp is not of now"
        key = base64.b64decode(secret.removeprefix("whsec_"))
        signed = b".".join((message_id, at, request.body))
        wanted = b"v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256))
        if not any(hmac.compare_digest(wanted, each) for each in given.split(b" ")):
            return "no signature fits"
        return None


class WebhookSession:
    """One connection, which remembers nothing."""

    def __init__(self, fake: WebhookFake) -> None:
        self.max_streams = 1
        self._fake = fake
        self._tally = Tally(Listener.WEBHOOK)

    def react(self, request: Request) -> Reaction:
        """Answer one call."""
        return self._fake.react(request, self._tally)


def _say(status: int, text: str) -> Answer:
    return Answer(status, (JSON_FIELD,), json.dumps({"error": text}).encode())
