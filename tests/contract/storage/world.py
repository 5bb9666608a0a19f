"""One account with one application, and short ways to fill and to inspect it."""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from heliograph.core.ids import Id, new_id
from heliograph.core.model.application import Account, Application
from heliograph.core.model.identity import Session, SessionForm
from heliograph.core.model.registration import (
    Claim,
    Draft,
    MemberKey,
    ProviderName,
    Registration,
    Slot,
    UserKey,
    token_hash,
)
from heliograph.storage.tables.tables import registrations, subscriptions, token_holders
from heliograph.storage.tables.tallies import registration_tallies

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Row, Table
    from tests.conftest import FakeClock

    from heliograph.core.model.registration import Owner
    from heliograph.storage.store import SqlStore


@dataclass
class World:
    """What a test of the store needs to know."""

    store: SqlStore
    clock: FakeClock
    account: Account
    application: Application
    tokens: int = field(default=0)

    @property
    def now(self) -> datetime:
        return self.clock.now()

    def user(self, name: str) -> UserKey:
        return UserKey(self.account.id, name)

    def draft(
        self,
        token: str = "T",
        *,
        device: str | None = None,
        user: str | Owner | None = None,
        session: Session | None = None,
        by_user: bool = False,
        by_token: bool = False,
        by_session: bool = False,
        **rest: Any,
    ) -> Draft:
        """A draft. The slot is the device unless the flags say otherwise."""
        owner = self.user(user) if isinstance(user, str) else user
        if session is not None and owner is None:
            owner = MemberKey(session.user_id, session.member_id, session.external_user_id)
        slot = Slot(
            by_user=by_user,
            by_token=by_token,
            device_id=None if by_session else device,
            session_id=session.id if by_session and session else None,
        )
        values = {"provider": ProviderName.FCM, "origin": "native", "arrived_at": self.now}
        return Draft(
            application_id=self.application.id,
            slot=slot,
            token=token,
            owner=owner,
            session_id=session.id if session else None,
            device_id=device,
            **values | rest,
        )

    async def register(self, token: str = "T", **rest: Any) -> Registration:
        return await self.store.registry.register(self.draft(token, **rest))

    async def register_many(self, count: int, **rest: Any) -> list[Registration]:
        """Devices with tokens of their own, all submitted at once."""
        drafts = [self.draft(f"t{n}", device=f"d{n}", **rest) for n in range(count)]
        return list(await asyncio.gather(*map(self.store.registry.register, drafts)))

    def shared(self, token: str, user: str) -> Draft:
        """The slot of an account that shares its phone with others."""
        return self.draft(token, user=user, by_user=True, by_token=True, claim=Claim.SHARED)

    async def remove(self, registration: Registration) -> Registration | None:
        return await self.store.registry.remove(
            registration.application_id, registration.id, now=self.now
        )

    async def get(self, registration: Registration) -> Registration | None:
        return await self.store.registry.get(registration.application_id, registration.id)

    async def sign_in(self, name: str) -> Session:
        """A session of a user, in the store."""
        user, member = await self.store.identity.ensure_member(
            self.account.id, self.application.id, name, now=self.now
        )
        session = Session(
            id=new_id(self.now),
            account_id=self.account.id,
            application_id=self.application.id,
            user_id=user.id,
            member_id=member.member_id,
            form=SessionForm.NATIVE,
            created=self.now,
            expires_at=self.now + timedelta(days=1),
            external_user_id=name,
        )
        await self.store.identity.add_session(session, hashlib.sha256(session.id).digest())
        return session

    async def rows(self, table: Table) -> Sequence[Row[Any]]:
        """A table as it stands."""
        return await self.store._database.read(
            lambda connection: connection.execute(select(table)).all()
        )

    async def living(self) -> dict[Id, Row[Any]]:
        return {row.id: row for row in await self.rows(registrations)}

    async def holders_of(self, token: str, provider: str = ProviderName.FCM) -> set[bytes]:
        """The registrations that hold a token."""
        digest = token_hash(provider, token)
        return {
            row.registration_id
            for row in await self.rows(token_holders)
            if row.token_hash == digest
        }

    async def tallies(self) -> Counter[tuple[bytes, str]]:
        """How many registrations each application is said to have of each provider."""
        sums: Counter[tuple[bytes, str]] = Counter()
        for row in await self.rows(registration_tallies):
            sums[row.application_id, row.provider] += row.amount
        return sums

    async def check_tallies(self) -> None:
        """Assert that as many registrations are said to be there as there are."""
        rows = await self.rows(registrations)
        assert await self.tallies() == Counter((row.application_id, row.provider) for row in rows)

    async def check(self) -> None:
        """Assert what must hold of the tables at any time."""
        rows = await self.rows(registrations)
        places = [(row.application_id, row.token_hash, row.id) for row in rows]
        holders = [tuple(row) for row in await self.rows(token_holders)]
        assert sorted(holders) == sorted(places)
        assert all(row.bucket == row.id[-1] == row.slot[-1] for row in rows)
        assert len({(row.application_id, row.slot) for row in rows}) == len(rows)
        assert all(row.token_hash == token_hash(row.provider, row.token) for row in rows)
        held = Counter((row.application_id, row.token_hash) for row in rows)
        for row in rows:
            if held[row.application_id, row.token_hash] > 1:
                assert row.claim == Claim.SHARED.value
                assert row.shared
        await self.check_tallies()
        living = {(row.application_id, row.id) for row in rows}
        for row in await self.rows(subscriptions):
            assert (row.application_id, row.registration_id) in living


async def new_world(store: SqlStore, clock: FakeClock) -> World:
    """A new account and application in a store."""
    account = Account(new_id(clock.now()), "an account", clock.now())
    application = Application(new_id(clock.now()), account.id, "an app", clock.now())
    await store.identity.add_account(account)
    await store.identity.add_application(application)
    return World(store, clock, account, application)


async def new_application(world: World) -> World:
    """Another application of the same account."""
    application = Application(new_id(world.now), world.account.id, "another", world.now)
    await world.store.identity.add_application(application)
    return World(world.store, world.clock, world.account, application)
