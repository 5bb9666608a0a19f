"""Use cases of notifications: accept one, say what became of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, assert_never

from heliograph.core import access
from heliograph.core.errors import InvalidRequest, NotFound, Problem, ProblemKind
from heliograph.core.ids import Id, new_id, spell
from heliograph.core.model.audience import Addresses, Everyone, Registrations, Tags, Users
from heliograph.core.model.delivery import Cursor
from heliograph.core.model.identity import Scope
from heliograph.core.model.notification import (
    MAX_TTL_S,
    Content,
    Counters,
    Notification,
    NotificationState,
    Options,
)
from heliograph.core.registrations import check_token
from heliograph.core.tokens import has_control_characters

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from heliograph.core.model.application import Application
    from heliograph.core.model.audience import Audience
    from heliograph.core.model.delivery import Delivery
    from heliograph.core.model.identity import Principal
    from heliograph.core.ports import Clock
    from heliograph.core.store import NotificationStore

MAX_LISTED = 10_000
"""Users, tags, registrations or addresses that one request may name."""

MAX_COLLAPSE_KEY_BYTES = 64
"""APNs' limit for its collapse id. Source: docs/providers/apns.md, "Request"."""


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
    """Accepts notifications and reports on them."""

    def __init__(
        self, store: NotificationStore, clock: Clock, on_accepted: Callable[[], None]
    ) -> None:
        self._store = store
        self._clock = clock
        self._on_accepted = on_accepted

    async def accept(
        self,
        principal: Principal,
        application: Application,
        audience: Audience,
        content: Content,
        options: Options,
    ) -> Notification:
        """Accept a notification; on return it is durable and on its way.

        Raises InvalidRequest naming every problem.
        """
        access.require(principal, Scope.NOTIFICATIONS_SEND, application)
        problems = [*_audience_problems(audience), *_content_problems(content, options)]
        if problems:
            raise InvalidRequest(problems)
        now = self._clock.now()
        notification = Notification(
            id=new_id(now),
            application_id=application.id,
            audience=_without_repeats(audience),
            content=content,
            options=options,
            state=NotificationState.RUNNING,
            created=now,
            started_at=now,
        )
        await self._store.accept(notification)
        self._on_accepted()
        return notification

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
        *,
        after: Cursor | None,
        limit: int,
    ) -> DeliveryPage:
        """List what happened to each target; raises NotFound."""
        await self._get(principal, application, notification_id)
        rows = await self._store.deliveries(notification_id, after=after, limit=limit + 1)
        if len(rows) <= limit:
            return DeliveryPage(rows, None)
        last = rows[limit - 1]
        return DeliveryPage(rows[:limit], Cursor(last.bucket, last.recipient, last.target_id))

    async def _get(
        self, principal: Principal, application: Application, notification_id: Id
    ) -> Notification:
        access.require(principal, Scope.NOTIFICATIONS_READ, application)
        notification = await self._store.notification(application.id, notification_id)
        if notification is None:
            raise NotFound("notification", spell("notification", notification_id))
        return notification


def _audience_problems(audience: Audience) -> list[Problem]:
    match audience:
        case Everyone():
            return []
        case Users(names):
            field, count, problems = "users", len(names), map(_name_problems, names)
        case Tags(names):
            field, count, problems = "tags", len(names), map(_name_problems, names)
        case Registrations(ids):
            field, count, problems = "registrations", len(ids), map(_no_problems, ids)
        case Addresses(addresses):
            tokens = (address.token for address in addresses)
            field, count, problems = "addresses", len(addresses), map(_token_problems, tokens)
        case _:
            assert_never(audience)
    if count == 0:
        return [Problem(("audience", field), ProblemKind.TOO_SHORT, "at least one")]
    if count > MAX_LISTED:
        return [Problem(("audience", field), ProblemKind.TOO_MANY, f"at most {MAX_LISTED}")]
    return [
        Problem(("audience", field, place, *problem.path), problem.kind, problem.expected)
        for place, found in enumerate(problems)
        for problem in found
    ]


def _token_problems(token: str) -> tuple[Problem, ...]:
    try:
        check_token(token)
    except InvalidRequest as error:
        return error.problems
    return ()


def _name_problems(name: str) -> tuple[Problem, ...]:
    """Refuse what no user and no tag can be called: not every database could even look for it."""
    if not has_control_characters(name):
        return ()
    return (Problem((), ProblemKind.MALFORMED, "free of control characters and lone surrogates"),)


def _no_problems(_: Id) -> tuple[Problem, ...]:
    return ()


def _content_problems(content: Content, options: Options) -> list[Problem]:
    problems = []
    if not 0 <= options.ttl_s <= MAX_TTL_S:
        expected = f"0 to {MAX_TTL_S} seconds"
        problems.append(Problem(("options", "ttl_s"), ProblemKind.NOT_ALLOWED, expected))
    key = options.collapse_key
    if key is not None and has_control_characters(key):
        expected = "free of control characters and lone surrogates"
        problems.append(Problem(("options", "collapse_key"), ProblemKind.MALFORMED, expected))
    elif key is not None and not 0 < len(key.encode()) <= MAX_COLLAPSE_KEY_BYTES:
        expected = f"1 to {MAX_COLLAPSE_KEY_BYTES} bytes"
        problems.append(Problem(("options", "collapse_key"), ProblemKind.TOO_LONG, expected))
    is_empty = not content.data and content.badge is None
    if is_empty and content.title is None and content.body is None and content.sound is None:
        problems.append(
            Problem(("content",), ProblemKind.MISSING, "a title, body, data, sound or badge")
        )
    return problems


def _without_repeats(audience: Audience) -> Audience:
    """Name each user, tag, registration or address once: one push each, whoever repeats."""
    match audience:
        case Users(names):
            return Users(tuple(dict.fromkeys(names)))
        case Tags(names):
            return Tags(tuple(dict.fromkeys(names)))
        case Registrations(ids):
            return Registrations(tuple(dict.fromkeys(ids)))
        case Addresses(addresses):
            once = {(address.provider, address.token): address for address in addresses}
            return Addresses(tuple(once.values()))
        case Everyone():
            return audience
        case _:
            assert_never(audience)
