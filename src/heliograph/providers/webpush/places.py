"""Where a target's messages go, for whom they are encrypted, and by which key they are sent."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from heliograph.core.model.outcome import FaultScope, Misconfigured, Rejected, TokenGone
from heliograph.core.model.registration import Attribute
from heliograph.outbound.guard import UrlRefused
from heliograph.outbound.http2.sender import Origin
from heliograph.outbound.json_object import read_object
from heliograph.providers.webpush.encryption import Receiver, read_auth, read_point

if TYPE_CHECKING:
    from heliograph.core.model.application import VapidKey, WebPushCredential
    from heliograph.core.model.delivery import Target
    from heliograph.outbound.guard import Guard, UrlRule

MAX_SERVICES: Final = 1000

_SCHEME_CHARS: Final = len("https://")
# A path as the guard lets it pass: nothing that could end a header or begin a fragment.
_is_path: Final = re.compile(r"/[A-Za-z0-9._~!$&'()*+,;=:@/%?-]*", re.ASCII).fullmatch


class Unreachable(Exception):
    """No message can be sent to a target; `outcome` says why."""

    def __init__(self, outcome: Rejected | Misconfigured | TokenGone) -> None:
        super().__init__(outcome)
        self.outcome = outcome

    @property
    def outcome_text(self) -> str:
        """The reason in words."""
        match self.outcome:
            case Rejected(reason) | TokenGone(reason):
                return reason
            case Misconfigured(detail):
                return detail


class Service(NamedTuple):
    """A push service. url: its origin as tokens name it, `https://host`."""

    origin: Origin
    url: str


class Place(NamedTuple):
    """One target, ready to be sent to."""

    service: Service
    path: bytes
    receiver: Receiver
    key: VapidKey


class Places:
    """Reads targets. What was checked at registration is checked again: rules change."""

    def __init__(self, guard: Guard, rule: UrlRule) -> None:
        self._guard = guard
        self._rule = rule
        self._services: dict[str, Service] = {}

    def place_of(self, target: Target, credential: WebPushCredential) -> Place:
        """Say where a target's messages go; raises Unreachable."""
        service, path = self._split(target.token)
        attributes = read_object(target.attributes)
        point = read_point(str(attributes.get(Attribute.P256DH)))
        auth = read_auth(str(attributes.get(Attribute.AUTH)))
        if point is None or auth is None:
            raise Unreachable(Rejected("the subscription has no keys to encrypt for"))
        key = _key_of(attributes.get(Attribute.VAPID_KEY), credential)
        return Place(service, path, Receiver(point, auth), key)

    def moved(self, url: str) -> tuple[Service, bytes]:
        """Say where a subscription is now; raises Unreachable where that is no push service."""
        try:
            return self._split(url)
        except Unreachable:
            raise Unreachable(TokenGone("moved to where no push service is")) from None

    def _split(self, endpoint: str) -> tuple[Service, bytes]:
        """Take an endpoint apart; raises Unreachable."""
        end = endpoint.find("/", _SCHEME_CHARS)
        start, path = (endpoint, "/") if end < 0 else (endpoint[:end], endpoint[end:])
        if _is_path(path) is None:
            raise Unreachable(Rejected("the endpoint is not a URL"))
        return self._services.get(start) or self._service(start), path.encode("ascii")

    def _service(self, start: str) -> Service:
        try:
            checked = self._guard.check_url(start, self._rule)
        except UrlRefused as error:
            raise Unreachable(Rejected(f"the endpoint must be {error.expected}")) from None
        if checked.target != "/":
            raise Unreachable(Rejected("the endpoint is not a URL"))
        found = Service(Origin(checked.host, checked.port), checked.url.rstrip("/"))
        if len(self._services) >= MAX_SERVICES:
            self._services.clear()
        self._services[start] = found
        return found


def _key_of(named: object, credential: WebPushCredential) -> VapidKey:
    """Find the key that a subscription was made with; one that names none gets the present one."""
    for key in credential.keys:
        if named is None or key.public == named:
            return key
    missing = "the key that the subscription was made with is not there any more"
    raise Unreachable(Misconfigured(missing, FaultScope.TARGET))
