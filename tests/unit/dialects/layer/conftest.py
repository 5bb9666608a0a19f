"""Layer's door alone, over use cases that note what they are asked."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest
from tests.asgi_client import Answer, call

from heliograph.config import Config, Limits
from heliograph.core.errors import NotAuthenticated
from heliograph.core.identity.nonces import Nonces
from heliograph.core.ids import Id
from heliograph.core.model.application import Application
from heliograph.core.model.identity import Session, SessionForm, SessionPrincipal
from heliograph.core.registrations.registrations import Registrations
from heliograph.dialects.layer import DIALECT
from heliograph.security.sealing import KeyRing
from heliograph.security.signing import HmacSigner
from heliograph.web.application import Application as WebApplication
from heliograph.web.door import doors_of

if TYPE_CHECKING:
    from tests.conftest import FakeClock

    from heliograph.core.core import Core
    from heliograph.core.model.registration import Draft, Owner, Slot

NOW = datetime(2026, 1, 1, tzinfo=UTC)
TOKEN = "Session-token_1.x"
ACCEPT = "application/vnd.layer+json; version=1.0"
LIMIT_BYTES = 8192

SESSION = Session(
    id=Id(b"s" * 16),
    account_id=Id(b"a" * 16),
    application_id=Id(b"p" * 16),
    user_id=Id(b"u" * 16),
    member_id=Id(b"m" * 16),
    form=SessionForm.LAYER,
    created=NOW,
    expires_at=NOW + timedelta(days=30),
)


class OneSession:
    async def session(self, token: str, form: SessionForm) -> SessionPrincipal:
        if (token, form) != (TOKEN, SessionForm.LAYER):
            raise NotAuthenticated
        return SessionPrincipal(SESSION)


class OneApplication:
    async def get(self, application_id: Id) -> Application:
        return Application(application_id, SESSION.account_id, "demo", NOW)


@dataclass
class NotingRegistry:
    """Notes drafts and emptied slots; raises `failure` where a test sets one."""

    drafts: list[Draft] = field(default_factory=list)
    emptied: list[tuple[Id, Slot, Owner | None]] = field(default_factory=list)
    failure: Exception | None = None

    async def register(self, draft: Draft) -> None:
        if self.failure is not None:
            raise self.failure
        self.drafts.append(draft)

    async def unregister(
        self, application_id: Id, slot: Slot, owner: Owner | None, **_: Any
    ) -> None:
        self.emptied.append((application_id, slot, owner))


class Door:
    """Layer's routes as a caller meets them. Headers set to None are not sent."""

    def __init__(self, clock: FakeClock) -> None:
        self.registry = NotingRegistry()
        signer = HmacSigner(KeyRing([b"k" * 32]))
        # As much of a core as registering a device asks for.
        self.core = cast(
            "Core",
            SimpleNamespace(
                applications=OneApplication(),
                identity=OneSession(),
                registrations=Registrations(cast("Any", self.registry), clock),
                nonces=Nonces(signer, clock),
                clock=clock,
            ),
        )
        config = Config(limits=Limits(body_bytes=LIMIT_BYTES))
        self.application = WebApplication(self.core, doors_of(config, [DIALECT]), config)

    async def call(self, method: str, path: str, body: Any = b"", **headers: str | None) -> Answer:
        sent = {
            "accept": ACCEPT,
            "authorization": f"Layer session-token='{TOKEN}'",
            "content-type": "application/json",
        } | {name.replace("_", "-"): value for name, value in headers.items()}
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
