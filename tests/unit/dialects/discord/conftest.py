"""Discord's door alone, over use cases that note what they are asked."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest
from tests.asgi_client import Answer, call

from heliograph import config as settings
from heliograph.config import Limits
from heliograph.core.errors import NotAuthenticated
from heliograph.core.identity.rates import Rates
from heliograph.core.ids import Id
from heliograph.core.model.application import Application
from heliograph.core.model.identity import Session, SessionForm, SessionPrincipal
from heliograph.core.model.registration import MemberKey
from heliograph.core.registrations.registrations import Registrations
from heliograph.dialects.discord import DIALECT
from heliograph.security.rate_counters import MemoryCounters
from heliograph.security.sealing import KeyRing
from heliograph.security.signing import HmacSigner
from heliograph.web.application import Application as WebApplication
from heliograph.web.door import doors_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.conftest import FakeClock

    from heliograph.core.model.registration import Draft, Owner, Slot

NOW = datetime(2026, 1, 1, tzinfo=UTC)
TOKEN = "bG9naW4.token.of-ann"
DEVICES = "/api/v9/users/@me/devices"

SESSION = Session(
    id=Id(b"s" * 16),
    account_id=Id(b"a" * 16),
    application_id=Id(b"p" * 16),
    user_id=Id(bytes.fromhex("019b74d8d000") + b"u" * 10),
    member_id=Id(b"m" * 16),
    form=SessionForm.DISCORD,
    created=NOW,
    expires_at=NOW + timedelta(days=30),
    external_user_id="ann",
)
PRINCIPAL = SessionPrincipal(SESSION)


class OnePerson:
    """One session, of the only user there is."""

    async def session(self, token: str, form: SessionForm) -> SessionPrincipal:
        if (token, form) != (TOKEN, SessionForm.DISCORD):
            raise NotAuthenticated
        return PRINCIPAL

    async def member_of(self, application: Application, user_id: Id) -> MemberKey:
        assert user_id == SESSION.user_id
        return MemberKey(user_id, SESSION.member_id, "ann")


class NothingRevoked:
    async def revocations(self, application_id: Id, user_id: Id) -> int:
        return 0


class OneApplication:
    async def get(self, application_id: Id) -> Application:
        return Application(application_id, SESSION.account_id, "demo", NOW)


class TakenSnowflakes:
    """Every first snowflake is taken; the second attempt's is kept."""

    def __init__(self) -> None:
        self.known: dict[str, Id] = {}

    async def ensure(
        self, kind: str, scope_id: Id, thing_id: Id, make: Callable[[int], str]
    ) -> str:
        value = make(1)
        assert (kind, scope_id) == ("snowflake", SESSION.account_id)
        assert value != make(0)
        self.known[value] = thing_id
        return value

    async def find(self, kind: str, scope_id: Id, value: str) -> Id | None:
        return self.known.get(value)


@dataclass
class NotingRegistry:
    """Notes what is written, in one piece each; raises `failure` where a test sets one."""

    written: list[list[Draft]] = field(default_factory=list)
    exact: list[bool] = field(default_factory=list)
    emptied: list[tuple[Slot, Owner | None, str, str]] = field(default_factory=list)
    failure: Exception | None = None
    is_filled: bool = False
    revoked_meanwhile: set[Id] = field(default_factory=set)

    async def register(self, draft: Draft) -> None:
        await self.synchronize([draft], is_exact=False)

    async def synchronize(self, drafts: Sequence[Draft], *, is_exact: bool) -> Sequence[Any]:
        if self.failure is not None:
            raise self.failure
        self.written.append(list(drafts))
        self.exact.append(is_exact)
        owners = [draft.owner for draft in drafts if isinstance(draft.owner, MemberKey)]
        return [
            SimpleNamespace(member_id=owner.member_id)
            for owner in owners
            if owner.member_id not in self.revoked_meanwhile
        ]

    async def unregister(
        self,
        application_id: Id,
        slot: Slot,
        owner: Owner | None,
        *,
        provider: str,
        token: str,
        now: datetime,
    ) -> object:
        self.emptied.append((slot, owner, provider, token))
        return object() if self.is_filled else None


class Door:
    """Discord's routes as a caller meets them. Headers set to None are not sent."""

    def __init__(self, clock: FakeClock, prefix: str = "") -> None:
        self.registry = NotingRegistry()
        signer = HmacSigner(KeyRing([b"k" * 32]))
        self.core: Any = SimpleNamespace(
            applications=OneApplication(),
            identity=OnePerson(),
            sessions=NothingRevoked(),
            rates=Rates(MemoryCounters(clock.monotonic), Limits()),
            registrations=Registrations(cast("Any", self.registry), clock),
            aliases=TakenSnowflakes(),
            signer=signer,
            clock=clock,
        )
        config = settings.Config(doors=(settings.Door(dialect="discord", prefix=prefix),))
        self.application = WebApplication(self.core, doors_of(config, [DIALECT]), config)

    async def call(self, method: str, path: str, body: Any = b"", **headers: str | None) -> Answer:
        sent = {"authorization": TOKEN, "content-type": "application/json"} | {
            name.replace("_", "-"): value for name, value in headers.items()
        }
        return await call(
            self.application,
            method,
            path,
            headers={name: value for name, value in sent.items() if value is not None},
            body=body if isinstance(body, bytes) else json.dumps(body).encode(),
        )


@pytest.fixture
def door(clock: FakeClock) -> Door:
    return Door(clock)
