"""What the domain asks of its store, in the domain's words. One adapter: `storage/`.

Every method may raise `Unavailable`; the others it raises are named.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from heliograph.core.ids import Id
    from heliograph.core.model.application import Account, Application
    from heliograph.core.model.breaker import Breaker, BreakerKey
    from heliograph.core.model.delivery import Cursor, Page, PageCommit, Shard
    from heliograph.core.model.identity import ApiClient, Member, Session, SessionForm, User
    from heliograph.core.model.notification import Notification
    from heliograph.core.model.registration import (
        Environment,
        MemberKey,
        ProviderName,
    )
    from heliograph.core.stores.applications import ApplicationStore, SealedCredential
    from heliograph.core.stores.issuers import IssuerStore, MemberStore, NonceStore
    from heliograph.core.stores.logins import LoginStore, SessionStore
    from heliograph.core.stores.notifications import (
        AudienceStore,
        NotificationStore,
        RecipientStore,
    )
    from heliograph.core.stores.people import CredentialStore, PeopleStore
    from heliograph.core.stores.registry import RegistryStore, TagStore
    from heliograph.core.stores.webhooks import ReceiptStore, WebhookStore
    from heliograph.core.turns import Room


class IdentityStore(Protocol):
    """Accounts, applications, API clients, users, sessions, sealed credentials."""

    async def add_account(self, account: Account) -> None: ...
    async def accounts(self) -> Sequence[Account]: ...
    async def add_application(self, application: Application) -> None: ...
    async def application(self, application_id: Id) -> Application | None: ...
    async def applications(self, account_id: Id | None) -> Sequence[Application]: ...
    async def add_client(self, client: ApiClient, secret_hash: bytes) -> None: ...
    async def client(self, client_id: Id) -> ApiClient | None: ...
    async def client_by_secret(self, secret_hash: bytes) -> ApiClient | None: ...
    async def clients(self, account_id: Id | None) -> Sequence[ApiClient]: ...

    async def ensure_member(
        self, account_id: Id, application_id: Id, external_id: str | None, *, now: datetime
    ) -> tuple[User, MemberKey]:
        """Find or make the user and their membership; external_id None makes a new user."""
        ...

    async def user(self, account_id: Id, user_id: Id) -> User | None: ...
    async def member_of_user(
        self, application_id: Id, user_id: Id, *, now: datetime
    ) -> MemberKey | None:
        """Find or make a known user's membership; None for a user who isn't there."""
        ...

    async def members(
        self, account_id: Id, *, member_id: Id | None = None, user_id: Id | None = None
    ) -> Sequence[Member]:
        """List memberships by id or of a user, in an account's applications."""
        ...

    async def users(
        self, account_id: Id | None, *, after: Id | None, limit: int
    ) -> Sequence[User]: ...
    async def add_session(self, session: Session, token_hash: bytes) -> None: ...
    async def session_by_token(self, token_hash: bytes, form: SessionForm) -> Session | None: ...
    async def sessions(
        self, application_id: Id, *, after: Id | None, limit: int
    ) -> Sequence[Session]: ...

    async def ensure_session(self, session: Session, token_hash: bytes) -> Session:
        """Write a session, or let the one that has its token last as long, to the day."""
        ...

    async def change_settings(
        self, application_id: Id, section: str, values: Mapping[str, Any]
    ) -> None: ...

    async def end_session(self, session_id: Id, *, now: datetime) -> bool:
        """Delete a session and every registration that was made through it."""
        ...

    async def put_credential(
        self,
        application_id: Id,
        credential_id: Id,
        provider: ProviderName,
        environment: Environment,
        sealed: bytes,
        *,
        now: datetime,
    ) -> None:
        """Store a sealed provider credential in place of the former one."""
        ...

    async def credentials(self, application_id: Id) -> Sequence[SealedCredential]: ...


@dataclass(frozen=True, slots=True)
class Retained:
    """From when on what is old is kept. Times: aware UTC; None keeps all of a kind.

    idempotency_keys: the instant at which those that are over may go.
    """

    departed: datetime | None
    notifications: datetime | None
    idempotency_keys: datetime | None
    webhook_events: datetime | None = None


class AliasStore(Protocol):
    """Short values for ids, one per kind and scope."""

    async def by_alias(self, kind: str, scope_id: Id, value: str) -> Id | None: ...
    async def alias_of(self, kind: str, scope_id: Id, thing_id: Id) -> str | None: ...
    async def aliases(self, kind: str, scope_id: Id) -> Mapping[Id, str]: ...
    async def add_alias(self, kind: str, scope_id: Id, value: str, thing_id: Id) -> bool:
        """Write an alias; False where the value or the id has one already."""
        ...

    async def move_alias(self, kind: str, scope_id: Id, value: str, thing_id: Id) -> None:
        """Write an alias in place of those that the value and the id have, at once."""
        ...

    async def drop_alias(self, kind: str, scope_id: Id, value: str) -> None: ...


class ShardLedger(Protocol):
    """The shard table: pages out, outcomes in."""

    async def claim(
        self, worker: str, room: Room, *, leased_until: datetime, now: datetime
    ) -> Sequence[tuple[Shard, Notification]]:
        """Take due shards that nobody holds, in fair turns; raises each one's epoch."""
        ...

    async def renew(self, shards: Sequence[Shard], *, leased_until: datetime) -> None: ...
    async def release(self, shards: Sequence[Shard], *, now: datetime) -> None:
        """Give shards back; they queue up behind those that are due already."""
        ...

    async def hold(
        self, shard: Shard, *, until: datetime, breakers: Sequence[Breaker] = ()
    ) -> None:
        """Give a shard back that is not due before `until`, and write why."""
        ...

    async def read_page(
        self,
        shard: Shard,
        notification: Notification,
        cursor: Cursor | None,
        *,
        limit: int,
        now: datetime,
    ) -> Page:
        """Read the targets behind `cursor`; who went silent before `now` is left out."""
        ...

    async def commit_page(self, commit: PageCommit) -> bool:
        """Write what a page came to; False if the shard has another owner by now."""
        ...

    async def sweep(self, *, now: datetime, limit: int) -> int:
        """Turn due deferred deliveries into retry shards; answer how many shards."""
        ...

    async def settle(self, *, now: datetime, limit: int) -> int:
        """End what canceled and overdue notifications left; answer how many rows changed."""
        ...


class BreakerStore(Protocol):
    """What holds deliveries back, for whoever asks and for every node."""

    async def breakers(self, application_id: Id) -> Sequence[Breaker]: ...
    async def close_breaker(self, key: BreakerKey, *, now: datetime) -> Breaker | None:
        """Close a breaker and make what it held due; None if it never opened."""
        ...


class RetentionStore(Protocol):
    """What is forgotten in time."""

    async def forget_old(self, before: Retained, *, limit: int) -> int:
        """Delete up to `limit` rows that are too old, of one kind; answer how many."""
        ...

    async def forget_sessions(
        self, over_before: datetime, *, after: Id | None, limit: int
    ) -> Id | None:
        """Look at up to `limit` sessions by age, after one; delete those that are long over.

        One that a registration names stays, whatever its age. Answers the
        last one looked at; None at the end.
        """
        ...


class Store(Protocol):
    """The whole store."""

    @property
    def registry(self) -> RegistryStore: ...
    @property
    def tags(self) -> TagStore: ...
    @property
    def aliases(self) -> AliasStore: ...
    @property
    def identity(self) -> IdentityStore: ...
    @property
    def applications(self) -> ApplicationStore: ...
    @property
    def logins(self) -> LoginStore: ...
    @property
    def sessions(self) -> SessionStore: ...
    @property
    def credentials(self) -> CredentialStore: ...
    @property
    def people(self) -> PeopleStore: ...
    @property
    def recipients(self) -> RecipientStore: ...
    @property
    def notifications(self) -> NotificationStore: ...
    @property
    def audiences(self) -> AudienceStore: ...
    @property
    def ledger(self) -> ShardLedger: ...
    @property
    def breakers(self) -> BreakerStore: ...
    @property
    def webhooks(self) -> WebhookStore: ...
    @property
    def receipts(self) -> ReceiptStore: ...
    @property
    def issuers(self) -> IssuerStore: ...
    @property
    def nonces(self) -> NonceStore: ...
    @property
    def members(self) -> MemberStore: ...
    @property
    def retention(self) -> RetentionStore: ...

    async def is_ready(self) -> bool:
        """Say whether reads and writes work now."""
        ...

    async def close(self) -> None: ...
