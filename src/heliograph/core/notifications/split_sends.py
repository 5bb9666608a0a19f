"""One request that says different things to different people: a notification for each.

Accepting them is no single piece: what can be refused is refused before the
first is written, and a request that is repeated with its key goes on where
the former one broke off.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from heliograph.core import access
from heliograph.core.errors import InvalidRequest
from heliograph.core.model.identity import Scope
from heliograph.core.notifications.checks import problems_of
from heliograph.core.notifications.idempotency import IdempotencyKey

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from heliograph.core.model.application import Application
    from heliograph.core.model.audience import Audience
    from heliograph.core.model.identity import Principal
    from heliograph.core.model.notification import Content, Notification, Options
    from heliograph.core.notifications.notifications import Notifications


@dataclass(frozen=True, slots=True)
class Part:
    """What some of the audience are told."""

    audience: Audience
    content: Content


async def accept_parts(
    notifications: Notifications,
    principal: Principal,
    application: Application,
    parts: Sequence[Part],
    options: Options,
    key: IdempotencyKey | None,
    *,
    now: datetime,
) -> Sequence[Notification]:
    """Accept a notification for each part; raises as `Notifications.accept`."""
    access.require(principal, Scope.NOTIFICATIONS_SEND, application)
    problems = [
        problem
        for part in parts
        for problem in problems_of(part.audience, part.content, options, now=now)
    ]
    if problems:
        raise InvalidRequest(problems)
    accepted = []
    for place, part in enumerate(parts):
        own = key and IdempotencyKey(f"{key.value}/{place}", key.body_hash)
        accepted.append(
            await notifications.accept(
                principal, application, part.audience, part.content, options, own
            )
        )
    return accepted
