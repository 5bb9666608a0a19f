"""Sends one page: picks each target's credential and calls its provider.

Two things are repeated here, once each and within the page: a push whose
short-lived credential was stale, and a push whose token turned out to belong
to Apple's other environment. Every other repetition is a retry, and goes
through the store.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from heliograph.core.model.outcome import (
    Accepted,
    Deferred,
    Misconfigured,
    Outcome,
    RefreshCredential,
    TokenGone,
)
from heliograph.core.model.registration import Environment, ProviderName
from heliograph.core.ports import Batch
from heliograph.delivery.guards import AmbiguityGuard

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from heliograph.core.model.application import Application, ProviderCredential
    from heliograph.core.model.delivery import Target
    from heliograph.core.model.notification import Notification
    from heliograph.core.ports import Provider

Credentials = dict[tuple[ProviderName, Environment], "ProviderCredential"]

_OTHER = {
    Environment.PRODUCTION: Environment.SANDBOX,
    Environment.SANDBOX: Environment.PRODUCTION,
}

WRONG_WORLD = "BadDeviceToken"
"""What APNs says to a token of its other environment. Source: docs/providers/apns.md."""


@dataclass(slots=True)
class Sent:
    """What a page came to. environments: what was learned about registrations."""

    outcomes: list[Outcome]
    environments: list[tuple[bytes, Environment]] = field(default_factory=list)


class Sending:
    """Knows the providers, and which credential each target of a page needs."""

    def __init__(self, providers: Mapping[ProviderName, Provider]) -> None:
        self._providers = providers
        self._guard = AmbiguityGuard()

    async def send(
        self,
        targets: Sequence[Target],
        notification: Notification,
        application: Application,
        credentials: Sequence[ProviderCredential],
        *,
        now: datetime,
    ) -> Sent:
        """Send to every target; one outcome each, in order."""
        known: Credentials = {(c.provider, c.environment): c for c in credentials}
        outcomes: list[Outcome] = [Misconfigured("not sent")] * len(targets)
        sent = Sent(outcomes)
        for key, places in _by_credential(targets, application).items():
            credential = known.get(key)
            provider = self._providers.get(key[0])
            if provider is None or credential is None:
                missing = Misconfigured(f"no {key[0]} credential for {key[1]}")
                for place in places:
                    outcomes[place] = missing
                continue
            batch = Batch(
                credential=credential,
                notification_id=notification.id,
                content=notification.content,
                options=notification.options,
                expires_at=notification.expires_at,
                default_bundle_id=application.defaults.bundle_id,
                targets=[targets[place] for place in places],
            )
            answers = await _send_with_refresh(provider, batch, now)
            other = known.get((key[0], _OTHER[key[1]]))
            if other is not None:
                await _try_other_world(provider, batch, other, answers, sent=sent, now=now)
            for place, outcome in zip(
                places, self._guard.check(credential.id, answers), strict=True
            ):
                outcomes[place] = outcome
        return sent


async def _send_with_refresh(provider: Provider, batch: Batch, now: datetime) -> list[Outcome]:
    """Send, and repeat once what a fresh credential may cure."""
    outcomes = list(await provider.send(batch, now=now))
    stale = [place for place, o in enumerate(outcomes) if isinstance(o, RefreshCredential)]
    if stale:
        await provider.refresh(batch.credential)
        again = await provider.send(_part(batch, stale), now=now)
        for place, outcome in zip(stale, again, strict=True):
            if isinstance(outcome, RefreshCredential):
                outcomes[place] = Misconfigured(outcome.reason)
            else:
                outcomes[place] = outcome
    return outcomes


async def _try_other_world(
    provider: Provider,
    batch: Batch,
    other: ProviderCredential,
    outcomes: list[Outcome],
    *,
    sent: Sent,
    now: datetime,
) -> None:
    """Try targets of unknown environment in the other one, and note which worked."""
    lost = [
        place
        for place, (target, outcome) in enumerate(zip(batch.targets, outcomes, strict=True))
        if target.environment is None
        and isinstance(outcome, TokenGone)
        and outcome.reason == WRONG_WORLD
    ]
    if not lost:
        return
    again = await _send_with_refresh(provider, _part(batch, lost, other), now)
    for place, outcome in zip(lost, again, strict=True):
        # Only a success tells the worlds apart. Where the other one could not
        # be asked, nobody knows yet that the token is dead.
        if isinstance(outcome, (Accepted, Deferred, Misconfigured)):
            outcomes[place] = outcome
        target = batch.targets[place]
        if isinstance(outcome, Accepted) and target.is_registered:
            sent.environments.append((target.id, other.environment))


def _part(
    batch: Batch, places: Sequence[int], credential: ProviderCredential | None = None
) -> Batch:
    return Batch(
        credential=credential or batch.credential,
        notification_id=batch.notification_id,
        content=batch.content,
        options=batch.options,
        expires_at=batch.expires_at,
        default_bundle_id=batch.default_bundle_id,
        targets=[batch.targets[place] for place in places],
    )


def _by_credential(
    targets: Sequence[Target], application: Application
) -> dict[tuple[ProviderName, Environment], list[int]]:
    """Group a page's places by the credential they need, in scan order.

    Only APNs has two environments; elsewhere every credential is production.
    """
    groups: dict[tuple[ProviderName, Environment], list[int]] = {}
    for place, target in enumerate(targets):
        environment = Environment.PRODUCTION
        if target.provider is ProviderName.APNS:
            environment = target.environment or application.defaults.environment
        groups.setdefault((target.provider, environment), []).append(place)
    return groups
