"""Broadcast channels of the fake: managed, and pushed to.

Apple serves them on hosts of their own; the fake, on the one it has.

Source: docs/providers/apns.md, "Channels".
"""

import base64
import json
import re
import secrets
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, NamedTuple

from heliograph.simulators.apns.provider_tokens import ApnsKey, ConnectionTokens
from heliograph.simulators.apns.reasons import Refused
from heliograph.simulators.exchange import Answer, Field, Request

MAX_CHANNELS: Final = 10_000
PAYLOAD_LIMIT_BYTES: Final = 5120
_CHANNEL_ID_BYTES: Final = 16
_OK: Final = 200
_CREATED: Final = 201
_NO_CONTENT: Final = 204
_PUSH_TYPE: Final = "LiveActivity"
_PRIORITIES: Final = frozenset({None, b"5", b"10"})
_managed: Final = re.compile(rb"/1/apps/([^/]+)/(channels|all-channels)").fullmatch
_published: Final = re.compile(rb"/4/broadcasts/apps/([^/]+)").fullmatch
_is_channel_id: Final = re.compile(rb"[A-Za-z0-9+/]+={0,2}").fullmatch
_is_expiration: Final = re.compile(rb"[0-9]{1,19}").fullmatch
_is_uuid: Final = re.compile(rb"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}").fullmatch


class Published(NamedTuple):
    """A push that every device of a channel gets. channel: `/channels/<id>`."""

    channel: str


@dataclass(slots=True)
class ChannelBook:
    """The channels of one environment: by app, each with its storage policy, 0 or 1."""

    make_id: Callable[[], bytes] = lambda: base64.b64encode(secrets.token_bytes(_CHANNEL_ID_BYTES))
    limit: int = MAX_CHANNELS
    apps: dict[bytes, dict[bytes, int]] = field(default_factory=dict)


Verdict = Answer | Published | Refused


def serves(path: bytes) -> bool:
    """Say whether a path is about channels."""
    return _managed(path) is not None or _published(path) is not None


def request_field(request: Request) -> Field:
    """Return the reply's `apns-request-id`: the request's own, or a new one."""
    own = request.headers.get(b"apns-request-id", b"")
    return b"apns-request-id", own if _is_uuid(own) else str(uuid.uuid4()).encode()


def judge(
    book: ChannelBook, request: Request, tokens: ConnectionTokens, *, now: datetime
) -> Verdict:
    """Say what APNs makes of one request about channels."""
    try:
        return _judge(book, request, tokens, now)
    except _RefusedError as error:
        return Refused(str(error))


class _RefusedError(Exception):
    """A request that APNs does not take; the text is its reason."""


def _judge(
    book: ChannelBook, request: Request, tokens: ConnectionTokens, now: datetime
) -> Answer | Published:
    _demand("DuplicateHeaders", not request.is_ambiguous)
    key = tokens.admit(request.headers.get(b"authorization"), now=now)
    if isinstance(key, Refused):
        raise _RefusedError(key.reason)
    published = _published(request.path)
    if published is not None:
        return _publish(book, request, published[1], key)
    managed = _managed(request.path)
    if managed is None:
        raise _RefusedError("BadPath")
    _demand("TopicMismatch", key.suffix_of(managed[1]) == b"")
    channels = book.apps.setdefault(managed[1], {})
    match request.method, managed[2]:
        case b"POST", b"channels":
            return _create(book, channels, request.body)
        case b"GET", b"all-channels":
            return _answer({"channels": [each.decode("ascii") for each in channels]})
        case b"GET", b"channels":
            policy = channels[_channel_of(channels, request)]
            return _answer({"message-storage-policy": policy, "push-type": _PUSH_TYPE})
        case b"DELETE", b"channels":
            del channels[_channel_of(channels, request)]
            return Answer(_NO_CONTENT)
        case _:
            raise _RefusedError("MethodNotAllowed")


def _create(book: ChannelBook, channels: dict[bytes, int], body: bytes) -> Answer:
    try:
        wish = json.loads(body)
    except (ValueError, RecursionError):
        wish = None
    if not isinstance(wish, dict):
        raise _RefusedError("BadRequestPayload")
    _demand("MissingPushType", "push-type" in wish)
    _demand("InvalidPushType", wish["push-type"] == _PUSH_TYPE)
    policy: Any = wish.get("message-storage-policy")
    _demand("BadRequestPayload", type(policy) is int and policy in (0, 1))
    _demand("CannotCreateChannelConfig", len(channels) < book.limit)
    channel = book.make_id()
    channels[channel] = policy
    return Answer(_CREATED, ((b"apns-channel-id", channel),))


def _publish(book: ChannelBook, request: Request, app: bytes, key: ApnsKey) -> Published:
    headers = request.headers
    _demand("MethodNotAllowed", request.method == b"POST")
    _demand("TopicMismatch", key.suffix_of(app) == b"")
    push_type = headers.get(b"apns-push-type")
    _demand("MissingPushType", push_type is not None)
    _demand("InvalidPushType", push_type == b"liveactivity")
    channels = book.apps.get(app, {})
    channel = _channel_of(channels, request)
    _demand("BadPriority", headers.get(b"apns-priority") in _PRIORITIES)
    expiration = headers.get(b"apns-expiration", b"")
    # What a channel does not keep can't wait for a device either.
    is_timely = bool(_is_expiration(expiration)) and (channels[channel] or not int(expiration))
    _demand("BadExpirationDate", bool(is_timely))
    _demand("PayloadEmpty", bool(request.body))
    _demand("PayloadTooLarge", len(request.body) <= PAYLOAD_LIMIT_BYTES)
    return Published(f"/channels/{channel.decode('ascii')}")


def _channel_of(channels: dict[bytes, int], request: Request) -> bytes:
    channel = request.headers.get(b"apns-channel-id", b"")
    _demand("MissingChannelId", bool(channel))
    _demand("BadChannelId", _is_channel_id(channel) is not None)
    _demand("ChannelNotRegistered", channel in channels)
    return channel


def _demand(reason: str, is_right: bool) -> None:
    if not is_right:
        raise _RefusedError(reason)


def _answer(body: dict[str, Any]) -> Answer:
    return Answer(_OK, (), json.dumps(body, separators=(",", ":")).encode("ascii"))
