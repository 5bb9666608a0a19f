"""What the domain asks of the world, in the domain's words.

Adapters (storage, queues, providers, security) satisfy these Protocols;
`wiring.py` passes them in by constructor. Every method may raise
`Unavailable`; the others it raises are named.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from heliograph.core.ids import Id
    from heliograph.core.model.application import ProviderCredential
    from heliograph.core.model.delivery import Shard, Target
    from heliograph.core.model.notification import Content, Notification, Options
    from heliograph.core.model.outcome import Outcome
    from heliograph.core.model.registration import (
        ProviderName,
    )


class Clock(Protocol):
    """The only reader of time."""

    def now(self) -> datetime:
        """Tell the wall-clock time: aware UTC, cut to whole milliseconds."""
        ...

    def monotonic(self) -> float:
        """Tell seconds that never go back, for leases and deadlines."""
        ...


class ShardQueue(Protocol):
    """Hands shards to workers. Every shard may arrive twice."""

    async def claim(self, limit: int) -> Sequence[tuple[Shard, Notification]]:
        """Take up to `limit` shards that are due now; empty if there are none."""
        ...

    async def wait(self, timeout_s: float) -> None:
        """Return when there may be work, or after `timeout_s`."""
        ...

    def wake(self) -> None:
        """Say that there is new work in this process."""
        ...

    async def renew(self, shards: Sequence[Shard]) -> None:
        """Prolong the leases of shards that are being worked on."""
        ...

    async def release(self, shards: Sequence[Shard]) -> None:
        """Give shards back, to be claimed by anyone at once."""
        ...


@dataclass(frozen=True, slots=True)
class Batch:
    """One page's targets for one provider credential.

    default_bundle_id: the application's, for registrations that name none.
    """

    credential: ProviderCredential
    notification_id: Id
    content: Content
    options: Options
    expires_at: datetime
    default_bundle_id: str | None
    targets: Sequence[Target]


class Provider(Protocol):
    """Carries messages out. Never retries, sleeps, deletes, counts or stores."""

    name: ProviderName

    async def send(self, batch: Batch, *, now: datetime) -> Sequence[Outcome]:
        """Render and send; one outcome per target, in their order. Never raises."""
        ...

    async def refresh(self, credential: ProviderCredential) -> None:
        """Forget what was minted for a credential, within the provider's limits."""
        ...

    async def close(self) -> None: ...


class Sealer(Protocol):
    """Encrypts what must not be readable from the database alone."""

    def seal(self, plain: bytes, context: bytes) -> bytes:
        """Encrypt; `context` must be the same to open it again."""
        ...

    def unseal(self, sealed: bytes, context: bytes) -> bytes:
        """Decrypt; raises ValueError for a wrong key, context or text."""
        ...


class Signer(Protocol):
    """Signs short values that come back to us, such as nonces and cursors."""

    def sign(self, purpose: str, payload: bytes) -> str:
        """Spell a payload with its signature in letters, digits and `-_.`."""
        ...

    def verify(self, purpose: str, text: str) -> bytes | None:
        """Answer the payload if we signed it for this purpose, else None."""
        ...

    def mac(self, purpose: str, message: bytes) -> bytes:
        """Authenticate a message of a vendor's form: 32 bytes, of which it may take fewer."""
        ...

    def is_mac(self, purpose: str, message: bytes, mac: bytes) -> bool:
        """Say whether these are the first bytes of a message's MAC, by any key of ours."""
        ...
