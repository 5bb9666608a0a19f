"""Navixy's door alone, over use cases that note what they are asked."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest
from tests.asgi_client import Answer, call

from heliograph.config import Config, Door, Limits
from heliograph.core.errors import NotAuthenticated
from heliograph.core.identity.rates import Rates
from heliograph.core.ids import Id
from heliograph.core.model.application import Application
from heliograph.core.model.identity import Session, SessionForm, SessionPrincipal
from heliograph.core.registrations.registrations import Registrations
from heliograph.dialects.navixy import DIALECT
from heliograph.security.rate_counters import MemoryCounters
from heliograph.web.application import Application as WebApplication
from heliograph.web.door import doors_of

if TYPE_CHECKING:
    from tests.conftest import FakeClock

    from heliograph.core.model.registration import Draft, Owner, Slot

NOW = datetime(2026, 1, 1, tzinfo=UTC)
HASH = "22eac1c27af4be7b9d04da2ce1af111b"
BIND = "/user/session/push_token/bind"
DELETE = "/user/session/push_token/delete"
BODY = {"hash": HASH, "application": "navixy_android_viewer", "token": "f4be7b9d"}
LIMIT_BYTES = 8192

SESSION = Session(
    id=Id(b"s" * 16),
    account_id=Id(b"a" * 16),
    application_id=Id(b"p" * 16),
    user_id=Id(b"u" * 16),
    member_id=Id(b"m" * 16),
    form=SessionForm.NAVIXY,
    created=NOW,
    expires_at=NOW + timedelta(days=30),
    external_user_id="ann",
)
PRINCIPAL = SessionPrincipal(SESSION)


class OneSession:
    async def session(self, token: str, form: SessionForm) -> SessionPrincipal:
        if (token, form) != (HASH, SessionForm.NAVIXY):
            raise NotAuthenticated
        return PRINCIPAL


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
    ) -> Draft | None:
        if self.failure is not None:
            raise self.failure
        self.emptied.append((application_id, slot, owner))
        return self.drafts.pop() if self.drafts else None


class NavixyDoor:
    """Navixy's routes as a caller meets them, at the root or beneath a prefix."""

    def __init__(self, clock: FakeClock, prefix: str = "") -> None:
        self.registry = NotingRegistry()
        self.core: Any = SimpleNamespace(
            applications=OneApplication(),
            identity=OneSession(),
            rates=Rates(MemoryCounters(clock.monotonic), Limits()),
            registrations=Registrations(cast("Any", self.registry), clock),
            clock=clock,
        )
        places = (Door(dialect="navixy", prefix=prefix),)
        config = Config(limits=Limits(body_bytes=LIMIT_BYTES), doors=places)
        self.application = WebApplication(self.core, doors_of(config, [DIALECT]), config)

    async def call(self, method: str, path: str, body: Any = b"", **headers: str) -> Answer:
        """Call it. body: bytes, chunks, or else a document to send as JSON."""
        is_raw = isinstance(body, bytes | list)
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        return await call(
            self.application,
            method,
            path,
            headers=sent if is_raw else {"content-type": "application/json"} | sent,
            body=body if is_raw else json.dumps(body).encode(),
        )


def outcome(answer: Answer) -> tuple[int, int]:
    """An error's status and code; (200, 0) for success."""
    body = answer.json()
    return answer.status, 0 if body["success"] else body["status"]["code"]


@pytest.fixture
def door(clock: FakeClock) -> NavixyDoor:
    return NavixyDoor(clock)
