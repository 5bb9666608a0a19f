"""The fake of a push service: subscriptions, and messages to them.

Source: docs/providers/webpush.md; RFC 8030.
"""

from __future__ import annotations

import re
import secrets
from typing import TYPE_CHECKING, Final

from heliograph.simulators.exchange import Answer, Reaction, Request
from heliograph.simulators.faults import Listener, Tally
from heliograph.simulators.inbox import Inbox, ReceivedPush
from heliograph.simulators.misbehaviour import misbehave
from heliograph.simulators.push_log import PushLog
from heliograph.simulators.webpush.browser import Subscription, UnreadableMessage
from heliograph.simulators.webpush.replies import refusal, scripted
from heliograph.simulators.webpush.vapid import sender_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from heliograph.simulators.faults import Fault, FaultBook

STREAMS: Final = 100
MAX_SUBSCRIPTIONS: Final = 100_000
_PREFIX: Final = "/push/"
_LONGEST_BODY: Final = 4096
_URGENCIES: Final = frozenset({b"very-low", b"low", b"normal", b"high"})
_is_ttl: Final = re.compile(rb"[0-9]{1,10}").fullmatch
_is_topic: Final = re.compile(rb"[A-Za-z0-9_-]{1,32}").fullmatch
_CREATED: Final = 201
# Google's words for it.
_FOREIGN_KEY: Final = (
    b"the VAPID credentials in the authorization header do not correspond to the credentials "
    b"used to create the subscriptions."
)


class WebPushFake:
    """A push service. Where it listens is told once it does: `url`."""

    def __init__(
        self,
        *,
        inbox: Inbox,
        faults: FaultBook,
        now: Callable[[], datetime],
        log: PushLog | None = None,
    ) -> None:
        self.url = ""
        self._inbox = inbox
        self._faults = faults
        self._now = now
        self._log = PushLog(0) if log is None else log
        self._subscriptions: dict[str, Subscription] = {}
        self._ended: set[str] = set()

    def subscribe(self, vapid_key: str | None = None) -> Subscription:
        """Make a subscription, as a browser does for a page.

        vapid_key: the page's `applicationServerKey`; None lets any key send.
        """
        if len(self._subscriptions) >= MAX_SUBSCRIPTIONS:
            self._subscriptions.pop(next(iter(self._subscriptions)))
        endpoint = f"{self.url}{_PREFIX}{secrets.token_urlsafe(24)}"
        made = Subscription.make(endpoint, None if vapid_key is None else vapid_key.rstrip("="))
        self._subscriptions[endpoint] = made
        return made

    def unsubscribe(self, endpoint: str) -> None:
        """End a subscription: messages to it are answered 410 from now on."""
        if self._subscriptions.pop(endpoint, None) is not None:
            self._ended.add(endpoint)

    def open_session(self) -> WebPushSession:
        """Begin a connection."""
        return WebPushSession(self)

    def react(self, request: Request, tally: Tally) -> Reaction:
        """Answer one request of the connection whose tally it is."""
        path = request.path.decode("latin-1")
        if not path.startswith(_PREFIX):
            return refusal(404, 102, "There is nothing here")
        if request.method != b"POST":
            return refusal(405, 999, "Messages are posted")
        endpoint = self.url + path
        subscription = self._subscriptions.get(endpoint)
        judged = self._judge(request, subscription, endpoint)
        if isinstance(judged, Answer):
            self._log.add("webpush", judged.status, b"-", endpoint)
            return judged
        return self._deliver(request, endpoint, judged, tally)

    def _judge(
        self, request: Request, subscription: Subscription | None, endpoint: str
    ) -> Answer | bytes:
        """Refuse a message, or answer what it says."""
        if subscription is None:
            if endpoint in self._ended:
                return refusal(410, 106, "The subscription has ended")
            return refusal(404, 103, "There is no such subscription")
        return (
            _header_refusal(request)
            or self._sender_refusal(request, subscription)
            or _read(request, subscription)
        )

    def _sender_refusal(self, request: Request, subscription: Subscription) -> Answer | None:
        authorization = request.headers.get(b"authorization", b"")
        sender = sender_of(authorization, self.url, now=self._now())
        if isinstance(sender, str):
            return refusal(401, 109, sender)
        if subscription.vapid_key in (None, sender.public):
            return None
        return Answer(403, ((b"content-type", b"text/plain"),), _FOREIGN_KEY)

    def _deliver(self, request: Request, endpoint: str, plain: bytes, tally: Tally) -> Reaction:
        fault = self._faults.take(endpoint, tally)
        name = secrets.token_hex(8)
        answer = None
        if fault is None or fault.takes_push:
            received = ReceivedPush("webpush", endpoint, request.headers, plain, self._now())
            self._inbox.add(received)
            location = f"{self.url}/m/{name}".encode()
            ttl = request.headers[b"ttl"]
            answer = Answer(_CREATED, ((b"location", location), (b"ttl", ttl)))
        self._log.add("webpush", _status_of(fault), name.encode() if answer else b"-", endpoint)
        if fault is None:
            assert answer is not None
            return answer
        if answer is not None:
            answer = answer._replace(delay_ms=fault.delay_ms)
        elif fault.status is not None:
            answer = scripted(
                fault.status,
                fault.reason,
                retry_after_s=fault.retry_after,
                delay_ms=fault.delay_ms,
            )
        return misbehave(fault, answer)


class WebPushSession:
    """One connection to the push service, which remembers nothing."""

    def __init__(self, fake: WebPushFake) -> None:
        self.max_streams = STREAMS
        self._fake = fake
        self._tally = Tally(Listener.WEBPUSH)

    def react(self, request: Request) -> Reaction:
        """Answer one request."""
        return self._fake.react(request, self._tally)


def _header_refusal(request: Request) -> Answer | None:
    headers = request.headers
    if _is_ttl(headers.get(b"ttl", b"")) is None:
        return refusal(400, 111, "TTL must be a number of seconds")
    if headers.get(b"urgency", b"normal") not in _URGENCIES:
        return refusal(400, 110, "Urgency must be very-low, low, normal or high")
    if b"topic" in headers and _is_topic(headers[b"topic"]) is None:
        return refusal(400, 113, "Topic must be up to 32 url-safe characters")
    return None


def _read(request: Request, subscription: Subscription) -> Answer | bytes:
    body = request.body
    if len(body) > _LONGEST_BODY:
        return refusal(413, 104, f"At most {_LONGEST_BODY} bytes")
    if not body:
        return b""
    if request.headers.get(b"content-encoding") != b"aes128gcm":
        return refusal(400, 110, "Content-Encoding must be aes128gcm")
    if request.headers.get(b"content-type") != b"application/octet-stream":
        return refusal(400, 110, "Content-Type must be application/octet-stream")
    try:
        return subscription.read(body)
    except UnreadableMessage as error:
        # A real service can't know; its browser would throw the message away in silence.
        return refusal(400, 101, f"No browser could read this: {error}")


def _status_of(fault: Fault | None) -> int:
    """Return the status that a push is answered with, 0 for none."""
    if fault is None or fault.takes_push:
        return _CREATED
    return fault.status or 0
