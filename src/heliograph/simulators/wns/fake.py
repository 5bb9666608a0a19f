"""The fake of WNS: channels, and both token endpoints beside them.

A channel is any URL here with a `token` in its query; the inbox and the faults know it by that.
"""

import secrets
from collections.abc import Callable
from datetime import datetime
from typing import Final
from urllib.parse import parse_qs, quote

from heliograph.simulators.exchange import Answer, Field, Reaction, Request
from heliograph.simulators.faults import (
    WNS_TOKEN_ENDPOINT,
    Fault,
    FaultBook,
    Listener,
    Tally,
)
from heliograph.simulators.inbox import Inbox, ReceivedPush
from heliograph.simulators.misbehaviour import misbehave
from heliograph.simulators.push_log import PushLog
from heliograph.simulators.wns.oauth import TokenEndpoints, WnsApp, refusal
from heliograph.simulators.wns.rules import problem_of

STREAMS: Final = 1
_SCHEME: Final = b"bearer "
_OK: Final = 200
_UNAUTHORIZED: Final = 401
_BAD_REQUEST: Final = 400
STATUS_WORDS: Final = frozenset({"received", "dropped", "channelthrottled", "appthrottled"})
"""Values of X-WNS-Status: as a fault's reason they become it, anything else the description."""


class WnsFake:
    """WNS for one app."""

    def __init__(
        self,
        app: WnsApp,
        *,
        inbox: Inbox,
        faults: FaultBook,
        now: Callable[[], datetime],
        log: PushLog | None = None,
    ) -> None:
        self.endpoints = TokenEndpoints(app)
        self._inbox = inbox
        self._faults = faults
        self._now = now
        self._log = PushLog(0) if log is None else log

    def open_session(self) -> "WnsSession":
        """Begin a connection."""
        return WnsSession(self)

    def react(self, request: Request, tally: Tally) -> Reaction:
        """Answer one request of the connection whose tally it is."""
        path, _, query = request.path.partition(b"?")
        place = path.decode("latin-1")
        now = self._now()
        if self.endpoints.is_endpoint(place):
            return self._grant(request, place, now)
        named = parse_qs(query.decode("latin-1")).get("token")
        if not named:
            return _answer(404, "", "The channel is not known")
        if request.method != b"POST":
            return _answer(405, "", "Only POST is supported")
        authorization = request.headers.get(b"authorization", b"")
        token = authorization[len(_SCHEME) :].strip()
        if authorization[: len(_SCHEME)].lower() != _SCHEME or not self.endpoints.is_good(
            token, now
        ):
            return _answer(_UNAUTHORIZED, "", "The access token is not good")
        problem = problem_of(request)
        if problem is not None:
            return _answer(problem[0], "dropped", problem[1])
        return self._send(request, named[0], now, tally)

    def _grant(self, request: Request, path: str, now: datetime) -> Reaction:
        fault = self._faults.take(WNS_TOKEN_ENDPOINT)
        if fault is None or fault.takes_push:
            answer = self.endpoints.grant(request, path, now=now)
            if fault is None:
                return answer
            return misbehave(fault, answer._replace(delay_ms=fault.delay_ms))
        if fault.status is None:
            return misbehave(fault, None)
        answer = refusal(
            fault.reason or "invalid_request", "This is scripted.", status=fault.status
        )
        return misbehave(fault, _later(answer, fault))

    def _send(self, request: Request, token: str, now: datetime, tally: Tally) -> Reaction:
        fault = self._faults.take(token, tally)
        said = fault.reason if fault is not None else None
        is_taken = fault is None or (fault.takes_push and said in (None, "received"))
        message_id = secrets.token_hex(8).upper()
        if is_taken:
            self._inbox.add(ReceivedPush("wns", token, request.headers, request.body, now))
        status = _OK if fault is None else fault.status or (_OK if is_taken else 0)
        self._log.add("wns", status, message_id.encode() if is_taken else b"-", quote(token))
        answer = None
        if is_taken:
            answer = _answer(_OK, "received", "", message_id)
        elif status:
            assert fault is not None
            word = said if said in STATUS_WORDS else ("" if status < _BAD_REQUEST else "dropped")
            answer = _answer(status, word or "", "" if said in STATUS_WORDS else said or "")
        if fault is None:
            assert answer is not None
            return answer
        return misbehave(fault, None if answer is None else _later(answer, fault))


class WnsSession:
    """One connection to WNS, which remembers nothing."""

    def __init__(self, fake: WnsFake) -> None:
        self.max_streams = STREAMS
        self._fake = fake
        self._tally = Tally(Listener.WNS)

    def react(self, request: Request) -> Reaction:
        """Answer one request."""
        return self._fake.react(request, self._tally)


def _answer(status: int, word: str, description: str, message_id: str = "") -> Answer:
    said: list[Field] = [(b"x-wns-debug-trace", b"FAKE")]
    if word:
        said.append((b"x-wns-status", word.encode()))
        said.append((b"x-wns-notificationstatus", word.encode()))
    if status == _OK:
        said.append((b"x-wns-deviceconnectionstatus", b"connected"))
    if description:
        said.append((b"x-wns-error-description", description.encode("latin-1", "replace")))
    if message_id:
        said.append((b"x-wns-msg-id", message_id.encode()))
    return Answer(status, tuple(said))


def _later(answer: Answer, fault: Fault) -> Answer:
    fields = answer.fields
    if fault.retry_after is not None:
        fields = (*fields, (b"retry-after", str(fault.retry_after).encode()))
    return answer._replace(fields=fields, delay_ms=fault.delay_ms)
