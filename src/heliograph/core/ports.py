"""What the domain asks of the world, in the domain's words.

Adapters (storage, queues, providers, security) satisfy these Protocols;
`wiring.py` passes them in by constructor. Every method may raise
`Unavailable`; the others it raises are named.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from heliograph.core.errors import Problem
    from heliograph.core.ids import Id
    from heliograph.core.model.application import ProviderCredential, Secret
    from heliograph.core.model.audience import Address, Audience
    from heliograph.core.model.breaker import Breaker
    from heliograph.core.model.channel import Channel, ChannelPlace, ChannelStorage
    from heliograph.core.model.delivery import FirstPage, Reservation, Shard, Target
    from heliograph.core.model.notification import Content, Notification, Options
    from heliograph.core.model.outcome import Outcome
    from heliograph.core.model.registration import Environment, ProviderName
    from heliograph.core.turns import Room


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

    async def claim(self, room: Room) -> Sequence[tuple[Shard, Notification]]:
        """Take shards that are due now, as many as there is room for; empty if there are none."""
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
        """Give shards back, to be claimed by anyone in their turn."""
        ...

    async def hold(
        self, shard: Shard, *, until: datetime, breakers: Sequence[Breaker] = ()
    ) -> None:
        """Give a shard back that is not due before `until`, and write why."""
        ...


class SmallSends(Protocol):
    """Places of this process's worker for small sends that are being accepted."""

    def reserve(self, audience: Audience) -> Reservation | None:
        """Keep a place; None where there is none."""
        ...

    def begin(
        self, reservation: Reservation, notification: Notification, first: FirstPage | None
    ) -> None:
        """Have a send begin in its place; without a page give the place back."""
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


@dataclass(frozen=True, slots=True)
class Preview:
    """One message as its provider would get it, were it sent now.

    host: with its port where it is not the scheme's own. headers: by
    lower-case names; a secret stands as "…". size_bytes: of what counts
    against `limit_bytes`, the provider's limit for such a message.
    problem: why it would not be sent; None if it would be.
    """

    method: str
    host: str
    path: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    size_bytes: int
    limit_bytes: int
    problem: str | None = None


class Previewer(Protocol):
    """Says what it would send, without sending it."""

    def preview(self, batch: Batch) -> Sequence[Preview]:
        """Render without sending; one preview per target, in their order. Never raises."""
        ...


class Provider(Protocol):
    """Carries messages out. Never retries, sleeps, deletes, counts or stores."""

    name: ProviderName

    async def send(self, batch: Batch, *, now: datetime) -> Sequence[Outcome]:
        """Render and send; one outcome per target, in their order. Never raises."""
        ...

    def preview(self, batch: Batch) -> Sequence[Preview]:
        """Render without sending; one preview per target, in their order. Never raises."""
        ...

    async def refresh(self, credential: ProviderCredential) -> None:
        """Forget what was minted for a credential, within the provider's limits."""
        ...

    async def close(self) -> None: ...


class TopicService(Protocol):
    """Subscribes devices to a provider's own topics: groups that the provider sends to itself."""

    def check_topic(self, topic: str) -> None:
        """Refuse what can't be a topic there; raises InvalidRequest."""
        ...

    async def change_topic(
        self,
        credential: ProviderCredential,
        topic: str,
        tokens: Sequence[str],
        *,
        subscribe: bool,
        now: datetime,
    ) -> Sequence[Outcome]:
        """Subscribe tokens or end that; one outcome per token, in their order. Never raises."""
        ...

    async def refresh(self, credential: ProviderCredential) -> None:
        """Forget what was minted for a credential, within the provider's limits."""
        ...


class ChannelCarrier(Protocol):
    """Keeps broadcast channels, at the provider.

    Every method raises Conflict for what the provider refuses, a credential
    included; RateLimited; Unavailable.
    """

    async def create(
        self, credential: ProviderCredential, place: ChannelPlace, storage: ChannelStorage
    ) -> Channel:
        """Make a channel."""
        ...

    async def get(
        self, credential: ProviderCredential, place: ChannelPlace, channel_id: str
    ) -> Channel:
        """Read a channel; raises NotFound."""
        ...

    async def all_of(self, credential: ProviderCredential, place: ChannelPlace) -> Sequence[str]:
        """List the ids of an app's channels."""
        ...

    async def delete(
        self, credential: ProviderCredential, place: ChannelPlace, channel_id: str
    ) -> None:
        """Delete a channel for good; raises NotFound."""
        ...


class CredentialCheck(Protocol):
    """Says whether a provider could do anything with a credential."""

    def __call__(self, secret: Secret, environment: Environment, *, now: datetime) -> None:
        """Let a credential pass; raises InvalidRequest naming every problem."""
        ...


class AddressCheck(Protocol):
    """Says whether a provider could reach what a registration names."""

    def __call__(self, token: str, attributes: Mapping[str, Any]) -> Sequence[Problem]:
        """Name every problem, by `token` or by `attributes` and the key; none if it could."""
        ...


class TargetCheck(Protocol):
    """Says whether a provider could reach a bare address."""

    def __call__(self, address: Address) -> str | None:
        """Complete "must be …" for an address that it never could; None if it might."""
        ...


class ContentCheck(Protocol):
    """Says whether a provider could take what a notification says in its own words."""

    def __call__(self, content: Content, options: Options, *, starts_at: datetime) -> str | None:
        """Say what is wrong with its overrides, whoever they are for; None if nothing is.

        Not asked of templates: what they come to is known for each recipient.
        """
        ...


class ProviderPace(Protocol):
    """How fast a provider wants to be sent to by one credential; each change makes a new one.

    Seconds are of the monotonic clock.
    """

    def per_second(self, now_s: float) -> float:
        """Say how many messages may leave in a second; 0 while it asked for a pause."""
        ...

    def sent(self, now_s: float) -> ProviderPace:
        """Note that something is sent now."""
        ...

    def throttled(self, now_s: float, pause_s: float) -> ProviderPace:
        """Note that all we send is throttled."""
        ...


class TemplateRefused(Exception):
    """A text that is no template, or can't be filled in. Its own text completes "must be …"."""


class Template(Protocol):
    """A text with places to fill in."""

    def render(self, variables: Mapping[str, str]) -> str:
        """Fill it in, within the limits of a render; raises TemplateRefused."""
        ...


class Templates(Protocol):
    """Reads message templates. What it needs for long texts and long loops, it refuses."""

    def compile(self, text: str) -> Template:
        """Read a template; raises TemplateRefused."""
        ...


class Sealer(Protocol):
    """Encrypts what must not be readable from the database alone."""

    def seal(self, plain: bytes, context: bytes) -> bytes:
        """Encrypt; `context` must be the same to open it again."""
        ...

    def unseal(self, sealed: bytes, context: bytes) -> bytes:
        """Decrypt; raises ValueError for a wrong key, context or text."""
        ...


class PasswordHasher(Protocol):
    """Hashes passwords slowly, off the event loop."""

    async def hash(self, password: str) -> str:
        """Hash a password with a salt of its own; raises RateLimited while too many wait."""
        ...

    async def is_right(self, password: str, known: str | None) -> bool:
        """Compare a password with a hash; None for one that nothing fits, in the same time.

        Raises RateLimited while too many wait.
        """
        ...

    def is_outdated(self, known: str) -> bool:
        """Say whether a hash was made with other parameters than today's."""
        ...


class RateCounters(Protocol):
    """Counts what happens in windows of time, in this process."""

    def count(self, key: str, *, limit: int, period_s: int) -> float:
        """Count one; 0, or past the limit the seconds until its window ends."""
        ...

    def clear(self, key: str, *, limit: int, period_s: int) -> None:
        """Forget what was counted."""
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
