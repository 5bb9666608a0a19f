"""Use cases of notifications: accept one, stop it and let it go on, say what became of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, assert_never

from heliograph.core import access
from heliograph.core.errors import InvalidRequest, KeyReused, NotFound, WrongState
from heliograph.core.ids import Id, new_id, spell
from heliograph.core.model.audience import (
    Addresses,
    Devices,
    Everyone,
    Recipients,
    Registrations,
    Tags,
    Users,
)
from heliograph.core.model.delivery import Cursor, DeliveryFilter
from heliograph.core.model.identity import Scope
from heliograph.core.model.notification import (
    Content,
    Counters,
    Notification,
    NotificationState,
    Options,
)
from heliograph.core.notifications.checks import problems_of
from heliograph.core.notifications.states import GOALS, Step
from heliograph.core.notifications.templating import simplified
from heliograph.core.stores.notifications import NO_FILTER

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from datetime import datetime

    from heliograph.core.errors import Problem
    from heliograph.core.model.application import Application
    from heliograph.core.model.audience import Audience
    from heliograph.core.model.delivery import Delivery
    from heliograph.core.model.identity import Principal
    from heliograph.core.notifications.idempotency import IdempotencyKey
    from heliograph.core.ports import Clock, SmallSends
    from heliograph.core.stores.notifications import NotificationStore

    Weigh = Callable[[Application, Audience, Content, Options], Awaitable[Sequence[Problem]]]
    Look = Callable[[Audience], Sequence[Problem]]


@dataclass(frozen=True, slots=True)
class NotificationReport:
    """A notification with the state of its deliveries."""

    notification: Notification
    counters: Counters


@dataclass(frozen=True, slots=True)
class DeliveryPage:
    """A part of a list. next_after: where the next part begins; None at the end."""

    items: Sequence[Delivery]
    next_after: Cursor | None


class Notifications:
    """Accepts notifications and reports on them.

    weigh: names what is wrong with one beyond its own form, such as a size that
    no provider would take. look: names addresses that can't be any.
    small_sends: where one may begin at once.
    """

    def __init__(
        self,
        store: NotificationStore,
        clock: Clock,
        on_accepted: Callable[[], None],
        weigh: Weigh | None = None,
        look: Look | None = None,
        small_sends: SmallSends | None = None,
    ) -> None:
        self._store = store
        self._clock = clock
        self._on_accepted = on_accepted
        self._weigh = weigh
        self._look = look
        self._small_sends = small_sends

    async def accept(
        self,
        principal: Principal,
        application: Application,
        audience: Audience,
        content: Content,
        options: Options,
        key: IdempotencyKey | None = None,
        *,
        takes_any_address: bool = False,
    ) -> Notification:
        """Accept a notification; on return it is durable and on its way, or scheduled.

        key: repeating a request with its key answers what it was accepted as
        the first time. takes_any_address: one that can't be is not refused but
        fails by itself, for callers who looked the addresses up. Raises
        InvalidRequest naming every problem, KeyReused, Suspended where the
        application is muted.
        """
        access.require(principal, Scope.NOTIFICATIONS_SEND, application)
        access.require_voice(application)
        now = self._clock.now()
        if key is not None:
            # Before anything is judged anew: what was fine then may be too late by now.
            known = await self._known(application, key, now)
            if known is not None:
                return known
        content = simplified(content)
        problems = await self._problems_of(application, audience, content, options)
        if not takes_any_address and self._look is not None:
            # Of an address that is wrong in itself nothing more is said.
            named = {each.path[:3] for each in problems}
            problems += [each for each in self._look(audience) if each.path[:3] not in named]
        if problems:
            raise InvalidRequest(problems)
        notification = _new(application, without_repeats(audience), content, options, now)
        accepted, has_begun = await self._write(notification, key)
        if accepted is None:
            raise KeyReused("" if key is None else key.value)
        if accepted.state is NotificationState.RUNNING and not has_begun:
            self._on_accepted()
        return accepted

    async def accepted_as(
        self, principal: Principal, application: Application, key: IdempotencyKey
    ) -> Notification | None:
        """Read what a request with this key was accepted as; None for a new one.

        Raises KeyReused, and Suspended as `accept` does.
        """
        access.require(principal, Scope.NOTIFICATIONS_SEND, application)
        access.require_voice(application)
        return await self._known(application, key, self._clock.now())

    async def _known(
        self, application: Application, key: IdempotencyKey, now: datetime
    ) -> Notification | None:
        known = await self._store.remembered(application.id, key.value, now=now)
        if known is None:
            return None
        if known.body_hash != key.body_hash:
            raise KeyReused(key.value)
        return known.notification

    async def _write(
        self, notification: Notification, key: IdempotencyKey | None
    ) -> tuple[Notification | None, bool]:
        """Write a notification; second, whether it has begun already."""
        place = None
        if (
            self._small_sends is not None
            and notification.state is NotificationState.RUNNING
            and notification.options.max_per_second is None
        ):
            place = self._small_sends.reserve(notification.audience)
        if self._small_sends is None or place is None:
            return await self._store.accept(notification, key), False
        accepted, first = notification, None
        try:
            begun = await self._store.accept_and_begin(notification, key, place)
            if begun is None:
                return None, False
            accepted, first = begun
        finally:
            self._small_sends.begin(place, accepted, first)
        return accepted, first is not None

    async def find_problems(
        self,
        principal: Principal,
        application: Application,
        audience: Audience,
        content: Content,
        options: Options,
    ) -> Sequence[Problem]:
        """Name all for which `accept` would refuse a notification, addresses apart.

        Raises Suspended likewise.
        """
        access.require(principal, Scope.NOTIFICATIONS_SEND, application)
        access.require_voice(application)
        return await self._problems_of(application, audience, simplified(content), options)

    async def cancel(
        self, principal: Principal, application: Application, notification_id: Id
    ) -> Notification:
        """End a notification before its time; raises NotFound, WrongState."""
        return await self._take(Step.CANCEL, principal, application, notification_id)

    async def pause(
        self, principal: Principal, application: Application, notification_id: Id
    ) -> Notification:
        """Hold a running notification; raises NotFound, WrongState."""
        return await self._take(Step.PAUSE, principal, application, notification_id)

    async def resume(
        self, principal: Principal, application: Application, notification_id: Id
    ) -> Notification:
        """Let a paused notification go on; raises NotFound, WrongState."""
        resumed = await self._take(Step.RESUME, principal, application, notification_id)
        self._on_accepted()
        return resumed

    async def report(
        self, principal: Principal, application: Application, notification_id: Id
    ) -> NotificationReport:
        """Read a notification and its counters; raises NotFound."""
        notification = await self._get(principal, application, notification_id)
        return NotificationReport(notification, await self._store.counters(notification_id))

    async def recent(
        self, principal: Principal, application: Application, *, before: Id | None, limit: int
    ) -> tuple[Sequence[Notification], Id | None]:
        """List notifications, newest first; second, where the next part begins."""
        access.require(principal, Scope.NOTIFICATIONS_READ, application)
        rows = await self._store.notifications(application.id, before=before, limit=limit + 1)
        return rows[:limit], rows[limit - 1].id if len(rows) > limit else None

    async def deliveries(
        self,
        principal: Principal,
        application: Application,
        notification_id: Id,
        wanted: DeliveryFilter = NO_FILTER,
        *,
        after: Cursor | None,
        limit: int,
    ) -> DeliveryPage:
        """List what happened to each target, or to those that are wanted; raises NotFound."""
        notification = await self._get(principal, application, notification_id)
        rows = await self._store.deliveries(notification, wanted, after=after, limit=limit + 1)
        if len(rows) <= limit:
            return DeliveryPage(rows, None)
        last = rows[limit - 1]
        return DeliveryPage(rows[:limit], Cursor(last.bucket, last.recipient, last.target_id))

    async def _problems_of(
        self, application: Application, audience: Audience, content: Content, options: Options
    ) -> list[Problem]:
        problems = problems_of(audience, content, options, now=self._clock.now())
        is_listed = isinstance(audience, Recipients)
        if self._weigh is not None and (is_listed or not problems):
            problems += await self._weigh(application, audience, content, options)
        return problems

    async def _take(
        self, step: Step, principal: Principal, application: Application, notification_id: Id
    ) -> Notification:
        access.require(principal, Scope.NOTIFICATIONS_SEND, application)
        found = await self._store.step(application.id, notification_id, step, now=self._clock.now())
        spelled = spell("notification", notification_id)
        if found is None:
            raise NotFound("notification", spelled)
        if found.state is not GOALS[step]:
            raise WrongState("notification", spelled, found.state)
        return found

    async def _get(
        self, principal: Principal, application: Application, notification_id: Id
    ) -> Notification:
        access.require(principal, Scope.NOTIFICATIONS_READ, application)
        notification = await self._store.notification(application.id, notification_id)
        if notification is None:
            raise NotFound("notification", spell("notification", notification_id))
        return notification


def without_repeats(audience: Audience) -> Audience:
    """Name each user, tag, registration or address once: one push each, whoever repeats."""
    match audience:
        case Users(names, providers):
            return Users(tuple(dict.fromkeys(names)), providers)
        case Tags(names, providers):
            return Tags(tuple(dict.fromkeys(names)), providers)
        case Devices(names, providers):
            return Devices(tuple(dict.fromkeys(names)), providers)
        case Registrations(ids):
            return Registrations(tuple(dict.fromkeys(ids)))
        case Addresses(addresses):
            once = {(a.provider, a.form, a.token): a for a in addresses}
            return Addresses(tuple(once.values()))
        case Everyone() | Recipients():
            return audience
        case _:
            assert_never(audience)


def _new(
    application: Application,
    audience: Audience,
    content: Content,
    options: Options,
    now: datetime,
) -> Notification:
    """Make a notification that runs, or waits where its time is still to come."""
    is_early = options.send_at is not None and options.send_at > now
    return Notification(
        id=new_id(now),
        application_id=application.id,
        audience=audience,
        content=content,
        options=options,
        state=NotificationState.SCHEDULED if is_early else NotificationState.RUNNING,
        created=now,
        started_at=None if is_early else now,
    )
