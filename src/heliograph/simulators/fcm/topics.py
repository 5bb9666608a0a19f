"""Who is in which topic, and the two interfaces that change it.

Source: docs/providers/fcm.md, "Topic subscriptions".
"""

import json
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qs, unquote

from heliograph.simulators.exchange import JSON_FIELD, Answer, Reaction, Request
from heliograph.simulators.faults import Fault, FaultBook
from heliograph.simulators.fcm import errors
from heliograph.simulators.fcm.rules import is_token, is_topic
from heliograph.simulators.fcm.schema import Violation
from heliograph.simulators.misbehaviour import misbehave

MOST_TOPICS: Final = 2000
"""Topics that one device may be in. Source: Firebase, "Send messages to topics"."""

MOST_TOKENS: Final = 1000
"""Devices of one call of the Instance ID service. Source: as above."""

_INSTANCE_ID: Final = {"/iid/v1:batchAdd": True, "/iid/v1:batchRemove": False}
_PARTS: Final = 7
_PARTS_WITH_TOPIC: Final = 8


class Membership(NamedTuple):
    """What a path of FCM v1 names: one device, and one of its topics if it says which."""

    project: str
    token: str
    topic: str | None


class TopicBook:
    """Topics and the devices in them."""

    def __init__(self, faults: FaultBook) -> None:
        self._faults = faults
        self._topics: dict[str, set[str]] = {}

    def topics_of(self, token: str) -> list[str]:
        """Return the topics that a device is in, sorted."""
        return sorted(self._topics.get(token, ()))

    def change_one(self, request: Request, membership: Membership) -> Reaction:
        """Answer a call of FCM v1 about one device."""
        fault = self._faults.take(membership.token)
        if fault is not None:
            return misbehave(fault, _scripted(fault))
        if not is_token(membership.token):
            text = "The registration token is not a valid FCM registration token"
            return _invalid("name", text)
        query = parse_qs(request.path.partition(b"?")[2].decode("latin-1"))
        may_miss = _parameter(query, "allowMissing", "allow_missing").lower() == "true"
        match request.method, membership.topic:
            case b"POST", None:
                answer = self._create(membership, _parameter(query, "topicName", "topic_name"))
            case b"PATCH", str(topic) if may_miss:
                answer = self._create(membership, topic, may_exist=True)
            case b"DELETE", str(topic):
                answer = self._delete(membership, topic, may_miss=may_miss)
            case b"GET", None:
                answer = self._list(membership)
            case _:
                answer = errors.front_end_page(404)
        return answer

    def change_many(self, request: Request, *, is_joining: bool) -> Reaction:
        """Answer a call of the Instance ID service."""
        try:
            body = json.loads(request.body)
            topic, tokens = str(body["to"]), list(body["registration_tokens"])
        except (ValueError, TypeError, KeyError, RecursionError):
            return _refused(400, "INVALID_ARGUMENT")
        name = topic.removeprefix("/topics/")
        if name == topic or not is_topic(name) or not 0 < len(tokens) <= MOST_TOKENS:
            return _refused(400, "INVALID_ARGUMENT")
        fault = self._faults.take(topic)
        if fault is not None:
            answer = _refused(fault.status or 500, fault.reason or "INTERNAL")
            if fault.retry_after is not None:
                said = (b"retry-after", str(fault.retry_after).encode())
                answer = answer._replace(fields=(*answer.fields, said))
            return misbehave(fault, answer)
        results = [self._change(token, name, is_joining=is_joining) for token in tokens]
        return _said({"results": [{"error": error} if error else {} for error in results]})

    def _change(self, token: Any, topic: str, *, is_joining: bool) -> str | None:
        """Change one of many memberships; return the service's word for what is wrong."""
        if not isinstance(token, str) or not is_token(token):
            return "INVALID_ARGUMENT"
        fault = self._faults.take(token)
        if fault is not None:
            return fault.reason or "INTERNAL"
        return self._put(token, topic, is_joining=is_joining)

    def _put(self, token: str, topic: str, *, is_joining: bool) -> str | None:
        topics = self._topics.setdefault(token, set())
        if is_joining and topic not in topics and len(topics) >= MOST_TOPICS:
            return "TOO_MANY_TOPICS"
        (topics.add if is_joining else topics.discard)(topic)
        return None

    def _list(self, membership: Membership) -> Answer:
        topics = self.topics_of(membership.token)
        listed = [{"name": _name_of(membership, topic)} for topic in topics]
        return _said({"topicSubscriptions": listed})

    def _create(self, membership: Membership, topic: str, *, may_exist: bool = False) -> Answer:
        if not is_topic(topic):
            return _invalid("topic_name", "Invalid topic name.")
        if topic in self._topics.get(membership.token, ()) and not may_exist:
            return errors.envelope(409, "Requested entity already exists")
        error = self._put(membership.token, topic, is_joining=True)
        if error is not None:
            return errors.envelope(400, error, status_name="FAILED_PRECONDITION")
        return _said({"name": _name_of(membership, topic)})

    def _delete(self, membership: Membership, topic: str, *, may_miss: bool) -> Answer:
        if topic not in self._topics.get(membership.token, ()) and not may_miss:
            return errors.envelope(404, "Requested entity was not found.")
        self._put(membership.token, topic, is_joining=False)
        return _said({})


def membership_of(path: str) -> Membership | None:
    """Read a path `/v1/projects/{p}/registrations/{token}/topicSubscriptions[/{topic}]`."""
    parts = path.split("/")
    if len(parts) not in (_PARTS, _PARTS_WITH_TOPIC):
        return None
    form = (*parts[:3], parts[4], parts[6])
    if form != ("", "v1", "projects", "registrations", "topicSubscriptions"):
        return None
    project, token, *topics = map(unquote, (parts[3], parts[5], *parts[7:]))
    return Membership(project, token, topics[0] if topics else None)


def instance_id_call(path: str) -> bool | None:
    """Say whether a path of the Instance ID service adds devices; None for another path."""
    return _INSTANCE_ID.get(path)


def refused_caller(status: int) -> Answer:
    """Build the Instance ID service's reply to a caller it doesn't let in."""
    return _refused(status, "Unauthorized" if status == 401 else "PERMISSION_DENIED")  # noqa: PLR2004


def _parameter(query: dict[str, list[str]], *names: str) -> str:
    return next((query[name][-1] for name in names if name in query), "")


def _name_of(membership: Membership, topic: str) -> str:
    parent = f"projects/{membership.project}/registrations/{membership.token}"
    return f"{parent}/topicSubscriptions/{topic}"


def _said(value: dict[str, Any]) -> Answer:
    return Answer(200, (JSON_FIELD,), json.dumps(value).encode())


def _refused(status: int, error: str) -> Answer:
    return Answer(status, (JSON_FIELD,), json.dumps({"error": error}).encode())


def _invalid(field: str, text: str) -> Answer:
    details = [errors.fcm_error("INVALID_ARGUMENT"), errors.bad_request([Violation(field, text)])]
    return errors.envelope(400, text, details)


def _scripted(fault: Fault) -> Answer | None:
    if fault.status is None:
        return None
    return errors.scripted(
        fault.status,
        fault.reason,
        field=fault.field,
        retry_after_s=fault.retry_after,
        delay_ms=fault.delay_ms,
    )
