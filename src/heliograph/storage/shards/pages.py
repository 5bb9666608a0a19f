"""Reads a shard's page of targets, and how its notification stands by now."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import LargeBinary, bindparam, select

from heliograph.core.model.audience import AddressForm
from heliograph.core.model.delivery import GONE, Cursor, Dropped, Page, Shard, ShardSource, Target
from heliograph.core.model.notification import NotificationState
from heliograph.core.model.registration import Environment, ProviderName, token_hash
from heliograph.storage.database.spelling import Statement
from heliograph.storage.shards.breakers import read_breakers
from heliograph.storage.shards.page_queries import rows_of_list, rows_of_query
from heliograph.storage.tables.tables import notifications

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import Connection

    from heliograph.core.model.notification import Notification

_PROVIDERS = {provider.value: provider for provider in ProviderName}
_ENVIRONMENTS: dict[str | None, Environment | None] = {
    None: None,
    **{environment.value: environment for environment in Environment},
}
_TOKEN = AddressForm.TOKEN
_NO_DEVICE = "the user has no device"
_new_target = tuple.__new__

_SENT_IN = (NotificationState.RUNNING, NotificationState.EXPIRED)
"""States in which a page is read: the targets of an expired one are recorded as expired."""

_STATE = Statement(
    lambda _: select(notifications.c.state).where(
        notifications.c.application_id == bindparam("application", type_=LargeBinary),
        notifications.c.id == bindparam("notification", type_=LargeBinary),
    )
)


def read_page(
    connection: Connection,
    shard: Shard,
    notification: Notification,
    cursor: Cursor | None,
    limit: int,
    now: datetime,
) -> Page:
    """Read up to `limit` targets behind `cursor`, in the order of the scan.

    With them comes what the notification's state is by now, and what holds
    its deliveries back.
    """
    stored = _STATE.run(
        connection, application=shard.application_id, notification=notification.id
    ).scalar_one_or_none()
    # One that was deleted is as good as canceled.
    state = NotificationState(stored) if stored else NotificationState.CANCELED
    if state not in _SENT_IN:
        return Page([], cursor, state=state)
    return _read(connection, shard, notification, cursor, limit, now, state)


def read_first_page(
    connection: Connection, shard: Shard, notification: Notification, limit: int, now: datetime
) -> Page:
    """Read where a shard begins, of a notification that was written in this transaction."""
    return _read(connection, shard, notification, None, limit, now, NotificationState.RUNNING)


def _read(
    connection: Connection,
    shard: Shard,
    notification: Notification,
    cursor: Cursor | None,
    limit: int,
    now: datetime,
    state: NotificationState,
) -> Page:
    held = read_breakers(connection, shard.application_id)
    asked = (connection, shard, notification, cursor, limit, now)
    if shard.source is ShardSource.QUERY:
        rows = rows_of_query(*asked)
        targets = _targets_of(rows)
        last = Cursor(targets[-1].bucket, 0, targets[-1].id) if targets else None
    else:
        rows = rows_of_list(*asked)
        is_full = len(rows) == limit
        if is_full and shard.source is ShardSource.RECIPIENTS:
            rows = _whole_recipients(rows)
        is_of_users = shard.source is ShardSource.RECIPIENTS
        targets, dropped = _listed_targets_of(rows, _NO_DEVICE if is_of_users else GONE)
        last = _place_of(rows[-1]) if is_full and rows else None
        variables = {}
        if notification.content.is_template:
            variables = {row.recipient: row.variables for row in rows if row.variables}
        return Page(targets, last, dropped, state, held, variables)
    return Page(targets, last if len(rows) == limit else None, (), state, held)


def _targets_of(rows: Sequence[Any]) -> list[Target]:
    return [
        _new_target(
            Target,
            (
                target_id,
                bucket,
                0,
                _PROVIDERS[provider],
                _ENVIRONMENTS[environment],
                token,
                digest,
                attributes,
                refreshed_ms,
                0,
                True,
                _TOKEN,
            ),
        )
        for (
            target_id,
            bucket,
            provider,
            environment,
            token,
            digest,
            attributes,
            refreshed_ms,
        ) in rows
    ]


def _whole_recipients(rows: Sequence[Any]) -> Sequence[Any]:
    """Leave out the last recipient of a full page: it may have more registrations.

    Its devices are then sent to together, so that nobody sees it failed while
    another of them is still to be tried. One that fills the page stays.
    """
    last = rows[-1].recipient
    whole = [row for row in rows if row.recipient != last]
    return whole or rows


def _listed_targets_of(
    rows: Sequence[Any], why_not: str = GONE
) -> tuple[list[Target], list[Dropped]]:
    """Tell those that can be sent to from those that are no longer there."""
    targets: list[Target] = []
    dropped: list[Dropped] = []
    for row in rows:
        if row.is_registered or row.address_token:
            targets.append(_to_target(row))
        else:
            dropped.append(Dropped(_place_of(row), row.attempts, why_not))
    return targets, dropped


def _place_of(row: Any) -> Cursor:
    return Cursor(row.bucket, row.recipient, row.target_id or b"")


def _to_target(row: Any) -> Target:
    if row.is_registered:
        return Target(
            row.target_id,
            row.bucket,
            row.recipient,
            _PROVIDERS[row.provider],
            _ENVIRONMENTS[row.environment],
            row.token,
            row.token_hash,
            row.attributes,
            row.refreshed_ms,
            row.attempts,
            is_registered=True,
        )
    digest = token_hash(row.address_provider, row.address_token)
    return Target(
        digest,
        row.bucket,
        row.recipient,
        _PROVIDERS[row.address_provider],
        None,
        row.address_token,
        digest,
        "{}",
        0,
        row.attempts,
        is_registered=False,
        form=AddressForm(row.address_form or AddressForm.TOKEN),
    )
