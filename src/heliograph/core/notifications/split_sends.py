"""One request that says different things to different people: a notification for each.

Accepting them is no single piece: what can be refused is refused before the
first is written, and a request that is repeated with its key goes on where
the former one broke off. Who is told what may have changed since, such as
their badge, so that only those are told who were not.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from heliograph.core import access
from heliograph.core.errors import InvalidRequest
from heliograph.core.model.audience import Users
from heliograph.core.model.identity import Scope
from heliograph.core.notifications.idempotency import IdempotencyKey

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from heliograph.core.model.application import Application
    from heliograph.core.model.identity import Principal
    from heliograph.core.model.notification import Content, Notification, Options
    from heliograph.core.notifications.notifications import Notifications


@dataclass(frozen=True, slots=True)
class Part:
    """What some of the users are told."""

    audience: Users
    content: Content


async def accept_parts(
    notifications: Notifications,
    principal: Principal,
    application: Application,
    parts: Sequence[Part],
    options: Options,
    key: IdempotencyKey | None,
) -> Sequence[Notification]:
    """Accept a notification for each part; raises as `Notifications.accept`."""
    access.require(principal, Scope.NOTIFICATIONS_SEND, application)
    accepted: list[Notification] = []
    while key is not None:
        own = _key_of(key, len(accepted))
        known = await notifications.accepted_as(principal, application, own)
        if known is None:
            break
        accepted.append(known)
    told = _told_by(accepted)
    waiting = [rest for part in parts if (rest := _without(part, told)) is not None]
    if len(waiting) > 1:
        # Before the first is written: a request that is refused has told nobody anything.
        problems = [
            problem
            for part in waiting
            for problem in await notifications.find_problems(
                principal, application, part.audience, part.content, options
            )
        ]
        if problems:
            raise InvalidRequest(problems)
    for part in waiting:
        rest = _without(part, told)
        while rest is not None:
            # What stands under the key may be the doing of the same request beside this one,
            # and tell others than this part.
            accepted.append(
                await notifications.accept(
                    principal,
                    application,
                    rest.audience,
                    rest.content,
                    options,
                    key and _key_of(key, len(accepted)),
                )
            )
            told |= _told_by(accepted[-1:])
            rest = _without(rest, told)
    return accepted


def _key_of(key: IdempotencyKey, place: int) -> IdempotencyKey:
    return IdempotencyKey(f"{key.value}/{place}", key.body_hash)


def _told_by(accepted: Iterable[Notification]) -> set[str]:
    return {
        name
        for notification in accepted
        if isinstance(notification.audience, Users)
        for name in notification.audience.user_ids
    }


def _without(part: Part, told: set[str]) -> Part | None:
    """Leave out who is told already; None where nobody is left."""
    names = tuple(name for name in part.audience.user_ids if name not in told)
    if names == part.audience.user_ids:
        return part
    return replace(part, audience=replace(part.audience, user_ids=names)) if names else None
