"""Aliases: the short or vendor-shaped values by which a dialect knows our ids."""

from __future__ import annotations

from typing import TYPE_CHECKING

from heliograph.core.cache import TtlCache
from heliograph.core.errors import Conflict

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from heliograph.core.ids import Id
    from heliograph.core.ports import Clock
    from heliograph.core.stores.store import AliasStore

_ATTEMPTS = 16


class Aliases:
    """Finds, sets and mints aliases. kind: one word per use, such as `snowflake`.

    scope_id: the account or application within which a value is unique.
    """

    def __init__(self, store: AliasStore, clock: Clock, *, cache_ttl_s: float) -> None:
        self._store = store
        self._cache: TtlCache[tuple[str, Id, str], Id] = TtlCache(
            clock.monotonic, size=100_000, ttl_s=cache_ttl_s
        )

    async def find(self, kind: str, scope_id: Id, value: str) -> Id | None:
        """Answer what a value stands for; None if nothing."""
        key = (kind, scope_id, value)
        known = self._cache.get(key)
        if known is None:
            known = await self._store.by_alias(kind, scope_id, value)
            if known is not None:
                self._cache.put(key, known)
        return known

    async def of(self, kind: str, scope_id: Id, thing_id: Id) -> str | None:
        """Answer an id's value; None if it has none."""
        return await self._store.alias_of(kind, scope_id, thing_id)

    async def set(self, kind: str, scope_id: Id, thing_id: Id, value: str) -> None:
        """Give an id a value; raises Conflict where either is taken."""
        if not await self._store.add_alias(kind, scope_id, value, thing_id):
            raise Conflict("alias", value)

    async def move(self, kind: str, scope_id: Id, thing_id: Id, value: str) -> None:
        """Give an id a value, whoever had it before. It never stands for nothing meanwhile."""
        await self._store.move_alias(kind, scope_id, value, thing_id)
        self._cache.forget((kind, scope_id, value))

    async def rename(self, kind: str, scope_id: Id, thing_id: Id, value: str) -> None:
        """Give an id a value in place of its own; raises Conflict where another has it."""
        former = await self.of(kind, scope_id, thing_id)
        if former == value:
            return
        if former is not None:
            await self.drop(kind, scope_id, former)
        try:
            await self.set(kind, scope_id, thing_id, value)
        except Conflict:
            if former is not None:
                await self.set(kind, scope_id, thing_id, former)
            raise

    async def drop(self, kind: str, scope_id: Id, value: str) -> None:
        """Forget what a value stands for."""
        await self._store.drop_alias(kind, scope_id, value)
        self._cache.forget((kind, scope_id, value))

    async def all_of(self, kind: str, scope_id: Id) -> Mapping[Id, str]:
        """Answer every value of a kind, by the id that it stands for."""
        return await self._store.aliases(kind, scope_id)

    async def ensure(
        self, kind: str, scope_id: Id, thing_id: Id, make: Callable[[int], str]
    ) -> str:
        """Answer an id's value, minted at first sight.

        make: spells a candidate; it is told how many were taken already.
        """
        for attempt in range(_ATTEMPTS):
            present = await self._store.alias_of(kind, scope_id, thing_id)
            if present is not None:
                return present
            value = make(attempt)
            if await self._store.add_alias(kind, scope_id, value, thing_id):
                return value
        raise Conflict("alias", kind)
