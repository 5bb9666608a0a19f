"""Provider tokens: signed once, shared by all connections of a credential.

Source: docs/providers/apns.md, "Authentication".
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from heliograph.providers.apns.settings import TOKEN_RENEWAL_AGE, TOKEN_UPDATE_INTERVAL
from heliograph.security.jwt import sign_jwt

if TYPE_CHECKING:
    from datetime import datetime

    from heliograph.core.ids import Id
    from heliograph.core.model.application import ApnsCredential
    from heliograph.core.ports import Clock

MAX_TOKENS: Final = 1000
"""Credentials whose tokens are remembered."""

_RENEWAL_AGE_S: Final = TOKEN_RENEWAL_AGE.total_seconds()
_UPDATE_INTERVAL_S: Final = TOKEN_UPDATE_INTERVAL.total_seconds()
_CLOCK_JUMP_S: Final = 60.0
"""More than a clock that is steadily corrected differs from the monotonic one in a token's life."""


@dataclass(frozen=True, slots=True)
class _ProviderToken:
    authorization: bytes
    minted_at_s: float
    issued_at: datetime


class ProviderTokens:
    """Mints provider tokens and keeps them while APNs wants no other.

    Ages are read off the monotonic clock, so that a corrected wall clock
    neither wears a token out nor keeps an old one, unless APNs refuses it.
    """

    def __init__(self, clock: Clock, *, size: int = MAX_TOKENS) -> None:
        self._clock = clock
        self._size = size
        self._tokens: OrderedDict[Id, _ProviderToken] = OrderedDict()

    def authorization(self, credential_id: Id, secret: ApnsCredential) -> bytes:
        """Say the `authorization` of a credential's pushes; raises UnusableKey."""
        known = self._tokens.get(credential_id)
        if known is not None and self._age_s(known) < _RENEWAL_AGE_S:
            self._tokens.move_to_end(credential_id)
            return known.authorization
        return self._mint(credential_id, secret)

    def is_renewable(self, credential_id: Id) -> bool:
        """Say whether a new token may be minted now."""
        known = self._tokens.get(credential_id)
        if known is None or self._age_s(known) >= _UPDATE_INTERVAL_S:
            return True
        # The clock was set since, or the machine suspended: what the token says of its age is
        # wrong now, and it gets no better by waiting.
        since_s = (self._clock.now() - known.issued_at).total_seconds()
        return abs(since_s - self._age_s(known)) > _CLOCK_JUMP_S

    def age_s(self, credential_id: Id) -> float:
        """Tell how long the present token has served; 0 where there is none."""
        known = self._tokens.get(credential_id)
        return 0.0 if known is None else self._age_s(known)

    def refresh(self, credential_id: Id, secret: ApnsCredential) -> bool:
        """Mint a new token; False where the present one is too young to be replaced.

        Raises UnusableKey. APNs answers a second token within 20 minutes with
        TooManyProviderTokenUpdates, so the young one must serve, unless it
        was signed by a clock that was set since.
        """
        if not self.is_renewable(credential_id):
            return False
        self._mint(credential_id, secret)
        return True

    def _age_s(self, token: _ProviderToken) -> float:
        return self._clock.monotonic() - token.minted_at_s

    def _mint(self, credential_id: Id, secret: ApnsCredential) -> bytes:
        now = self._clock.now()
        authorization = b"bearer " + sign(secret, now=now).encode("ascii")
        self._tokens[credential_id] = _ProviderToken(authorization, self._clock.monotonic(), now)
        self._tokens.move_to_end(credential_id)
        if len(self._tokens) > self._size:
            self._tokens.popitem(last=False)
        return authorization


def sign(secret: ApnsCredential, *, now: datetime) -> str:
    """Sign a provider token: ES256, `kid`, `iss` and `iat`, nothing else.

    Raises UnusableKey.
    """
    claims = {"iss": secret.team_id, "iat": int(now.timestamp())}
    return sign_jwt(claims, algorithm="ES256", key_id=secret.key_id, key_pem=secret.key_pem)
