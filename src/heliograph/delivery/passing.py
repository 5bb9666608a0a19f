"""Which targets of a page may go now: what breakers and paces say.

Source: docs/decisions/0014-breaker.md, docs/decisions/0015-lanes.md.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from heliograph.core.model.breaker import BreakerKey
from heliograph.core.model.outcome import ACCEPTED, Deferred
from heliograph.delivery.breaker import PROBE_TARGETS, Passage
from heliograph.delivery.breaker_book import BreakerBook
from heliograph.delivery.cut import first_of
from heliograph.delivery.pace import Paces
from heliograph.delivery.sending import by_credential, missing_credential
from heliograph.delivery.unsent import Unsent

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from datetime import datetime

    from heliograph.config import Delivery as Settings
    from heliograph.core.ids import Id
    from heliograph.core.model.application import Application, ProviderCredential
    from heliograph.core.model.breaker import Breaker
    from heliograph.core.model.delivery import Page, Shard
    from heliograph.core.model.notification import Notification
    from heliograph.core.model.registration import ProviderName
    from heliograph.core.ports import Clock, ProviderPace
    from heliograph.delivery.pace import Bucket
    from heliograph.delivery.sending import Answers, Key, Sent

RECHECK = timedelta(seconds=15)
"""How long a held shard waits at most: another node's news may have been missed."""

HELD_ROWS_S = (5.0, 60.0)
"""How long single deliveries of a page wait that goes without them, spread at random."""

_LONGEST_WAIT_S = 60.0
_MOST_PACES = 4096


@dataclass(slots=True)
class Plan:
    """What of a page goes now.

    page: perhaps only the first part of what was read. held: credentials not
    to send by. breakers: those that changed by looking. wait_until: nothing
    goes before. rest_until: after this page, the next one goes not before.
    """

    page: Page
    held: dict[Key, Unsent] = field(default_factory=dict)
    probes: set[Key] = field(default_factory=set)
    breakers: list[Breaker] = field(default_factory=list)
    wait_until: datetime | None = None
    rest_until: datetime | None = None


class Passing:
    """Plans pages, and learns from what became of them."""

    def __init__(
        self,
        clock: Clock,
        settings: Settings,
        providers: Collection[ProviderName],
        paces: Mapping[ProviderName, Callable[[float], ProviderPace]],
    ) -> None:
        self._clock = clock
        self._settings = settings
        self._providers = providers
        self._new_paces = paces
        self._asked_for = Paces()
        self._of_provider: dict[Id, ProviderPace] = {}
        self.book = BreakerBook(clock)

    def plan(
        self,
        page: Page,
        shard: Shard,
        notification: Notification,
        application: Application,
        credentials: Sequence[ProviderCredential] | None,
        *,
        lacking: str = "",
        now: datetime,
    ) -> Plan:
        """Say what of a page goes now. credentials: None if they can't be used; lacking: why."""
        self.book.learn(page.breakers)
        plan = Plan(page)
        if not page.targets:
            return plan
        known = {(each.provider, each.environment): each for each in credentials or ()}
        groups = by_credential(page.targets, application)
        for key in groups:
            reason = lacking or missing_credential(key)
            credential = known.get(key) if key[0] in self._providers else None
            self._ask(plan, BreakerKey(application.id, *key), key, credential, reason, now)
        if len(plan.held) == len(groups):
            plan.wait_until = now + RECHECK
            for key in groups:
                breaker = self.book.is_held(BreakerKey(application.id, *key))
                if breaker is not None and breaker.probe_at > now:
                    plan.wait_until = min(plan.wait_until, breaker.probe_at)
            return plan
        sending = {key: places for key, places in groups.items() if key not in plan.held}
        count = self._cut_for_probes(plan, sending, len(page.targets))
        count = self._cut_for_pace(plan, sending, count, notification, application, known, now)
        plan.page = first_of(page, count, shard.source)
        return plan

    def judge(
        self, plan: Plan, sent: Sent, application: Application, now: datetime
    ) -> list[Breaker]:
        """Correct outcomes that are not to be believed; answer the breakers that changed."""
        changed = {breaker.key: breaker for breaker in plan.breakers}
        for answers in sent.answers:
            key = BreakerKey(application.id, *answers.key)
            believed, breaker = self.book.judge(
                key,
                answers.credential.id,
                [plan.page.targets[place] for place in answers.places],
                answers.outcomes,
                is_probe=answers.key in plan.probes,
                now=now,
            )
            if breaker is not None:
                changed[key] = breaker
            if believed is not answers.outcomes:
                for place, outcome in zip(answers.places, believed, strict=True):
                    sent.outcomes[place] = outcome
            self._note_pace(answers)
        return list(changed.values())

    def _ask(
        self,
        plan: Plan,
        breaker_key: BreakerKey,
        key: Key,
        credential: ProviderCredential | None,
        reason: str,
        now: datetime,
    ) -> None:
        if credential is None:
            plan.breakers += self.book.open_for_want(breaker_key, reason, now)
            passage = Passage.HELD
        else:
            passage = self.book.ask(breaker_key, credential.id, now)
        if passage is Passage.PROBE:
            plan.probes.add(key)
        if passage is Passage.HELD:
            breaker = self.book.is_held(breaker_key)
            due = now + timedelta(seconds=random.uniform(*HELD_ROWS_S))  # noqa: S311 - jitter
            plan.held[key] = Unsent(breaker.reason if breaker is not None else reason, due)

    def _cut_for_probes(self, plan: Plan, sending: Mapping[Key, Sequence[int]], count: int) -> int:
        """Let a few deliveries through where a breaker wants to see."""
        for key in plan.probes:
            places = sending[key]
            if len(places) > PROBE_TARGETS:
                count = min(count, places[PROBE_TARGETS - 1] + 1)
        return count

    def _cut_for_pace(
        self,
        plan: Plan,
        sending: Mapping[Key, Sequence[int]],
        count: int,
        notification: Notification,
        application: Application,
        known: Mapping[Key, ProviderCredential],
        now: datetime,
    ) -> int:
        """Let as many through as every rate allows; what is over waits in its shard."""
        limited = self._limits_of(sending, notification, application, known)
        if not limited:
            return count
        now_s = self._clock.monotonic()
        is_cut = False
        for bucket, places in limited:
            available = max(0, bucket.available(now_s))
            if sum(place < count for place in places) > available:
                count, is_cut = places[available], True
        for bucket, places in limited:
            bucket.take(sum(place < count for place in places))
        if is_cut:
            wait_s = max(bucket.ready_in_s() for bucket, _ in limited)
            plan.rest_until = now + timedelta(seconds=min(wait_s, _LONGEST_WAIT_S))
        if not count:
            plan.wait_until = plan.rest_until
        return count

    def _limits_of(
        self,
        sending: Mapping[Key, Sequence[int]],
        notification: Notification,
        application: Application,
        known: Mapping[Key, ProviderCredential],
    ) -> list[tuple[Bucket, Sequence[int]]]:
        """List the rates that bind a page, each with the places that it counts."""
        now_s = self._clock.monotonic()
        limits: list[tuple[Bucket, Sequence[int]]] = []
        pace = notification.options.max_per_second
        if pace is not None:
            everything = sorted(place for places in sending.values() for place in places)
            limits.append((self._asked_for.of(notification.id, pace, now_s), everything))
        per_second = self._settings.application_per_second
        for key, places in sending.items():
            if per_second is not None:
                thing = (application.id, key[0])
                limits.append((self._asked_for.of(thing, per_second, now_s), places))
            if key[0] in self._new_paces:
                rate = self._pace_of(known[key], now_s).per_second(now_s)
                limits.append((self._asked_for.of(known[key].id, rate, now_s), places))
        return limits

    def _pace_of(self, credential: ProviderCredential, now_s: float) -> ProviderPace:
        pace = self._of_provider.get(credential.id)
        if pace is None:
            pace = self._new_paces[credential.provider](now_s)
            self._remember(credential.id, pace)
        return pace

    def _note_pace(self, answers: Answers) -> None:
        """Tell a provider's pace what was sent, and what was refused of it."""
        credential = answers.credential
        if credential.provider not in self._new_paces:
            return
        now_s = self._clock.monotonic()
        pace = self._pace_of(credential, now_s).sent(now_s)
        pauses = [
            outcome.retry_after.total_seconds()
            for outcome in answers.outcomes
            if outcome is not ACCEPTED
            and isinstance(outcome, Deferred)
            and outcome.is_ours
            and outcome.retry_after is not None
        ]
        if pauses:
            pace = pace.throttled(now_s, max(pauses))
        self._remember(credential.id, pace)

    def _remember(self, credential_id: Id, pace: ProviderPace) -> None:
        self._of_provider.pop(credential_id, None)
        while len(self._of_provider) >= _MOST_PACES:
            del self._of_provider[next(iter(self._of_provider))]
        self._of_provider[credential_id] = pace
