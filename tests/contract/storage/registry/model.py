"""Slots and claims once more, in a few dictionaries: what the store is compared with.

Written from the rules alone, one registration at a time, without batches,
hashes or tables.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Hashable

MINUTE_MS = 60_000


@dataclass(frozen=True)
class Row:
    """What a slot holds. at_ms: when it was last refreshed."""

    token: str
    is_exclusive: bool
    user: str | None
    device: str | None
    session: int | None
    origin: str
    locale: str
    at_ms: int


class Refused(Exception):
    """The model does not take a command."""


class Model:
    """Rows by slot."""

    def __init__(self) -> None:
        self.rows: dict[Hashable, Row] = {}
        self.births: dict[Hashable, int] = {}
        """Which of all registrations ever made fills a slot: each has one id for life."""
        self._made = 0
        self.ended: set[int] = set()

    def register(
        self, slot: Hashable, row: Row, *, refuse: bool = False, limit: int | None = None
    ) -> Row:
        if row.session in self.ended:
            raise Refused("the session has ended")
        old = self.rows.get(slot)
        if old is not None and refuse:
            raise Refused("the slot is taken")
        if old is not None and replace(old, at_ms=row.at_ms) == row:
            if row.at_ms - old.at_ms > MINUTE_MS:
                self.rows[slot] = row
            return self.rows[slot]
        self._make_way(slot, row)
        self.rows[slot] = row
        if old is None:
            self._made += 1
            self.births[slot] = self._made
        if limit is not None:
            own = [
                (other.at_ms, place)
                for place, other in self.rows.items()
                if (other.user, other.origin) == (row.user, row.origin) and place != slot
            ]
            own.sort(key=lambda pair: pair[0])
            for _, place in own[: max(0, len(own) + 1 - limit)]:
                del self.rows[place]
        return row

    def unregister(self, slot: Hashable, token: str | None) -> Row | None:
        row = self.rows.get(slot)
        if row is None or (token is not None and row.token != token):
            return None
        return self.rows.pop(slot)

    def is_living(self, slot: Hashable, birth: int) -> bool:
        return slot in self.rows and self.births[slot] == birth

    def change_token(self, slot: Hashable, birth: int, token: str, at_ms: int) -> Row | None:
        if not self.is_living(slot, birth):
            return None
        if self.rows[slot].token == token:
            return self.rows[slot]
        row = replace(self.rows[slot], token=token, at_ms=at_ms)
        self._make_way(slot, row)
        self.rows[slot] = row
        return row

    def end_session(self, session: int) -> None:
        self.ended.add(session)
        self.rows = {slot: row for slot, row in self.rows.items() if row.session != session}

    def prune(self, slot: Hashable, token: str, at_ms: int) -> None:
        row = self.rows.get(slot)
        if row is not None and (row.token, row.at_ms) == (token, at_ms):
            del self.rows[slot]

    def _make_way(self, slot: Hashable, row: Row) -> None:
        """An exclusive holder never stands beside another holder of its token."""
        for place, other in list(self.rows.items()):
            is_rival = place != slot and other.token == row.token
            if is_rival and (row.is_exclusive or other.is_exclusive):
                del self.rows[place]
