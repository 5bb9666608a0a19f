"""A provider that answers as told, and what the engine hands to it."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from heliograph.core.clock import to_ms
from heliograph.core.ids import new_id
from heliograph.core.model.application import (
    ApnsCredential,
    Application,
    Defaults,
    ProviderCredential,
)
from heliograph.core.model.audience import Everyone
from heliograph.core.model.delivery import Cursor, Shard, ShardSource, Target
from heliograph.core.model.notification import (
    Content,
    Notification,
    NotificationState,
    Options,
)
from heliograph.core.model.outcome import ACCEPTED, Outcome
from heliograph.core.model.registration import Environment, ProviderName, token_hash

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from heliograph.core.ports import Batch

NOW = datetime(2026, 1, 1, tzinfo=UTC)
APPLICATION = Application(
    new_id(NOW), new_id(NOW), "demo", NOW, Defaults("com.example", Environment.PRODUCTION)
)
PRODUCTION, SANDBOX = Environment.PRODUCTION, Environment.SANDBOX


def credential(
    provider: ProviderName = ProviderName.FCM, environment: Environment = PRODUCTION
) -> ProviderCredential:
    """A credential of the application; what is in it matters to real providers only."""
    secret = ApnsCredential("KEY1234567", "TEAM123456", "pem")
    return ProviderCredential(new_id(NOW), APPLICATION.id, provider, environment, secret)


def notification(**fields: Any) -> Notification:
    """A broadcast that started now."""
    given: dict[str, Any] = {
        "id": new_id(NOW),
        "application_id": APPLICATION.id,
        "audience": Everyone(),
        "content": Content(body="hello"),
        "options": Options(ttl_s=3600),
        "state": NotificationState.RUNNING,
        "created": NOW,
        "started_at": NOW,
    }
    return Notification(**given | fields)


def shard(source: ShardSource = ShardSource.QUERY, cursor: Cursor | None = None) -> Shard:
    """A shard of every bucket."""
    return Shard(new_id(NOW), new_id(NOW), APPLICATION.id, source, 0, 255, 1, cursor)


def target(token: str = "T", **fields: Any) -> Target:
    """A phone that registered a week ago."""
    raw = hashlib.sha256(token.encode()).digest()[:16]
    provider = fields.get("provider", ProviderName.FCM)
    made = Target(
        id=raw,
        bucket=raw[-1],
        recipient=0,
        provider=ProviderName.FCM,
        environment=None,
        token=token,
        token_hash=token_hash(provider, token),
        attributes="{}",
        refreshed_ms=to_ms(NOW - timedelta(days=7)),
        attempts=0,
        is_registered=True,
    )
    return made._replace(**fields)


class ScriptedProvider:
    """Answers each token with its script's next outcome, the last one for ever after."""

    def __init__(
        self, name: ProviderName = ProviderName.FCM, *, otherwise: Outcome = ACCEPTED
    ) -> None:
        self.name = name
        self.otherwise = otherwise
        self.batches: list[Batch] = []
        self.refreshed: list[ProviderCredential] = []
        self.closed = 0
        self.received: Counter[str] = Counter()
        self.before_send: Callable[[Batch], Awaitable[None]] | None = None
        self._scripts: dict[tuple[str, Environment | None], list[Outcome]] = {}

    def script(
        self, token: str, *outcomes: Outcome, environment: Environment | None = None
    ) -> None:
        """Say what a token is answered; with an environment, only by that one's credential."""
        self._scripts[token, environment] = list(outcomes)

    async def send(self, batch: Batch, *, now: datetime) -> Sequence[Outcome]:
        self.batches.append(replace(batch, targets=tuple(batch.targets)))
        if self.before_send is not None:
            await self.before_send(batch)
        outcomes = [self._answer(each.token, batch) for each in batch.targets]
        for each, outcome in zip(batch.targets, outcomes, strict=True):
            self.received[each.token] += outcome is ACCEPTED
        return outcomes

    async def refresh(self, credential: ProviderCredential) -> None:
        self.refreshed.append(credential)

    async def close(self) -> None:
        self.closed += 1

    @property
    def tokens(self) -> list[list[str]]:
        """The tokens of every batch."""
        return [[each.token for each in batch.targets] for batch in self.batches]

    def _answer(self, token: str, batch: Batch) -> Outcome:
        script = self._scripts.get((token, batch.credential.environment))
        script = script or self._scripts.get((token, None))
        if not script:
            return self.otherwise
        return script.pop(0) if len(script) > 1 else script[0]
