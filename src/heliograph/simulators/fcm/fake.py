"""The fake of FCM v1: sending, topic subscriptions, and the token endpoint beside them."""

import json
import secrets
from collections.abc import Callable
from datetime import datetime
from typing import Final
from urllib.parse import unquote

from heliograph.simulators.exchange import JSON_FIELD, Answer, Reaction, Request
from heliograph.simulators.faults import TOKEN_ENDPOINT, Fault, FaultBook, Listener, Tally
from heliograph.simulators.fcm import errors, rules
from heliograph.simulators.fcm.oauth import SENDING_SCOPES, TokenEndpoint, refusal
from heliograph.simulators.fcm.topics import (
    TopicBook,
    instance_id_call,
    membership_of,
    refused_caller,
)
from heliograph.simulators.inbox import Inbox, ReceivedPush
from heliograph.simulators.misbehaviour import misbehave
from heliograph.simulators.push_log import PushLog

STREAMS: Final = 100
_PREFIX: Final = "/v1/projects/"
_SUFFIX: Final = "/messages:send"
_SCHEME: Final = b"bearer "


class FcmFake:
    """FCM for one project, known by its id and by its number."""

    def __init__(
        self,
        *,
        project_id: str,
        project_number: str,
        oauth: TokenEndpoint,
        inbox: Inbox,
        faults: FaultBook,
        now: Callable[[], datetime],
        log: PushLog | None = None,
    ) -> None:
        self._project_id = project_id
        self._projects = frozenset({project_id, project_number})
        self._oauth = oauth
        self._inbox = inbox
        self._faults = faults
        self._now = now
        self.topics = TopicBook(faults)
        self._log = PushLog(0) if log is None else log

    def open_session(self) -> "FcmSession":
        """Begin a connection."""
        return FcmSession(self)

    def react(self, request: Request, tally: Tally) -> Reaction:
        """Answer one request of the connection whose tally it is."""
        path = request.path.partition(b"?")[0].decode("latin-1")
        if path == TOKEN_ENDPOINT:
            return self._grant(request)
        project = _project_of(path)
        if project is None or request.method != b"POST":
            return self._change_topics(request, path)
        now = self._now()
        return self._refuse_caller(request, project, now) or self._send(request, now, tally)

    def _change_topics(self, request: Request, path: str) -> Reaction:
        """Answer what is about topics, or say that there is nothing here."""
        now = self._now()
        membership = membership_of(path)
        if membership is not None:
            refusal = self._refuse_caller(request, membership.project, now)
            return refusal or self.topics.change_one(request, membership)
        is_joining = instance_id_call(path)
        if is_joining is None or request.method != b"POST":
            return errors.front_end_page(404)
        # Without the header the bearer would have to be one of the server keys of old.
        if request.headers.get(b"access_token_auth") != b"true":
            return refused_caller(401)
        refusal = self._refuse_caller(request, self._project_id, now)
        if refusal is not None:
            return refused_caller(refusal.status)
        return self.topics.change_many(request, is_joining=is_joining)

    def _grant(self, request: Request) -> Reaction:
        fault = self._faults.take(TOKEN_ENDPOINT)
        if fault is None:
            return self._oauth.grant(request, now=self._now())
        if fault.takes_push:
            answer = self._oauth.grant(request, now=self._now())
            return misbehave(fault, answer._replace(delay_ms=fault.delay_ms))
        return misbehave(fault, _scripted_refusal(fault))

    def _refuse_caller(self, request: Request, project: str, now: datetime) -> Answer | None:
        authorization = request.headers.get(b"authorization", b"")
        if authorization[: len(_SCHEME)].lower() != _SCHEME:
            return _unauthenticated("CREDENTIALS_MISSING", "Request has no OAuth 2 access token.")
        token = self._oauth.find(authorization[len(_SCHEME) :].strip())
        if token is None:
            return _unauthenticated("ACCESS_TOKEN_TYPE_UNSUPPORTED", "Unknown access token.")
        if token.expires_at <= now:
            return _unauthenticated("ACCESS_TOKEN_EXPIRED", "The access token is expired.")
        if not token.scopes & SENDING_SCOPES:
            info = _error_info("ACCESS_TOKEN_SCOPE_INSUFFICIENT")
            return errors.envelope(403, "The access token lacks the scope to send.", [info])
        if project not in self._projects or token.project_id != self._project_id:
            info = _error_info("IAM_PERMISSION_DENIED")
            text = f"Permission to send is denied on project {project}, or it does not exist."
            return errors.envelope(403, text, [info])
        return None

    def _send(self, request: Request, now: datetime, tally: Tally) -> Reaction:
        verdict = rules.judge(request.body)
        if isinstance(verdict, rules.Invalid):
            return verdict.answer()
        fault = self._faults.take(verdict.target, tally)
        answer = None
        name = b"-"
        if fault is None or fault.takes_push:
            if not verdict.is_rehearsal:
                push = ReceivedPush("fcm", verdict.target, request.headers, request.body, now)
                self._inbox.add(push)
            message_id = "fake_message_id" if verdict.is_rehearsal else _new_message_id(now)
            answer = self._success(message_id)
            name = message_id.encode()
        self._log.add("fcm", _status_of(fault), name, verdict.target)
        if fault is None:
            assert answer is not None
            return answer
        if answer is not None:
            answer = answer._replace(delay_ms=fault.delay_ms)
        elif fault.status is not None:
            answer = errors.scripted(
                fault.status,
                fault.reason,
                field=fault.field,
                retry_after_s=fault.retry_after,
                delay_ms=fault.delay_ms,
            )
        return misbehave(fault, answer)

    def _success(self, message_id: str) -> Answer:
        name = f"projects/{self._project_id}/messages/{message_id}"
        return Answer(200, (JSON_FIELD,), b'{\n  "name": %s\n}\n' % json.dumps(name).encode())


class FcmSession:
    """One connection to FCM, which remembers nothing."""

    def __init__(self, fake: FcmFake) -> None:
        self.max_streams = STREAMS
        self._fake = fake
        self._tally = Tally(Listener.FCM)

    def react(self, request: Request) -> Reaction:
        """Answer one request."""
        return self._fake.react(request, self._tally)


def _status_of(fault: Fault | None) -> int:
    """Return the status that a push is answered with, 0 for none."""
    if fault is None:
        return 200
    return fault.status or (200 if fault.takes_push else 0)


def _project_of(path: str) -> str | None:
    path = unquote(path)
    if not path.startswith(_PREFIX) or not path.endswith(_SUFFIX):
        return None
    project = path[len(_PREFIX) : -len(_SUFFIX)]
    return project if project and "/" not in project else None


def _new_message_id(now: datetime) -> str:
    return f"0:{int(now.timestamp() * 1_000_000)}%{secrets.token_hex(8)}"


def _error_info(reason: str) -> dict[str, object]:
    return {"@type": errors.ERROR_INFO, "reason": reason, "domain": "googleapis.com"}


def _unauthenticated(reason: str, message: str) -> Answer:
    challenge = (b"www-authenticate", b'Bearer realm="https://accounts.google.com/"')
    return errors.envelope(401, message, [_error_info(reason)], fields=(challenge,))


def _scripted_refusal(fault: Fault) -> Answer | None:
    if fault.status is None:
        return None
    answer = refusal(
        fault.reason or "invalid_request",
        "This is scripted.",
        status=fault.status,
        delay_ms=fault.delay_ms,
    )
    if fault.retry_after is None:
        return answer
    retry_after = (b"retry-after", str(fault.retry_after).encode())
    return answer._replace(fields=(*answer.fields, retry_after))
