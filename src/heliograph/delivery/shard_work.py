"""Works on one shard, page by page: read → plan → send → interpret → commit.

A page is committed in one piece, and the next one is read behind it, so that
a cancel, a pause or an unregistration takes effect from there.
"""

from __future__ import annotations

import random
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import structlog

from heliograph.core.errors import NotFound, Unavailable
from heliograph.core.ids import spell
from heliograph.core.model.audience import Recipients
from heliograph.core.model.delivery import Cursor, Dropped, ShardSource
from heliograph.core.model.notification import NotificationState
from heliograph.core.notifications.sender_choice import at_home_in
from heliograph.core.registrations.categories import registration_wants
from heliograph.core.right_of_way import RightOfWay
from heliograph.delivery.addressing import addressable
from heliograph.delivery.consequences import consequences_of
from heliograph.delivery.pace import BURST_S
from heliograph.delivery.passing import Passing, Plan
from heliograph.delivery.resting import without_resting
from heliograph.delivery.sending import Sending, Sent
from heliograph.delivery.unsent import Unsent
from heliograph.delivery.variants import Variants

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from heliograph.config import Delivery as Settings
    from heliograph.core.applications.applications import Applications
    from heliograph.core.applications.credential_shelf import CredentialShelf
    from heliograph.core.model.application import Application, ProviderCredential
    from heliograph.core.model.breaker import Breaker
    from heliograph.core.model.delivery import Page, Shard, Target
    from heliograph.core.model.notification import Notification
    from heliograph.core.model.registration import ProviderName
    from heliograph.core.ports import Clock, Provider, ProviderPace, ShardQueue, Templates
    from heliograph.core.stores.store import ShardLedger
    from heliograph.delivery.budget import Budget
    from heliograph.delivery.patience import Patience

_log = structlog.get_logger("heliograph.delivery")

DATABASE = "database"
"""What `Unavailable` names where waiting helps every shard alike."""

_SENT_IN = (NotificationState.RUNNING, NotificationState.EXPIRED)
_OVER = Unsent("time to live is over", None)
_UNWANTED = "the registration does not want this category"


class ShardWork:
    """Does what a shard asks for, with whatever one worker has."""

    def __init__(
        self,
        queue: ShardQueue,
        ledger: ShardLedger,
        applications: Applications,
        providers: Mapping[ProviderName, Provider],
        paces: Mapping[ProviderName, Callable[[float], ProviderPace]],
        clock: Clock,
        settings: Settings,
        patience: Patience,
        *,
        shelf: CredentialShelf | None = None,
        templates: Templates | None = None,
        way: RightOfWay | None = None,
    ) -> None:
        self._way = way or RightOfWay(clock.monotonic)
        self._queue = queue
        self._ledger = ledger
        self._applications = applications
        self._shelf = shelf
        self._variants = None if templates is None else Variants(templates)
        self._sending = Sending(providers)
        self._passing = Passing(clock, settings, providers.keys(), paces)
        self._clock = clock
        self._settings = settings
        self._patience = patience

    async def run(
        self,
        shard: Shard,
        notification: Notification,
        *,
        holds: Callable[[], bool],
        is_wanted: Callable[[], bool],
        budget: Budget | None,
        first: Page | None = None,
    ) -> datetime | None:
        """Work until the shard ends, is lost or goes back; answer when it is due again, if soon.

        holds: whether the lease still is ours. is_wanted: whether others wait
        for this place, asked after a turn. budget: of small sends. first: the
        page that it begins with, where it was read already.
        """
        cursor, pages = shard.cursor, 0
        while not self._patience.is_over:
            page = first or await self._read(shard, notification, cursor)
            first = None
            if page.state not in _SENT_IN:
                # What was canceled the sweeper ends, with all that waits in its retries.
                break
            plan = await self._within(budget, shard, notification, page, holds)
            if plan is None:
                return None
            cursor = plan.page.cursor
            if plan.wait_until is not None:
                return await self._hold(shard, notification, plan.wait_until, plan.breakers)
            if cursor is None:
                return None
            if plan.rest_until is not None:
                return await self._hold(shard, notification, plan.rest_until)
            pages += 1
            if pages >= self._settings.turn_pages and is_wanted():
                break
        await self._queue.release([shard])
        return None

    async def _within(
        self,
        budget: Budget | None,
        shard: Shard,
        notification: Notification,
        page: Page,
        holds: Callable[[], bool],
    ) -> Plan | None:
        """Do a page once there is a place for its targets; None if it is another's."""
        taken = len(page.targets)
        if budget is not None:
            await budget.take(taken)
        try:
            if not holds():
                # Frozen past its lease: by now another worker sends this page.
                _log.warning("lease_lost", shard=spell("shard", shard.id))
                return None
            plan = await self._page(shard, notification, page)
        finally:
            if budget is not None:
                budget.give(taken)
        if plan is None:
            _log.warning("epoch_lost", shard=spell("shard", shard.id))
        return plan

    async def _page(self, shard: Shard, notification: Notification, page: Page) -> Plan | None:
        """Send a page and commit it; None if the shard has another owner by now."""
        page = _wanted(page, shard.source, notification.options.category)
        await self._give_way(shard)
        began = self._clock.now()
        is_over = page.state is NotificationState.EXPIRED or (
            began >= notification.expires_at
            # Without time to live a push is for now or never, whenever now is.
            and (notification.options.ttl_s > 0 or shard.source is ShardSource.RETRY)
        )
        if not is_over:
            page = without_resting(page, notification, began)
        breakers: list[Breaker] = []
        if is_over or not page.targets:
            plan, sent = Plan(page), Sent([_OVER] * len(page.targets))
        else:
            application = await self._application(shard)
            if application is None:
                plan, sent = Plan(_dropped(page, "application is gone")), Sent([])
            else:
                plan, sent = await self._send(shard, notification, page, application, began)
                if plan.wait_until is not None:
                    return plan
                breakers = self._passing.judge(plan, sent, application, self._clock.now())
        await self._give_way(shard)
        commit = consequences_of(
            plan.page,
            sent.outcomes,
            shard=shard,
            notification=notification,
            environments=sent.environments,
            breakers=breakers,
            began=began,
            now=self._clock.now(),
            max_attempts=self._settings.max_attempts,
            jitter=random.random,
            is_late=is_over and bool(page.targets) and shard.source is not ShardSource.RETRY,
        )
        is_ours = await self._patience.insist(partial(self._ledger.commit_page, commit))
        if is_ours and any(not breaker.is_open for breaker in breakers):
            self._queue.wake()
        return plan if is_ours else None

    async def _send(
        self,
        shard: Shard,
        notification: Notification,
        page: Page,
        application: Application,
        now: datetime,
    ) -> tuple[Plan, Sent]:
        """Send what may go of a page."""
        credentials, lacking = None, ""
        try:
            credentials = await self._credentials(shard, notification)
        except Unavailable as error:
            if error.component == DATABASE:
                raise
            # Waiting for it here would keep other applications' shards waiting too.
            lacking = f"{error.component} is not at hand"
        if credentials is not None and isinstance(notification.audience, Recipients):
            application = at_home_in(application, credentials)
            page = addressable(page, application, credentials)
        plan = self._passing.plan(
            page, shard, notification, application, credentials, lacking=lacking, now=now
        )
        if plan.wait_until is not None:
            is_own_pace = plan.rest_until is not None and notification.options.max_per_second
            if notification.expires_at > now or is_own_pace:
                return plan, Sent([])
            # For now or never, and it can't be now. Whoever asks for a pace means to wait for it.
            plan.wait_until = None
            reason = next((held.reason for held in plan.held.values()), "ahead of its pace")
            return plan, Sent([Unsent(reason, None)] * len(plan.page.targets))
        contents = None
        if notification.content.is_template and self._variants is not None:
            contents = await self._variants.of(notification.content, plan.page)
        sent = await self._sending.send(
            plan.page.targets,
            notification,
            application,
            credentials or (),
            held=plan.held,
            contents=contents,
            now=now,
        )
        return plan, sent

    async def _credentials(
        self, shard: Shard, notification: Notification
    ) -> tuple[ProviderCredential, ...]:
        if self._shelf is not None:
            return await self._shelf.sent_by(shard.application_id, notification.options)
        return await self._applications.credentials_of(shard.application_id)

    async def _application(self, shard: Shard) -> Application | None:
        try:
            return await self._applications.get(shard.application_id)
        except NotFound:
            return None

    async def _read(self, shard: Shard, notification: Notification, cursor: Cursor | None) -> Page:
        limit = self._settings.page_size
        pace = notification.options.max_per_second
        if pace is not None:
            limit = min(limit, max(1, int(pace * BURST_S)))
        await self._give_way(shard)
        read = partial(self._ledger.read_page, limit=limit)
        return await self._patience.insist(
            lambda: read(shard, notification, cursor, now=self._clock.now())
        )

    async def _give_way(self, shard: Shard) -> None:
        """Let small sends go first, unless this is one."""
        if not shard.is_small:
            await self._way.turn()

    async def _hold(
        self,
        shard: Shard,
        notification: Notification,
        until: datetime,
        breakers: Sequence[Breaker] = (),
    ) -> datetime:
        """Give the shard back until its deliveries may go, or their time is over."""
        if notification.options.ttl_s > 0:
            until = min(until, notification.expires_at)
        await self._patience.insist(
            partial(self._queue.hold, shard, until=until, breakers=breakers)
        )
        return until


def _wanted(page: Page, source: ShardSource, category: str | None) -> Page:
    """Leave out who does not want this kind of notification."""
    if category is None:
        return page
    wanting: list[Target] = []
    unwanting: list[Target] = []
    for target in page.targets:
        wants = registration_wants(target.attributes, category)
        (wanting if wants else unwanting).append(target)
    if not unwanting:
        return page
    page = replace(page, targets=wanting)
    if source is not ShardSource.RETRY:
        return page
    # Those have a record already, which has to come to an end.
    places = [
        Dropped(Cursor(t.bucket, t.recipient, t.id), t.attempts, _UNWANTED) for t in unwanting
    ]
    return replace(page, dropped=sorted([*page.dropped, *places]))


def _dropped(page: Page, reason: str) -> Page:
    """Send none of a page."""
    places = [
        Dropped(Cursor(t.bucket, t.recipient, t.id), t.attempts, reason) for t in page.targets
    ]
    return replace(page, targets=(), dropped=sorted([*page.dropped, *places]))
