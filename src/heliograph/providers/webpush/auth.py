"""VAPID: one signed token per key and push service, kept until shortly before its end.

Source: docs/providers/webpush.md, "Authentication"; RFC 8292.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Final, NamedTuple

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from heliograph.providers.webpush.settings import (
    JWT_LIFETIME,
    JWT_RENEWAL_AGE,
    SHORTEST_REFRESH,
    SHORTEST_REFRESH_AT_APPLE,
    is_apple,
    private_key_of,
)
from heliograph.security.jwt import UnusableKey, sign_jwt

if TYPE_CHECKING:
    from datetime import datetime

    from heliograph.core.model.application import VapidKey, WebPushCredential
    from heliograph.core.ports import Clock

MAX_TOKENS: Final = 10_000
"""Pairs of key and push service whose tokens are remembered."""

_RENEWAL_AGE_S: Final = JWT_RENEWAL_AGE.total_seconds()
CLOCK_JUMP_S: Final = 600.0
"""More than a clock that is steadily corrected differs from the monotonic one in half a day."""


class _Place(NamedTuple):
    """Whom a token is good for. origin: of the push service."""

    public: str
    origin: str


class _Token(NamedTuple):
    contact: str
    authorization: bytes
    minted_at_s: float
    issued_at: datetime


class VapidTokens:
    """Mints tokens and keeps them.

    Ages are read off the monotonic clock, so that a corrected wall clock
    neither wears a token out nor keeps an old one.
    """

    def __init__(self, clock: Clock, *, size: int = MAX_TOKENS) -> None:
        self._clock = clock
        self._size = size
        self._tokens: OrderedDict[_Place, _Token] = OrderedDict()

    def authorization(self, key: VapidKey, contact: str, origin: str) -> bytes:
        """Say the `authorization` of messages to a push service; raises UnusableKey."""
        place = _Place(key.public, origin)
        known = self._tokens.get(place)
        if known is not None and known.contact == contact and self._age_s(known) < _RENEWAL_AGE_S:
            self._tokens.move_to_end(place)
            return known.authorization
        now = self._clock.now()
        token = sign(key, contact, origin, now=now)
        authorization = f"vapid t={token}, k={key.public}".encode("ascii")
        self._tokens[place] = _Token(contact, authorization, self._clock.monotonic(), now)
        self._tokens.move_to_end(place)
        if len(self._tokens) > self._size:
            self._tokens.popitem(last=False)
        return authorization

    def is_renewable(self, public: str, origin: str) -> bool:
        """Say whether another token may take the place of the present one now."""
        known = self._tokens.get(_Place(public, origin))
        if known is None:
            return False
        shortest = SHORTEST_REFRESH_AT_APPLE if is_apple(origin) else SHORTEST_REFRESH
        age_s = self._age_s(known)
        # Where the clock was set since, or the machine suspended, the token's end is wrong.
        since_s = (self._clock.now() - known.issued_at).total_seconds()
        return age_s >= shortest.total_seconds() or abs(since_s - age_s) > CLOCK_JUMP_S

    def refresh(self, credential: WebPushCredential) -> None:
        """Forget the tokens of all the credential's keys that may be replaced."""
        ours = {key.public for key in credential.keys}
        for place in [*self._tokens]:
            if place.public in ours and self.is_renewable(*place):
                del self._tokens[place]

    def _age_s(self, token: _Token) -> float:
        return self._clock.monotonic() - token.minted_at_s


def sign(key: VapidKey, contact: str, origin: str, *, now: datetime) -> str:
    """Sign a token for one push service; raises UnusableKey."""
    try:
        private = private_key_of(key)
    except ValueError as error:
        raise UnusableKey(str(error)) from None
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode("ascii")
    claims = {
        "aud": origin,
        "exp": int((now + JWT_LIFETIME).timestamp()),
        "sub": contact,
    }
    return sign_jwt(claims, algorithm="ES256", key_id=None, key_pem=pem)
