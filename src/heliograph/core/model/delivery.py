"""Shards, pages and deliveries: a notification's way through the engine."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from heliograph.core.ids import delivery_uuid
from heliograph.core.model.audience import AddressForm
from heliograph.core.model.notification import Counters, NotificationState
from heliograph.core.model.registration import ProviderName

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from heliograph.core.ids import Id
    from heliograph.core.model.breaker import Breaker
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
    RECIPIENTS = "recipients"
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
    is_small: it is of a send of a page or less, which overtakes broadcasts.
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
    is_small: bool = False


class Target(NamedTuple):
    """One registration or address of a page, as the engine needs it.

    id: the registration's id, or for a bare address 16 bytes of its token's
    hash. recipient: the ordinal in a listed audience, else 0. attributes:
    the registration's own JSON text, the key under which rendered variants
    are cached. refreshed_ms: Unix milliseconds; 0 for a bare address.
    attempts: provider calls already made. form: what `token` names, a device or
    one of the provider's groups.
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
    form: AddressForm = AddressForm.TOKEN


GONE = "registration is gone"
"""Why a listed or retried target is not sent to any more."""


class Dropped(NamedTuple):
    """A listed or retried target that is not sent to any more; it is canceled."""

    place: Cursor
    attempts: int = 0
    reason: str = GONE


class Resting(NamedTuple):
    """A target that is not sent to before `due`; None: not before its time is over."""

    target: Target
    due: datetime | None


@dataclass(frozen=True, slots=True)
class Page:
    """Targets of a shard in scan order.

    cursor: None says that the shard ends here. state: the notification's, as
    it was when the page was read; a page of one that is paused or canceled
    is empty. breakers: the application's that ever opened. variables: what fills
    in a template, as JSON text by the recipient's ordinal; who has none is left out.
    resting: who is to be left alone for now.
    """

    targets: Sequence[Target]
    cursor: Cursor | None
    dropped: Sequence[Dropped] = ()
    state: NotificationState = NotificationState.RUNNING
    breakers: Sequence[Breaker] = ()
    variables: Mapping[int, str] = field(default_factory=lambda: MappingProxyType({}))
    resting: Sequence[Resting] = ()


@dataclass(frozen=True, slots=True)
class Reservation:
    """A worker's place for one small send that is being accepted.

    asked: when it was made, on the worker's monotonic clock: its lease counts from there.
    """

    worker: str
    leased_until: datetime
    page_size: int
    asked: float


@dataclass(frozen=True, slots=True)
class FirstPage:
    """A shard that was written as claimed, with the page that it begins with."""

    shard: Shard
    page: Page


class DeliveryRow(NamedTuple):
    """One delivery as it is recorded. Times: Unix milliseconds.

    state, provider: values of `DeliveryState` and `ProviderName`, as plain
    texts. provider: None where the target was gone before we learned it; a
    later record without one keeps what an earlier one said.
    """

    bucket: int
    recipient: int
    target_id: bytes
    state: str
    provider: str | None
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

    deliveries: those that are recorded, not all of the page's. counters:
    what this page adds to the shard's; a retry takes one from `deferred` and
    adds one elsewhere. environments: registrations with the token's hash, of
    which we learned the environment. breakers: those that changed. is_late:
    the notification's time was over before this page was first tried.
    """

    shard: Shard
    cursor: Cursor | None
    at: datetime
    deliveries: Sequence[DeliveryRow]
    prunes: Sequence[Prune] = ()
    deferred: Sequence[DeferredRow] = ()
    environments: Sequence[tuple[bytes, bytes, Environment]] = ()
    counters: Counters = field(default_factory=Counters)
    breakers: Sequence[Breaker] = ()
    is_late: bool = False


@dataclass(frozen=True, slots=True)
class DeliveryFilter:
    """Which deliveries of a notification a list wants; what is None rules nothing out.

    user_id: the customer's id of a user, or ours; their registrations' deliveries,
    those included that departed and are still remembered, for 30 days unless
    retention says otherwise.
    """

    user_id: str | None = None
    registration_id: Id | None = None
    state: DeliveryState | None = None


@dataclass(frozen=True, slots=True)
class Delivery:
    """One delivery as it is shown. next_attempt_at: of one that waits for another try."""

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
    next_attempt_at: datetime | None = None

    @property
    def message_id(self) -> str | None:
        """The id under which the provider knows the message, where it has one.

        APNs takes ours, which is derived: see `ids.delivery_uuid`.
        """
        if self.provider is ProviderName.APNS and self.attempts:
            return delivery_uuid(self.notification_id, self.target_id)
        return self.provider_message_id
