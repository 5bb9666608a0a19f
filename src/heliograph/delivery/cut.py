"""The first part of a page. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from heliograph.core.model.delivery import Cursor, ShardSource

if TYPE_CHECKING:
    from heliograph.core.model.delivery import Page, Target


def first_of(page: Page, count: int, source: ShardSource) -> Page:
    """Keep a page's first targets; its cursor then stands behind the last of them."""
    if count >= len(page.targets):
        return page
    if not count:
        return replace(page, targets=(), dropped=(), resting=())
    cursor = _place_of(page.targets[count - 1])
    return replace(
        page,
        targets=page.targets[:count],
        cursor=cursor,
        dropped=[each for each in page.dropped if _is_before(each.place, cursor, source)],
        resting=[
            each for each in page.resting if _is_before(_place_of(each.target), cursor, source)
        ],
    )


def _place_of(target: Target) -> Cursor:
    return Cursor(target.bucket, target.recipient, target.id)


def _is_before(place: Cursor, cursor: Cursor, source: ShardSource) -> bool:
    """Compare in the order of the scan: lists go by ordinal alone."""
    if source is ShardSource.LIST:
        return place.recipient < cursor.recipient
    if source is ShardSource.RECIPIENTS:
        # Who has nothing to send to has one row, and no bucket.
        return (place.recipient, place.bucket, place.target_id) < (
            cursor.recipient,
            cursor.bucket,
            cursor.target_id,
        )
    return place < cursor
