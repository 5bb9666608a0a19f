"""Whose quiet hours it is: they are not sent to before these end. Pure.

Source: docs/decisions/0032-quiet-hours.md.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from heliograph.core.model.delivery import Resting
from heliograph.core.model.registration import TokenKind
from heliograph.core.registrations.quiet_hours import may_be_quiet, quiet_hours_of

if TYPE_CHECKING:
    from datetime import datetime

    from heliograph.core.model.delivery import Page, Target
    from heliograph.core.model.notification import Notification

REASON = "quiet hours"


def without_resting(page: Page, notification: Notification, now: datetime) -> Page:
    """Set apart whom this notification has to wait for, and until when.

    Who is still to be left alone when its time is over is not sent to at all.
    A call rings, and what is on the screen is kept up to date, at any hour.
    """
    options = notification.options
    if options.ignores_quiet_hours or options.kind is not TokenKind.ALERT:
        return page
    if not any(may_be_quiet(target.attributes) for target in page.targets):
        return page
    awake: list[Target] = []
    resting: list[Resting] = []
    for target in page.targets:
        hours = quiet_hours_of(target.attributes) if may_be_quiet(target.attributes) else None
        end = None if hours is None else hours.end_after(now)
        if end is None:
            awake.append(target)
        else:
            resting.append(Resting(target, end if end < notification.expires_at else None))
    return replace(page, targets=awake, resting=resting)
