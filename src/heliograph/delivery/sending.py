"""Sends one page: picks each target's credential and calls its provider.

Two things are repeated here, once each and within the page: a push whose
short-lived credential was stale, and a push whose token turned out to belong
to Apple's other environment. Every other repetition is a retry, and goes
through the store.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple

from heliograph.core.model.outcome import (
    ACCEPTED,
    Accepted,
    Deferred,
    Misconfigured,
    Outcome,
    RefreshCredential,
    Rejected,
    TokenGone,
)
from heliograph.core.model.registration import Environment, ProviderName
from heliograph.core.notifications.identified import identified
from heliograph.core.ports import Batch

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from heliograph.core.model.application import Application, ProviderCredential
    from heliograph.core.model.delivery import Target
    from heliograph.core.model.notification import Content, Notification
    from heliograph.core.ports import Provider
    from heliograph.delivery.unsent import Unsent
from heliograph.delivery.variants import by_content

Key = tuple[ProviderName, Environment]
Credentials = dict[Key, "ProviderCredential"]

_OTHER = {
    Environment.PRODUCTION: Environment.SANDBOX,
    Environment.SANDBOX: Environment.PRODUCTION,
}

WRONG_WORLD = "BadDeviceToken"
"""What APNs says to a token of its other environment. Source: docs/providers/apns.md."""

VARIANTS_AT_ONCE: Final = 250
"""Variants of a page that are on their way together."""

_NOT_SENT = Misconfigured("not sent")


@dataclass(slots=True)
class Answers:
    """What one credential's part of a page came to. places: of its targets in the page."""

    key: Key
    credential: ProviderCredential
    places: list[int]
    outcomes: list[Outcome]


@dataclass(slots=True)
class Sent:
    """What a page came to. environments: what was learned about registrations.

    answers: the same outcomes by credential, as the providers gave them.
    """

    outcomes: list[Outcome | Unsent]
    environments: list[tuple[bytes, bytes, Environment]] = field(default_factory=list)
    answers: list[Answers] = field(default_factory=list)


class Sending:
    """Knows the providers, and sends each target by the credential that it needs."""

    def __init__(self, providers: Mapping[ProviderName, Provider]) -> None:
        self._providers = providers

    def has(self, provider: ProviderName) -> bool:
        """Say whether there is such a provider here."""
        return provider in self._providers

    async def send(
        self,
        targets: Sequence[Target],
        notification: Notification,
        application: Application,
        credentials: Sequence[ProviderCredential],
        *,
        held: Mapping[Key, Unsent] = MappingProxyType({}),
        contents: Sequence[Content | Rejected] | None = None,
        now: datetime,
    ) -> Sent:
        """Send to every target; one outcome each, in order.

        held: credentials not to use. contents: what each target is sent, or
        why nothing is; None: all are sent the notification's own.
        """
        known: Credentials = {(c.provider, c.environment): c for c in credentials}
        content = identified(notification.content, notification.options, notification.id)
        outcomes: list[Outcome | Unsent] = [_NOT_SENT] * len(targets)
        sent = Sent(outcomes)
        sends = []
        for key, places in by_credential(targets, application).items():
            credential = known.get(key)
            provider = self._providers.get(key[0])
            if key in held:
                for place in places:
                    outcomes[place] = held[key]
                continue
            if provider is None or credential is None:
                missing = Misconfigured(missing_credential(key))
                for place in places:
                    outcomes[place] = missing
                continue
            batch = Batch(
                credential=credential,
                notification_id=notification.id,
                content=content,
                options=notification.options,
                expires_at=notification.expires_at,
                default_bundle_id=application.defaults.bundle_id,
                targets=[targets[place] for place in places],
            )
            other_key = (key[0], _OTHER[key[1]])
            other = None if other_key in held else known.get(other_key)
            answers = Answers(key, credential, places, [])
            sent.answers.append(answers)
            if contents is None:
                sends.append(_send_part(provider, batch, other, answers, sent, now))
            else:
                parts = _Parts(provider, batch, other, answers, sent, now)
                sends.append(_send_variants(parts, contents, targets))
        if len(sends) == 1:
            await sends[0]
        elif sends:
            # Together: one provider that is slow must not keep the others waiting.
            async with asyncio.TaskGroup() as together:
                for part in sends:
                    together.create_task(part)
        return sent


def missing_credential(key: Key) -> str:
    """Say in words that there is nothing to send by."""
    return f"no {key[0]} credential for {key[1]}"


async def _send_part(
    provider: Provider,
    batch: Batch,
    other: ProviderCredential | None,
    answers: Answers,
    sent: Sent,
    now: datetime,
) -> None:
    outcomes = await _send_with_refresh(provider, batch, now)
    if other is not None:
        await _try_other_world(provider, batch, other, outcomes, sent=sent, now=now)
    answers.outcomes = outcomes
    for place, outcome in zip(answers.places, outcomes, strict=True):
        sent.outcomes[place] = outcome


class _Parts(NamedTuple):
    """What all variants of one credential's part of a page have in common."""

    provider: Provider
    batch: Batch
    other: ProviderCredential | None
    answers: Answers
    sent: Sent
    now: datetime


async def _send_variants(
    parts: _Parts, contents: Sequence[Content | Rejected], targets: Sequence[Target]
) -> None:
    """Send each variant to its targets; the answers are those of all together."""
    provider, batch, other, answers, sent, now = parts
    variants: list[tuple[Batch, Answers]] = []
    for content, places in by_content(contents, answers.places):
        if isinstance(content, Rejected):
            for place in places:
                sent.outcomes[place] = content
            continue
        part = replace(
            batch,
            content=identified(content, batch.options, batch.notification_id),
            targets=[targets[place] for place in places],
        )
        variants.append((part, replace(answers, places=places)))
    for start in range(0, len(variants), VARIANTS_AT_ONCE):
        async with asyncio.TaskGroup() as together:
            for part, own in variants[start : start + VARIANTS_AT_ONCE]:
                together.create_task(_send_part(provider, part, other, own, sent, now))
    answers.places = [place for _, own in variants for place in own.places]
    answers.outcomes = [outcome for _, own in variants for outcome in own.outcomes]


async def _send_with_refresh(provider: Provider, batch: Batch, now: datetime) -> list[Outcome]:
    """Send, and repeat once what a fresh credential may cure."""
    outcomes = list(await provider.send(batch, now=now))
    if outcomes.count(ACCEPTED) == len(outcomes):
        return outcomes
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
    if outcomes.count(ACCEPTED) == len(outcomes):
        return
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
            sent.environments.append((target.id, target.token_hash, other.environment))


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


def by_credential(targets: Sequence[Target], application: Application) -> dict[Key, list[int]]:
    """Group a page's places by the credential they need, in scan order.

    Only APNs has two environments; elsewhere every credential is production.
    """
    groups: dict[Key, list[int]] = {}
    # By what the rows say themselves: nearly all of a page says the same.
    known: dict[tuple[ProviderName, Environment | None], list[int]] = {}
    for place, target in enumerate(targets):
        said = target[3:5]
        places = known.get(said)
        if places is None:
            environment = Environment.PRODUCTION
            if target.provider is ProviderName.APNS:
                environment = target.environment or application.defaults.environment
            known[said] = places = groups.setdefault((target.provider, environment), [])
        places.append(place)
    return groups
