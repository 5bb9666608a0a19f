"""Provider tokens as APNs reads them: ES256, one hour, one team per connection.

Source: docs/providers/apns.md, "Authentication".
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from cryptography.hazmat.primitives.asymmetric import ec

from heliograph.simulators.apns.reasons import Refused
from heliograph.simulators.apns.topics import known_suffix_of
from heliograph.simulators.jws import is_signed_es256, take_apart, whole_seconds

LIFETIME: Final = timedelta(hours=1)
UPDATE_INTERVAL: Final = timedelta(minutes=20)
_CLOCK_SKEW: Final = timedelta(minutes=1)
_REMEMBERED: Final = 1000
_SCHEME: Final = b"bearer "


@dataclass(frozen=True, slots=True)
class ApnsKey:
    """A signing key registered with Apple.

    topics: the bundle ids it may push to; None for a team key, which serves
    every app of its team.
    """

    key_id: str
    team_id: str
    public_key: ec.EllipticCurvePublicKey
    topics: frozenset[bytes] | None

    def suffix_of(self, topic: bytes) -> bytes | None:
        """Return what the topic adds to one of our bundle ids; None if it names another app."""
        if self.topics is None:
            return known_suffix_of(topic)
        if topic in self.topics:
            return b""
        for bundle_id in self.topics:
            if topic.startswith(bundle_id + b"."):
                return topic[len(bundle_id) :]
        return None


class ProviderToken(NamedTuple):
    """A token whose signature was found to be right."""

    key: ApnsKey
    issued_at_s: int


class KnownKeys:
    """The keys of all teams, and the tokens they were seen to sign."""

    def __init__(self, keys: list[ApnsKey]) -> None:
        self._keys = {key.key_id: key for key in keys}
        # Verifying a signature costs more than all other checks of a push together.
        self._verified: dict[bytes, ProviderToken | None] = {}

    def read(self, token: bytes) -> ProviderToken | None:
        """Return what a token proves; None if nothing."""
        try:
            return self._verified[token]
        except KeyError:
            pass
        if len(self._verified) >= _REMEMBERED:
            self._verified.clear()
        self._verified[token] = found = self._verify(token)
        return found

    def _verify(self, token: bytes) -> ProviderToken | None:
        jws = take_apart(token)
        if jws is None:
            return None
        key_id = jws.header.get("kid")
        key = self._keys.get(key_id) if isinstance(key_id, str) else None
        issued_at = whole_seconds(jws.claims.get("iat"))
        if key is None or issued_at is None or jws.claims.get("iss") != key.team_id:
            return None
        return ProviderToken(key, issued_at) if is_signed_es256(jws, key.public_key) else None


class ConnectionTokens:
    """What one connection has shown: the first push binds it to a team."""

    def __init__(self, known: KnownKeys) -> None:
        self._known = known
        self._team_id: str | None = None
        self._current: dict[str, bytes] = {}
        self._previous: dict[str, bytes] = {}
        self._updated_at: dict[str, datetime] = {}
        # The last `authorization` that passed, so that the next push with it is quick.
        self._passed: tuple[bytes, ApnsKey, datetime] | None = None

    @property
    def is_bound(self) -> bool:
        """Whether any push on this connection has proved who sends it."""
        return self._team_id is not None

    def admit(self, authorization: bytes | None, *, now: datetime) -> ApnsKey | Refused:
        """Check the `authorization` of one push."""
        if self._passed is not None:
            passed, key, until = self._passed
            if passed == authorization and now <= until:
                return key
        raw = _bearer_of(authorization or b"")
        if not raw:
            return Refused("MissingProviderToken")
        token = self._known.read(raw)
        if token is None or self._team_id not in (None, token.key.team_id):
            return Refused("InvalidProviderToken")
        age_s = now.timestamp() - token.issued_at_s
        if not -_CLOCK_SKEW.total_seconds() <= age_s <= LIFETIME.total_seconds():
            return Refused("ExpiredProviderToken")
        if self._current.get(token.key.key_id) != raw and not self._update(token, raw, now):
            return Refused("TooManyProviderTokenUpdates")
        until = now + LIFETIME - timedelta(seconds=age_s)
        self._passed = authorization or b"", token.key, until
        return token.key

    def _update(self, token: ProviderToken, raw: bytes, now: datetime) -> bool:
        """Take a token that is new on this connection, unless the last one is too recent.

        The token that a new one replaced stays good, so pushes that were on their way with
        it are not taken for another update.
        """
        key_id = token.key.key_id
        if self._previous.get(key_id) == raw:
            return True
        updated_at = self._updated_at.get(key_id)
        if updated_at is not None and now - updated_at < UPDATE_INTERVAL:
            return False
        if key_id in self._current:
            self._previous[key_id] = self._current[key_id]
        self._team_id = token.key.team_id
        self._current[key_id] = raw
        self._updated_at[key_id] = now
        return True


def _bearer_of(authorization: bytes) -> bytes:
    """Return the token in an `authorization`; empty if there is none."""
    if authorization[: len(_SCHEME)].lower() != _SCHEME:
        return b""
    return authorization[len(_SCHEME) :].strip()
