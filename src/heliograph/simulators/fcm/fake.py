"""The fake of FCM v1: the send call and the token endpoint beside it."""

import json
import secrets
from collections.abc import Callable
from datetime import datetime
from typing import Final
from urllib.parse import unquote

from heliograph.simulators.exchange import JSON_FIELD, Answer, Reaction, Request
from heliograph.simulators.faults import TOKEN_ENDPOINT, Fault, FaultBook
from heliograph.simulators.fcm import errors, rules
from heliograph.simulators.fcm.oauth import SENDING_SCOPES, TokenEndpoint, refusal
from heliograph.simulators.inbox import Inbox, ReceivedPush
from heliograph.simulators.misbehaviour import misbehave

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
    ) -> None:
        self._project_id = project_id
        self._projects = frozenset({project_id, project_number})
        self._oauth = oauth
        self._inbox = inbox
        self._faults = faults
        self._now = now

    def open_session(self) -> "FcmSession":
        """Begin a connection."""
        return FcmSession(self)

    def react(self, request: Request) -> Reaction:
        """Answer one request."""
        path = request.path.partition(b"?")[0].decode("latin-1")
        if path == TOKEN_ENDPOINT:
            return self._grant(request)
        project = _project_of(path)
        if project is None or request.method != b"POST":
            return errors.front_end_page(404)
        now = self._now()
        return self._refuse_caller(request, project, now) or self._send(request, now)

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

    def _send(self, request: Request, now: datetime) -> Reaction:
        verdict = rules.judge(request.body)
        if isinstance(verdict, rules.Invalid):
            return verdict.answer()
        fault = self._faults.take(verdict.target)
        answer = None
        if fault is None or fault.takes_push:
            if not verdict.is_rehearsal:
                push = ReceivedPush("fcm", verdict.target, request.headers, request.body, now)
                self._inbox.add(push)
            message_id = "fake_message_id" if verdict.is_rehearsal else _new_message_id(now)
            answer = self._success(message_id)
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
        self.react = fake.react


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
