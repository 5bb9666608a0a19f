"""The outbox: events written in the transaction of the change that they tell of.

Whether anybody wants to be told is one look-up for a batch or a page. It
answers nothing for an application without webhooks, and nothing more is done.

Measured: docs/decisions/0021-webhooks.md.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import select

from heliograph.core.clock import to_ms
from heliograph.core.model.webhook import EventKind, WebhookForm, WebhookState
from heliograph.storage.database.bulk import insertion_of_missing, write_rows
from heliograph.storage.database.spelling import Statement, among_keys, key_values
from heliograph.storage.tables.webhooks import webhook_dispatches, webhook_events, webhooks

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sqlalchemy import Connection

    from heliograph.core.model.webhook import Event

WISHES = Statement(
    lambda engine: select(
        webhooks.c.application_id,
        webhooks.c.id,
        webhooks.c.kinds,
        webhooks.c.form,
        webhooks.c.state,
    ).select_from(among_keys(engine, webhooks, webhooks.c.application_id))
)
_STANDARD = WebhookForm.STANDARD.value
_ENABLED = WebhookState.ENABLED.value
_KINDS = {each.value: each for each in EventKind}


class Wish(NamedTuple):
    """What one webhook wants to be told. shows_tokens: its form may show secrets."""

    webhook_id: bytes
    kinds: frozenset[EventKind]
    is_enabled: bool
    shows_tokens: bool


class Wishes:
    """What the webhooks of some applications want."""

    def __init__(self, by_application: Mapping[bytes, Sequence[Wish]]) -> None:
        self._by_application = by_application

    def __bool__(self) -> bool:
        """Whether there is any webhook at all."""
        return bool(self._by_application)

    def wants(self, application_id: bytes, kinds: Iterable[EventKind]) -> bool:
        """Say whether any of these events would be told to anyone."""
        wishes = self._by_application.get(application_id, ())
        return any(not wish.kinds.isdisjoint(kinds) for wish in wishes)

    def of(self, application_id: bytes, kind: EventKind) -> Sequence[Wish]:
        """Answer who wants to be told."""
        return [wish for wish in self._by_application.get(application_id, ()) if kind in wish.kinds]


def wishes_of(connection: Connection, application_ids: Iterable[bytes]) -> Wishes:
    """Look up who wants to be told of these applications."""
    return wishes_from(WISHES.run(connection, **key_values(connection, {*application_ids})).all())


def wishes_from(rows: Sequence[Any]) -> Wishes:
    """Read what `WISHES` answered."""
    by_application: dict[bytes, list[Wish]] = {}
    for application_id, webhook_id, kinds, form, state in rows:
        wish = Wish(webhook_id, kinds_of(kinds), state == _ENABLED, form != _STANDARD)
        by_application.setdefault(application_id, []).append(wish)
    return Wishes(by_application)


def write_events(connection: Connection, events: Sequence[Event], wishes: Wishes) -> None:
    """Write events and who is to be told; those that nobody wants are left out.

    For a webhook that is disabled they are kept as well, so that they can be
    replayed, but it is owed nothing.
    """
    rows: list[tuple[Any, ...]] = []
    owed: list[tuple[Any, ...]] = []
    for event in events:
        wanted = wishes.of(event.application_id, event.kind)
        if not wanted:
            continue
        is_private = any(wish.shows_tokens for wish in wanted)
        at_ms = to_ms(event.at)
        rows.append(
            (
                event.application_id,
                event.id,
                event.kind.value,
                _dump(event.body),
                _dump(event.private) if is_private else "{}",
                at_ms,
            )
        )
        owed += [
            (wish.webhook_id, event.id, event.application_id, at_ms, 0)
            for wish in wanted
            if wish.is_enabled
        ]
    # In the order of their keys, as everybody writes them: no two deadlock.
    write_rows(
        connection,
        insertion_of_missing(webhook_events, sorted(rows)),
        insertion_of_missing(webhook_dispatches, sorted(owed)),
    )


def kinds_of(text: str) -> frozenset[EventKind]:
    """Read the kinds of a webhook's row; one that a newer node wrote is passed over."""
    return frozenset([_KINDS[word] for word in text.split() if word in _KINDS])


def _dump(value: Mapping[str, Any]) -> str:
    return json.dumps(dict(value), separators=(",", ":"))
