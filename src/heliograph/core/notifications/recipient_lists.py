"""Use cases of notifications that list their recipients: how each of them fared.

Nothing is counted twice or kept beside: all of it is read off the recipients
and the deliveries, so that it is as true after a restart as before.

Source: docs/decisions/0023-recipients.md.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from heliograph.core import access
from heliograph.core.cache import TtlCache
from heliograph.core.errors import InvalidRequest, NotFound
from heliograph.core.ids import Id, spell
from heliograph.core.model.audience import Recipients
from heliograph.core.model.identity import Scope
from heliograph.core.model.notification import NotificationState
from heliograph.core.model.recipient import (
    Place,
    RecipientFilter,
    RecipientReport,
    SendFilter,
    SendReport,
    Tally,
)
from heliograph.core.notifications.recipient_states import counts_of, state_of
from heliograph.core.notifications.templating import FilledContent
from heliograph.core.ports import TemplateRefused

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from heliograph.core.model.application import Application
    from heliograph.core.model.identity import Principal
    from heliograph.core.model.notification import Content, Notification
    from heliograph.core.model.recipient import RecipientRow
    from heliograph.core.ports import Clock, Templates
    from heliograph.core.stores.notifications import RecipientStore

SCANNED = 200
"""Notifications that one step of a list looks at."""

MOST_SCANNED = 20_000
"""Recipients that one request looks at: a rare filter then answers in several, short pages."""

_ENDED = (NotificationState.COMPLETED,)


class RecipientLists:
    """Reports on notifications that list their recipients."""

    def __init__(self, store: RecipientStore, clock: Clock, templates: Templates) -> None:
        self._store = store
        self._templates = templates
        # Of one that is complete nothing changes any more.
        self._tallies: TtlCache[Id, Tally] = TtlCache(clock.monotonic, size=10_000, ttl_s=3600)

    async def sends(
        self,
        principal: Principal,
        applications: Sequence[Application],
        wanted: SendFilter,
        *,
        before: Id | None,
        limit: int,
    ) -> tuple[Sequence[SendReport], Id | None]:
        """List notifications, newest first; second, behind which one the next part begins."""
        ids = _seen(principal, applications)
        found = await self._store.sends(ids, wanted, before=before, limit=limit + 1)
        shown = found[:limit]
        tallies = await self._tallies_of(shown)
        reports = [_send_report(each, tallies.get(each.id, Tally())) for each in shown]
        return reports, shown[-1].id if len(found) > limit else None

    async def send(
        self,
        principal: Principal,
        applications: Sequence[Application],
        notification_id: Id,
        *,
        since: datetime,
    ) -> SendReport:
        """Report on one notification; raises NotFound."""
        ids = _seen(principal, applications)
        wanted = SendFilter(since=since, notification_id=notification_id)
        for each in await self._store.sends(ids, wanted, before=None, limit=1):
            tallies = await self._tallies_of([each])
            return _send_report(each, tallies.get(each.id, Tally()))
        raise NotFound("notification", spell("notification", notification_id))

    async def recipients(
        self,
        principal: Principal,
        applications: Sequence[Application],
        wanted: RecipientFilter,
        *,
        before: Place | None,
        limit: int,
    ) -> tuple[Sequence[RecipientReport], Place | None]:
        """List recipients, newest first; second, behind which one the next part begins.

        A part may be shorter than asked for, and even empty, with more to come.
        """
        ids = _seen(principal, applications)
        found: list[RecipientReport] = []
        scanned = 0
        after_send = None if before is None else before.notification_id
        place = before
        while True:
            # The notification that the last part ended in may have more recipients.
            started = [] if place is None else await self._begun(ids, wanted.send, place)
            sends = started or await self._store.sends(
                ids, wanted.send, before=after_send, limit=SCANNED
            )
            if not sends:
                return found, None
            by_id = {each.id: each for each in sends}
            room = min(MOST_SCANNED - scanned, max(limit + 1, SCANNED))
            rows = await self._store.rows([*by_id], wanted, before=place, limit=room)
            scanned += max(len(rows), len(sends))
            for row in rows:
                report = _report(by_id[row.place.notification_id], row)
                if not _is_wanted(report, wanted):
                    continue
                if len(found) == limit:
                    return found, found[-1].row.place
                found.append(report)
            if len(rows) == room:
                place = rows[-1].place
                after_send = place.notification_id
            else:
                after_send, place = sends[-1].id, None
            if scanned >= MOST_SCANNED:
                return found, place or Place(sends[-1].id, 0)

    async def recipient(
        self,
        principal: Principal,
        applications: Sequence[Application],
        first: Id,
        last: Id,
        ordinal: int,
        *,
        since: datetime,
    ) -> RecipientReport | None:
        """Report on one recipient, with the content that was made for them.

        first, last: between which the notification's id is. None: there is none.
        """
        ids = _seen(principal, applications)
        wanted = SendFilter(since=since)
        for each in await self._store.sends(ids, wanted, before=_above(last), limit=1):
            if each.id < first:
                return None
            row = await self._store.row(each.id, ordinal)
            if row is None:
                return None
            return _report(each, row, self._content_for(each.content, row.variables))
        return None

    async def _begun(
        self, ids: Sequence[Id], wanted: SendFilter, place: Place
    ) -> Sequence[Notification]:
        """Find the notification that a part ended in, if recipients of it are left."""
        if place.ordinal <= 1 or wanted.notification_id not in (None, place.notification_id):
            return []
        this = replace(wanted, notification_id=place.notification_id)
        return await self._store.sends(ids, this, before=None, limit=1)

    async def _tallies_of(self, sends: Sequence[Notification]) -> Mapping[Id, Tally]:
        known = {each.id: self._tallies.get(each.id) for each in sends}
        missing = [each for each, tally in known.items() if tally is None]
        fresh = await self._store.tallies(missing) if missing else {}
        for each in sends:
            if each.id in fresh and each.state in _ENDED:
                self._tallies.put(each.id, fresh[each.id])
        return {each: tally for each, tally in known.items() if tally is not None} | dict(fresh)

    def _content_for(self, content: Content, variables: Mapping[str, str]) -> Content:
        """Render content for a recipient; where that can't be, it is shown as it was given."""
        if not content.is_template:
            return content
        try:
            return FilledContent(self._templates, content).fill_in(variables)
        except (InvalidRequest, TemplateRefused):
            return content


def _seen(principal: Principal, applications: Sequence[Application]) -> list[Id]:
    for application in applications:
        access.require(principal, Scope.NOTIFICATIONS_READ, application)
    return [each.id for each in applications]


def _send_report(notification: Notification, tally: Tally) -> SendReport:
    audience = notification.audience
    total = audience.count if isinstance(audience, Recipients) else 0
    counts = counts_of(notification.state, total, tally)
    return SendReport(notification, counts, _updated(notification, tally.last_at))


def _report(
    notification: Notification, row: RecipientRow, content: Content | None = None
) -> RecipientReport:
    state = state_of(notification.state, row.traces)
    updated = _updated(notification, row.last_at)
    return RecipientReport(notification, row, state, updated, content)


def _updated(notification: Notification, last_at: datetime | None) -> datetime:
    """Say when something last changed; a record's time, where there is one."""
    is_over = notification.state in (NotificationState.CANCELED, NotificationState.EXPIRED)
    ended = notification.completed_at if is_over else None
    known = (last_at, ended, notification.started_at, notification.created)
    return max(each for each in known if each is not None)


def _is_wanted(report: RecipientReport, wanted: RecipientFilter) -> bool:
    if wanted.states is not None and report.state not in wanted.states:
        return False
    row = report.row
    is_tried = row.provider is wanted.provider or wanted.provider in row.providers
    return wanted.provider is None or is_tried


def _above(last: Id) -> Id:
    """Answer the id that follows."""
    return Id((int.from_bytes(last, "big") + 1).to_bytes(len(last), "big"))
