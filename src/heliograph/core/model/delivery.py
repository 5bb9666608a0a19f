"""Shards, pages and deliveries: a notification's way through the engine."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from heliograph.core.ids import delivery_uuid
from heliograph.core.model.notification import Counters
from heliograph.core.model.registration import ProviderName

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from heliograph.core.ids import Id
    from heliograph.core.model.registration import Environment

BUCKETS = 256


class DeliveryState(StrEnum):
    """Where one notification for one target stands."""

    ACCEPTED = "accepted"
    DEFERRED = "deferred"
    REJECTED = "rejected"
    GONE = "gone"
    EXPIRED = "expired"
    CANCELED = "canceled"


class ShardSource(StrEnum):
    """Where a shard's page comes from."""

    QUERY = "query"
    LIST = "list"
    RETRY = "retry"


class Cursor(NamedTuple):
    """The last target of a page, in the order of the scan.

    Queries move by (bucket, id); lists by `recipient`, their ordinal.
    """

    bucket: int
    recipient: int
    target_id: bytes


@dataclass(frozen=True, slots=True)
class Shard:
    """A slice of one notification's audience, one job.

    first_bucket, last_bucket: the range of a query, inclusive. epoch: rises
    with every claim; a page commit of an older epoch changes nothing.
    leased_until: after this a shard may be claimed by another worker.
    """

    id: Id
    notification_id: Id
    application_id: Id
    source: ShardSource
    first_bucket: int
    last_bucket: int
    epoch: int
    cursor: Cursor | None
    leased_until: datetime | None = None


class Target(NamedTuple):
    """One registration or address of a page, as the engine needs it.

    id: the registration's id, or for a bare address 16 bytes of its token's
    hash. recipient: the ordinal in a listed audience, else 0. attributes:
    the registration's own JSON text, the key under which rendered variants
    are cached. refreshed_ms: Unix milliseconds; 0 for a bare address.
    attempts: provider calls already made.
    """

    id: bytes
    bucket: int
    recipient: int
    provider: ProviderName
    environment: Environment | None
    token: str
    token_hash: bytes
    attributes: str
    refreshed_ms: int
    attempts: int
    is_registered: bool


@dataclass(frozen=True, slots=True)
class Page:
    """Targets of a shard in scan order.

    cursor: None says that the shard ends here. dropped: the places of listed
    or retried targets whose registration is gone or silent; they are canceled.
    """

    targets: Sequence[Target]
    cursor: Cursor | None
    dropped: Sequence[Cursor] = ()


class DeliveryRow(NamedTuple):
    """One delivery as it is recorded. Times: Unix milliseconds.

    provider: None where the target was gone before we learned it.
    """

    bucket: int
    recipient: int
    target_id: bytes
    state: DeliveryState
    provider: ProviderName | None
    is_registered: bool
    provider_message_id: str | None
    reason: str | None
    attempts: int
    at_ms: int


class Prune(NamedTuple):
    """Forget a registration, if it still is as we read it."""

    registration_id: bytes
    token_hash: bytes
    refreshed_ms: int
    reason: str


class DeferredRow(NamedTuple):
    """A delivery to be tried again. due_ms: Unix milliseconds."""

    bucket: int
    recipient: int
    target_id: bytes
    due_ms: int
    attempts: int


@dataclass(frozen=True, slots=True)
class PageCommit:
    """All that a page of sends came to, committed in one piece with the cursor.

    counters: what this page adds to the shard's; a retry takes one from
    `deferred` and adds one elsewhere.
    """

    shard: Shard
    cursor: Cursor | None
    at: datetime
    deliveries: Sequence[DeliveryRow]
    prunes: Sequence[Prune] = ()
    deferred: Sequence[DeferredRow] = ()
    environments: Sequence[tuple[bytes, Environment]] = ()
    counters: Counters = field(default_factory=Counters)


@dataclass(frozen=True, slots=True)
class Delivery:
    """One delivery as it is shown."""

    notification_id: Id
    target_id: bytes
    bucket: int
    recipient: int
    state: DeliveryState
    provider: ProviderName | None
    attempts: int
    at: datetime
    is_registered: bool
    provider_message_id: str | None = None
    reason: str | None = None

    @property
    def message_id(self) -> str | None:
        """The id under which the provider knows the message, where it has one.

        APNs takes ours, which is derived: see `ids.delivery_uuid`.
        """
        if self.provider is ProviderName.APNS and self.attempts:
            return delivery_uuid(self.notification_id, self.target_id)
        return self.provider_message_id
