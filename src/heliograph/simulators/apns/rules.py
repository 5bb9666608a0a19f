"""What APNs checks on a push, without any I/O.

The order is that of a connection that authenticates with a key: the request's shape, the
provider token, the topic, the options, the device, the body. A request with several
mistakes gets the first one's reason, so the order is part of the behaviour.

Source: docs/providers/apns.md.
"""

import json
import re
from binascii import Error, unhexlify
from datetime import datetime
from functools import lru_cache
from typing import Final, NamedTuple

from heliograph.simulators.apns.provider_tokens import ApnsKey, ConnectionTokens
from heliograph.simulators.apns.reasons import Refused
from heliograph.simulators.apns.topics import TOPIC_SUFFIXES
from heliograph.simulators.exchange import Request

PATH_PREFIX: Final = b"/3/device/"
PAYLOAD_LIMIT_BYTES: Final = 4096
VOIP_PAYLOAD_LIMIT_BYTES: Final = 5120
COLLAPSE_ID_LIMIT_BYTES: Final = 64
_PRIORITIES: Final = frozenset({b"1", b"5", b"10"})
_is_uuid: Final = re.compile(
    rb"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE
).fullmatch
# Apple gives tokens no length, so neither does its fake, within reason.
_LONGEST_TOKEN: Final = 200
_BODIES_REMEMBERED: Final = 64
_PATTERNS_REMEMBERED: Final = 16
_is_topic: Final = re.compile(rb"[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*").fullmatch
_is_expiration: Final = re.compile(rb"[0-9]{1,19}").fullmatch


class Accepted(NamedTuple):
    """The push may be delivered to this device token."""

    token: str


Verdict = Accepted | Refused


Passed = dict[object, ApnsKey]
"""By pattern of requests: the key with which their topic and options were found to be good."""


def judge(
    request: Request, tokens: ConnectionTokens, *, now: datetime, passed: Passed | None = None
) -> Verdict:
    """Say what APNs makes of one request; `tokens` is what its connection has shown so far.

    passed: what the connection's former requests make unnecessary to ask again.
    """
    refused = _judge_shape(request)
    if refused is not None:
        return refused
    headers = request.headers
    key = tokens.admit(headers.get(b"authorization"), now=now)
    if isinstance(key, Refused):
        return key
    push_type = headers.get(b"apns-push-type")
    pattern = request.pattern
    if pattern is None or passed is None or passed.get(pattern) is not key:
        refused = _judge_topic(headers.get(b"apns-topic"), push_type, key) or _judge_options(
            headers, push_type
        )
        if refused is not None:
            return refused
        if pattern is not None and passed is not None and pattern.own_name == b"apns-id":
            if len(passed) >= _PATTERNS_REMEMBERED:
                passed.clear()
            passed[pattern] = key
    refused = _judge_device(request.path) or _judge_body(request.body, push_type)
    if refused is not None:
        return refused
    return Accepted(request.path[len(PATH_PREFIX) :].decode("ascii"))


def is_message_id(value: bytes) -> bool:
    """Say whether this can be an `apns-id`."""
    return _is_uuid(value) is not None


def _judge_shape(request: Request) -> Refused | None:
    if request.method != b"POST":
        return Refused("MethodNotAllowed")
    if not request.path.startswith(PATH_PREFIX):
        return Refused("BadPath")
    if request.is_ambiguous:
        return Refused("DuplicateHeaders")
    message_id = request.headers.get(b"apns-id")
    if message_id is not None and not is_message_id(message_id):
        return Refused("BadMessageId")
    return None


def _judge_topic(topic: bytes | None, push_type: bytes | None, key: ApnsKey) -> Refused | None:
    if not topic:
        return Refused("MissingTopic")
    if not _is_topic(topic):
        return Refused("BadTopic")
    suffix = key.suffix_of(topic)
    if suffix is None:
        return Refused("TopicDisallowed")
    if push_type is None:
        return None
    expected = TOPIC_SUFFIXES.get(push_type)
    if expected is None:
        return Refused("InvalidPushType")
    # A token belongs to one topic of the app: a VoIP token is unknown under the bare id.
    return None if suffix == expected else Refused("DeviceTokenNotForTopic")


def _judge_options(headers: dict[bytes, bytes], push_type: bytes | None) -> Refused | None:
    priority = headers.get(b"apns-priority")
    if priority is not None and (
        priority not in _PRIORITIES or (push_type == b"background" and priority == b"10")
    ):
        return Refused("BadPriority")
    expiration = headers.get(b"apns-expiration")
    if expiration is not None and not _is_expiration(expiration):
        return Refused("BadExpirationDate")
    collapse_id = headers.get(b"apns-collapse-id")
    if collapse_id is not None and not 0 < len(collapse_id) <= COLLAPSE_ID_LIMIT_BYTES:
        return Refused("BadCollapseId")
    return None


def _judge_device(path: bytes) -> Refused | None:
    token = path[len(PATH_PREFIX) :]
    if not token:
        return Refused("MissingDeviceToken")
    try:
        unhexlify(token)
    except Error:
        return Refused("BadDeviceToken")
    return None if len(token) <= _LONGEST_TOKEN else Refused("BadDeviceToken")


# The pushes of a broadcast have one body.
@lru_cache(maxsize=_BODIES_REMEMBERED)
def _judge_body(body: bytes, push_type: bytes | None) -> Refused | None:
    if not body:
        return Refused("PayloadEmpty")
    limit = VOIP_PAYLOAD_LIMIT_BYTES if push_type == b"voip" else PAYLOAD_LIMIT_BYTES
    if len(body) > limit:
        return Refused("PayloadTooLarge")
    try:
        payload = json.loads(body)
    except (ValueError, RecursionError):
        payload = None
    # Apple documents no reason for a body that is no JSON object; to APNs there is nothing in it.
    return None if isinstance(payload, dict) and payload else Refused("PayloadEmpty")
