"""What the domain asks of whatever keeps and checks other people's signed tokens.

Every method of a store may raise `Unavailable`; what else is raised is named.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from heliograph.core.ids import Id
    from heliograph.core.model.issuer import Issuer, KeyAlgorithm, TrustedKey


class TokenFault(StrEnum):
    """Why a signed token is not believed; each completes "must be …"."""

    MALFORMED = "a signed JWT"
    ISSUER = "of an issuer that the application trusts"
    ALGORITHM = "signed with the algorithm of its key"
    KEY = "signed with a key that its issuer named"
    SIGNATURE = "signed with the key that it names"
    EXPIRED = "younger than its exp, a number"
    EARLY = "valid already, by its iat and nbf"
    AUDIENCE = "meant for this application, by its aud"
    SUBJECT = "of a user, by an id of 1 to 256 printable characters"
    NONCE = "made with a nonce of ours that is fresh and unused"


class TokenRefused(Exception):
    """A signed token that proves nothing. Dialects say so in their own words."""

    def __init__(self, fault: TokenFault) -> None:
        super().__init__(fault.name.lower())
        self.fault = fault


@dataclass(frozen=True, slots=True)
class Unverified:
    """What a token says, before anyone knows whether it is true. key_id: None if it names none."""

    algorithm: str
    key_id: str | None
    claims: Mapping[str, Any]


class TokenReader(Protocol):
    """Reads and verifies JWTs in compact form, and the keys that they are signed with."""

    def read(self, text: str) -> Unverified:
        """Take a token apart; raises TokenRefused for what is none."""
        ...

    def verify(self, text: str, key: TrustedKey) -> None:
        """Let a token pass that a key signed, by the key's own algorithm; raises TokenRefused."""
        ...

    def check_key(self, key_id: str, algorithm: KeyAlgorithm, public_key: str) -> TrustedKey:
        """Read a public key as PEM; raises InvalidRequest at `public_key` or `algorithm`."""
        ...

    def keys_of(self, document: bytes) -> Sequence[TrustedKey]:
        """Read a JWK Set; what is no signing key of ours is left out. Raises Unavailable."""
        ...


class KeySets(Protocol):
    """Fetches JWK Sets from where issuers publish them."""

    def check_url(self, url: str) -> str:
        """Let a URL pass that may be fetched, in its one form; raises InvalidRequest."""
        ...

    async def fetch(self, url: str) -> bytes:
        """Fetch a document, within a deadline; raises Unavailable."""
        ...


class IssuerStore(Protocol):
    """Whom applications trust."""

    async def add_issuer(self, issuer: Issuer) -> bool:
        """Write an issuer; False where the application has one of this form and name."""
        ...

    async def replace_issuer(self, issuer: Issuer) -> bool:
        """Write an issuer's audience, keys and URL anew; False where there is none."""
        ...

    async def issuers(self, application_id: Id) -> Sequence[Issuer]:
        """List an application's issuers by age."""
        ...

    async def remove_issuer(self, application_id: Id, issuer_id: Id) -> bool:
        """Forget an issuer; False where there is none."""
        ...


class NonceStore(Protocol):
    """Nonces that were used."""

    async def spend(self, digest: bytes, *, expires_at: datetime, now: datetime) -> bool:
        """Note a nonce as used; False where it was already."""
        ...


@dataclass(frozen=True, slots=True)
class MemberState:
    """How a member stands. badge: the number on the app's icon; None if nobody set one."""

    user_id: Id
    badge: int | None = None
    is_suspended: bool = False


class MemberStore(Protocol):
    """How members stand."""

    async def is_suspended(self, application_id: Id, user_id: Id) -> bool:
        """Say whether a user is shut out of an application."""
        ...

    async def member_states(
        self, application_id: Id, external_ids: Sequence[str]
    ) -> Mapping[str, MemberState]:
        """Read how members stand, by the customer's ids; who is no member is left out."""
        ...

    async def set_badge(self, application_id: Id, user_id: Id, badge: int) -> None:
        """Write the number on a member's icon."""
        ...

    async def set_suspended(
        self, application_id: Id, user_id: Id, *, since: datetime | None
    ) -> None:
        """Shut a user out of an application from a time on; None lets them in again.

        What their keys registered is not sent to meanwhile.
        """
        ...
