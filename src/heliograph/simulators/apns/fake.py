"""The fake of APNs: judges, then lies if a fault says so, else keeps the push."""

import json
import uuid
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from heliograph.simulators.apns.certificates import CertifiedConnection
from heliograph.simulators.apns.channels import ChannelBook, request_field, serves
from heliograph.simulators.apns.channels import judge as judge_channels
from heliograph.simulators.apns.provider_tokens import ConnectionTokens, KnownKeys
from heliograph.simulators.apns.reasons import Refused
from heliograph.simulators.apns.rules import Passed, is_message_id, judge
from heliograph.simulators.exchange import Answer, Field, Reaction, Request
from heliograph.simulators.faults import Fault, FaultBook, Listener, Tally
from heliograph.simulators.inbox import Inbox, ReceivedPush
from heliograph.simulators.misbehaviour import misbehave
from heliograph.simulators.push_log import PushLog

STREAMS_BEFORE_AUTHENTICATION: Final = 1
STREAMS: Final = 1000
_AUTHENTICATION_FAILED: Final = 403


class ApnsFake:
    """One environment of APNs; the sandbox differs by its `apns-unique-id`."""

    def __init__(
        self,
        *,
        keys: KnownKeys,
        inbox: Inbox,
        faults: FaultBook,
        now: Callable[[], datetime],
        is_sandbox: bool,
        log: PushLog | None = None,
    ) -> None:
        self.keys = keys
        self.inbox = inbox
        self.faults = faults
        self.now = now
        self.is_sandbox = is_sandbox
        self.log = PushLog(0) if log is None else log
        self.channels = ChannelBook()

    def open_session(self) -> "ApnsSession":
        """Begin a connection."""
        return ApnsSession(self)

    def open_certified_session(self, certificate: bytes) -> "ApnsSession":
        """Begin a connection that showed a client certificate, DER, which TLS has verified."""
        return ApnsSession(self, CertifiedConnection(certificate))


class ApnsSession:
    """One connection to APNs."""

    def __init__(self, fake: ApnsFake, certified: CertifiedConnection | None = None) -> None:
        self.max_streams = STREAMS_BEFORE_AUTHENTICATION if certified is None else STREAMS
        self._fake = fake
        self._tokens = certified or ConnectionTokens(fake.keys)
        self._passed: Passed = {}
        listener = Listener.APNS_SANDBOX if fake.is_sandbox else Listener.APNS
        self._tally = Tally(listener)

    def react(self, request: Request) -> Reaction:
        """Answer one push."""
        fake = self._fake
        now = fake.now()
        if serves(request.path):
            return self._react_to_channels(request, now)
        verdict = judge(request, self._tokens, now=now, passed=self._passed)
        fields = self._fields(request)
        if isinstance(verdict, Refused):
            # Only a push that got past the provider token shows who is calling; a request
            # refused before that check shows nothing.
            if self._tokens.is_bound and verdict.status != _AUTHENTICATION_FAILED:
                self.max_streams = STREAMS
            return _refusal(verdict.status, fields, {"reason": verdict.reason})
        token = verdict.token
        fault = None if fake.faults.is_empty else fake.faults.take(token, self._tally)
        if fault is None or fault.takes_push:
            fake.inbox.add(ReceivedPush("apns", token, request.headers, request.body, now))
        fake.log.add("apns", _status_of(fault), fields[0][1], token)
        if fault is None:
            self.max_streams = STREAMS
            return Answer(200, fields)
        if fault.status != _AUTHENTICATION_FAILED:
            self.max_streams = STREAMS
        return _scripted(fault.at(int(now.timestamp() * 1000)), fields)

    def _react_to_channels(self, request: Request, now: datetime) -> Reaction:
        """Answer one request about channels."""
        fake = self._fake
        fields = (request_field(request),)
        verdict = judge_channels(fake.channels, request, self._tokens, now=now)
        if self._tokens.is_bound:
            self.max_streams = STREAMS
        if isinstance(verdict, Refused):
            return _refusal(verdict.status, fields, {"reason": verdict.reason})
        if isinstance(verdict, Answer):
            return verdict._replace(fields=(*fields, *verdict.fields))
        fault = None if fake.faults.is_empty else fake.faults.take(verdict.channel, self._tally)
        if fault is None or fault.takes_push:
            push = ReceivedPush("apns", verdict.channel, request.headers, request.body, now)
            fake.inbox.add(push)
        if fault is None:
            return Answer(200, fields)
        return _scripted(fault.at(int(now.timestamp() * 1000)), fields)

    def _fields(self, request: Request) -> tuple[Field, ...]:
        message_id = request.headers.get(b"apns-id")
        if message_id is None or not is_message_id(message_id):
            message_id = str(uuid.uuid4()).encode()
        if self._fake.is_sandbox:
            unique_id = str(uuid.uuid4()).encode()
            return (b"apns-id", message_id), (b"apns-unique-id", unique_id)
        return ((b"apns-id", message_id),)


def _status_of(fault: Fault | None) -> int:
    """Return the status that a push is answered with, 0 for none."""
    if fault is None:
        return 200
    return fault.status or (200 if fault.takes_push else 0)


def _scripted(fault: Fault, fields: tuple[Field, ...]) -> Reaction:
    detail: dict[str, Any] = {"reason": fault.reason} if fault.reason else {}
    if fault.timestamp is not None:
        detail["timestamp"] = fault.timestamp
    answer = None
    if fault.takes_push:
        answer = Answer(200, fields, delay_ms=fault.delay_ms)
    elif fault.status is not None:
        if fault.retry_after is not None:
            fields = (*fields, (b"retry-after", str(fault.retry_after).encode()))
        answer = _refusal(fault.status, fields, detail, delay_ms=fault.delay_ms)
    debug = json.dumps(detail).encode() if detail else b""
    return misbehave(fault, answer, debug=debug)


def _refusal(
    status: int, fields: tuple[Field, ...], detail: dict[str, Any], *, delay_ms: int = 0
) -> Answer:
    body = json.dumps(detail, separators=(",", ":")).encode() if detail else b""
    return Answer(status, fields, body, delay_ms)
