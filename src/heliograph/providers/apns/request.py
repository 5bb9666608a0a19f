"""Notifications as APNs wants them: one message per variant, one request per target.

Source: docs/providers/apns.md, "Request".
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from heliograph.core.model.audience import AddressForm
from heliograph.core.model.notification import Priority
from heliograph.core.model.outcome import FaultScope, Misconfigured, Rejected
from heliograph.core.model.registration import Attribute
from heliograph.outbound.header_text import header_key
from heliograph.outbound.http2.messages import Request
from heliograph.outbound.json_object import read_object
from heliograph.providers.apns.overrides import NO_OVERRIDES
from heliograph.providers.apns.payload import build_payload, problem_of
from heliograph.providers.apns.push_types import (
    POWER_AWARE,
    TRAITS,
    TYPE_OF_KIND,
    PushType,
    bare_topic,
)
from heliograph.providers.apns.settings import (
    BROADCAST_PAYLOAD_LIMIT_BYTES,
    COLLAPSE_ID_LIMIT_BYTES,
    LARGEST_EXPIRATION_S,
)

if TYPE_CHECKING:
    from datetime import datetime

    from heliograph.core.model.notification import Content, Options
    from heliograph.outbound.http2.messages import Headers
    from heliograph.providers.apns.overrides import Overrides

DEVICE_PATH: Final = b"/3/device/"
BROADCAST_PATH: Final = b"/4/broadcasts/apps/"

# A bundle id comes from a device, so it is not believed to be one before it is in a header.
_is_bundle_id: Final = re.compile(r"(?=.{1,155}\Z)[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*").fullmatch
_is_printed: Final = re.compile(r"<?[0-9A-Fa-f ]+>?").fullmatch
_BAD_TOPIC: Final = "BadTopic"
_MISSING_TOPIC: Final = "MissingTopic: neither registration nor application has a bundle id"


@dataclass(frozen=True, slots=True)
class App:
    """Which app of a team a variant is for.

    own: what the registration says of itself. default: the application's
    choice. scope: whose fault it is where APNs dislikes the topic.
    """

    own: str | None
    default: str | None

    @property
    def bundle_id(self) -> str | None:
        """The bundle id that counts."""
        return self.own or self.default

    @property
    def scope(self) -> FaultScope:
        """The device's own, if it named another app than the application does."""
        return FaultScope.CREDENTIAL if self.bundle_id == self.default else FaultScope.TARGET


@dataclass(frozen=True, slots=True)
class Message:
    """A notification rendered for one variant; `headers` are the same for every target.

    path: for a channel the whole one, else what a token is appended to.
    scope: how wide it is where APNs dislikes the topic. is_self_named: a
    device named the app. problem: why nothing of this is sent.
    """

    push_type: PushType
    path: bytes
    headers: Headers
    body: bytes
    limit_bytes: int
    is_broadcast: bool = False
    scope: FaultScope = FaultScope.CREDENTIAL
    is_self_named: bool = False
    problem: Rejected | Misconfigured | None = None

    def refused(self, problem: Rejected) -> Message:
        """Copy it, not to be sent."""
        return replace(self, problem=problem)


def bundle_id_of(attributes: str) -> str | None:
    """Read the bundle id out of a registration's attributes, JSON text or empty."""
    bundle_id = read_object(attributes).get(Attribute.BUNDLE_ID)
    return bundle_id if isinstance(bundle_id, str) and bundle_id else None


def build_message(
    content: Content,
    options: Options,
    *,
    app: App,
    expires_at: datetime,
    created_s: int = 0,
    form: AddressForm = AddressForm.TOKEN,
    has_key: bool = True,
    overrides: Overrides = NO_OVERRIDES,
) -> Message:
    """Render a notification for an app; `problem` says why APNs would never take it.

    created_s: Unix seconds of the notification. has_key: the credential is a
    signing key rather than a certificate.
    """
    is_broadcast = form is AddressForm.CHANNEL
    asked = overrides.push_type or TYPE_OF_KIND.get(options.kind)
    if is_broadcast:
        asked = asked or PushType.LIVEACTIVITY
    push_type, payload = build_payload(content, overrides, asked, created_s=created_s)
    traits = TRAITS[push_type]
    topic, bundle_id = _topic_of(app, overrides, push_type)
    priority = _priority_of(options, overrides, push_type)
    headers: Headers = (
        (b"apns-push-type", push_type.encode("ascii")),
        (b"apns-priority", b"%d" % priority),
        (b"apns-expiration", b"%d" % _expiration_of(options, overrides, expires_at)),
    )
    if not is_broadcast:
        collapse_id = _collapse_id_of(options, overrides)
        named = () if collapse_id is None else ((b"apns-collapse-id", collapse_id),)
        headers = ((b"apns-topic", topic.encode("ascii", "replace")), *headers, *named)
    limit_bytes = BROADCAST_PAYLOAD_LIMIT_BYTES if is_broadcast else traits.limit_bytes
    problem: str | None = "BadPayload: data is not JSON"
    body = _encode(payload)
    if body:
        problem = (
            _form_problem(form, push_type, has_key=has_key)
            or _header_problem(priority, push_type, overrides)
            or problem_of(push_type, payload, is_broadcast=is_broadcast)
            or _size_problem(len(body), limit_bytes)
        )
    refused = _topic_problem(topic, bundle_id, app, overrides, push_type)
    return Message(
        push_type,
        BROADCAST_PATH + bundle_id.encode("ascii", "replace") if is_broadcast else DEVICE_PATH,
        headers,
        body,
        limit_bytes,
        is_broadcast,
        # A suffix or a caller's own topic: the application's other pushes may be fine.
        app.scope if overrides.topic is None and not traits.suffix else FaultScope.TARGET,
        is_self_named=app.scope is FaultScope.TARGET and overrides.topic is None,
        problem=refused or (None if problem is None else Rejected(problem)),
    )


def device_request(message: Message, token: str, message_id: str) -> Request:
    """Address a message to one device."""
    # The test is cheaper than `quote`, and true for every token that Apple ever issued.
    path = token if token.isalnum() and token.isascii() else _unusual(token)
    own = ((b"apns-id", message_id.encode()),)
    return Request(message.path + path.encode(), message.body, own)


def _unusual(token: str) -> str:
    """Spell a token that is not plain hexadecimal: old clients print theirs as `<ab12 cd34 …>`."""
    if _is_printed(token):
        return token.strip("<>").replace(" ", "")
    return quote(token, "", errors="replace")


def broadcast_request(message: Message, channel_id: str, message_id: str) -> Request:
    """Address a message to one channel, whose devices APNs knows."""
    channel = quote(channel_id, "+/=", errors="replace").encode()
    own = (b"apns-channel-id", channel), (b"apns-request-id", message_id.encode())
    return Request(message.path, message.body, own)


def _topic_of(app: App, overrides: Overrides, push_type: PushType) -> tuple[str, str]:
    """Say the topic and its bundle id; both may still be wrong."""
    if overrides.topic is not None:
        return overrides.topic, bare_topic(overrides.topic)[0]
    bundle_id = app.bundle_id or ""
    return bundle_id + TRAITS[push_type].suffix, bundle_id


def _topic_problem(
    topic: str, bundle_id: str, app: App, overrides: Overrides, push_type: PushType
) -> Rejected | Misconfigured | None:
    """Say what is wrong with a topic.

    A bad or missing bundle id of one registration is that registration's
    trouble, a bad default the application's.
    """
    suffix = TRAITS[push_type].suffix
    if overrides.topic is not None:
        if not _is_bundle_id(topic) or bare_topic(topic)[1] != suffix:
            ending = f"a bundle id and {suffix}" if suffix else "a bundle id"
            return Rejected(f"{_BAD_TOPIC}: push type {push_type} needs {ending}")
        return None
    if not bundle_id:
        # Other registrations of the application may name theirs.
        return Misconfigured(_MISSING_TOPIC, FaultScope.TARGET)
    return None if _is_bundle_id(bundle_id) else Misconfigured(_BAD_TOPIC, app.scope)


def _priority_of(options: Options, overrides: Overrides, push_type: PushType) -> int:
    if overrides.priority is not None:
        return overrides.priority
    return TRAITS[push_type].high if options.priority is Priority.HIGH else POWER_AWARE


def _expiration_of(options: Options, overrides: Overrides, expires_at: datetime) -> int:
    """Say until when APNs may keep it, in Unix seconds; 0 is now or never."""
    if overrides.expiration is not None:
        return overrides.expiration
    return int(expires_at.timestamp()) if options.ttl_s else 0


def _collapse_id_of(options: Options, overrides: Overrides) -> bytes | None:
    if overrides.collapse_id is not None:
        return overrides.collapse_id.encode()
    if options.collapse_key is None:
        return None
    return header_key(options.collapse_key, limit_bytes=COLLAPSE_ID_LIMIT_BYTES).encode("ascii")


def _form_problem(form: AddressForm, push_type: PushType, *, has_key: bool) -> str | None:
    if form not in (AddressForm.TOKEN, AddressForm.CHANNEL):
        return f"BadPath: APNs knows no {form} addresses"
    if form is AddressForm.CHANNEL and push_type is not PushType.LIVEACTIVITY:
        return "InvalidPushType: a channel takes push type liveactivity only"
    if TRAITS[push_type].needs_key and not has_key:
        return f"InvalidPushType: {push_type} needs a signing key, and this is a certificate"
    return None


def _header_problem(priority: int, push_type: PushType, overrides: Overrides) -> str | None:
    allowed = TRAITS[push_type].priorities
    if priority not in allowed:
        named = " or ".join(str(each) for each in sorted(allowed, reverse=True))
        return f"BadPriority: push type {push_type} takes {named}"
    if (overrides.expiration or 0) > LARGEST_EXPIRATION_S:
        return "BadExpirationDate: apns-expiration must be Unix seconds"
    return None


def _size_problem(size_bytes: int, limit_bytes: int) -> str | None:
    if size_bytes <= limit_bytes:
        return None
    return f"PayloadTooLarge: {size_bytes} bytes, at most {limit_bytes}"


def _encode(payload: dict[str, Any]) -> bytes:
    """Spell a payload as JSON; empty for what JSON can't hold."""
    try:
        text = json.dumps(payload, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    except (ValueError, TypeError, RecursionError):
        return b""
    return text.encode("utf-8", "replace")
