from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from heliograph.core.aliases import Aliases
from heliograph.core.errors import Conflict
from heliograph.core.ids import Id

if TYPE_CHECKING:
    from tests.conftest import FakeClock

pytestmark = pytest.mark.anyio

SCOPE, ANN, BOB = Id(b"s" * 16), Id(b"a" * 16), Id(b"b" * 16)


class AliasTable:
    """A store of aliases in a dictionary, that counts look-ups."""

    def __init__(self) -> None:
        self.rows: dict[tuple[str, Id, str], Id] = {}
        self.reads = 0

    async def by_alias(self, kind: str, scope_id: Id, value: str) -> Id | None:
        self.reads += 1
        return self.rows.get((kind, scope_id, value))

    async def alias_of(self, kind: str, scope_id: Id, thing_id: Id) -> str | None:
        places = ((key, thing) for key, thing in self.rows.items())
        found = (v for (k, s, v), t in places if (k, s, t) == (kind, scope_id, thing_id))
        return next(found, None)

    async def drop_alias(self, kind: str, scope_id: Id, value: str) -> None:
        self.rows.pop((kind, scope_id, value), None)

    async def move_alias(self, kind: str, scope_id: Id, value: str, thing_id: Id) -> None:
        others = [key for key, thing in self.rows.items() if thing == thing_id]
        for key in others:
            if key[:2] == (kind, scope_id):
                del self.rows[key]
        self.rows[kind, scope_id, value] = thing_id

    async def add_alias(self, kind: str, scope_id: Id, value: str, thing_id: Id) -> bool:
        if (kind, scope_id, value) in self.rows or await self.alias_of(kind, scope_id, thing_id):
            return False
        self.rows[kind, scope_id, value] = thing_id
        return True


@pytest.fixture
def table() -> AliasTable:
    return AliasTable()


@pytest.fixture
def aliases(table: AliasTable, clock: FakeClock) -> Aliases:
    return Aliases(table, clock, cache_ttl_s=5)


async def test_a_value_stands_for_what_it_was_given_to(aliases: Aliases) -> None:
    await aliases.set("name", SCOPE, ANN, "demo")

    assert await aliases.find("name", SCOPE, "demo") == ANN
    assert await aliases.of("name", SCOPE, ANN) == "demo"


async def test_a_value_of_another_kind_or_scope_stands_for_nothing(aliases: Aliases) -> None:
    await aliases.set("name", SCOPE, ANN, "demo")

    assert await aliases.find("other", SCOPE, "demo") is None
    assert await aliases.find("name", BOB, "demo") is None


async def test_a_value_is_given_once(aliases: Aliases) -> None:
    await aliases.set("name", SCOPE, ANN, "demo")

    with pytest.raises(Conflict):
        await aliases.set("name", SCOPE, BOB, "demo")
    with pytest.raises(Conflict):
        await aliases.set("name", SCOPE, ANN, "second")


async def test_what_was_found_is_remembered_and_what_was_not_is_not(
    aliases: Aliases, table: AliasTable, clock: FakeClock
) -> None:
    assert await aliases.find("name", SCOPE, "demo") is None
    await aliases.set("name", SCOPE, ANN, "demo")
    table.reads = 0

    assert [await aliases.find("name", SCOPE, "demo") for _ in range(3)] == [ANN] * 3
    assert table.reads == 1
    clock.advance(6)
    await aliases.find("name", SCOPE, "demo")
    assert table.reads == 2


async def test_a_value_is_minted_once_and_past_those_that_are_taken(aliases: Aliases) -> None:
    first = await aliases.ensure("n", SCOPE, ANN, lambda attempt: f"v{attempt}")
    second = await aliases.ensure("n", SCOPE, BOB, lambda attempt: f"v{attempt}")
    again = await aliases.ensure("n", SCOPE, ANN, lambda attempt: f"w{attempt}")

    assert (first, second, again) == ("v0", "v1", "v0")


async def test_a_value_may_move_to_another(aliases: Aliases) -> None:
    await aliases.set("name", SCOPE, ANN, "demo")
    await aliases.find("name", SCOPE, "demo")

    await aliases.move("name", SCOPE, BOB, "demo")

    assert await aliases.find("name", SCOPE, "demo") == BOB
    assert await aliases.of("name", SCOPE, ANN) is None


async def test_minting_gives_up_where_everything_is_taken(aliases: Aliases) -> None:
    await aliases.set("n", SCOPE, ANN, "only")

    with pytest.raises(Conflict):
        await aliases.ensure("n", SCOPE, BOB, lambda _: "only")


async def test_another_value_takes_the_place_of_the_first(aliases: Aliases) -> None:
    await aliases.set("name", SCOPE, ANN, "dmeo")
    assert await aliases.find("name", SCOPE, "dmeo") == ANN

    for _ in range(2):
        await aliases.rename("name", SCOPE, ANN, "demo")

    assert await aliases.of("name", SCOPE, ANN) == "demo"
    assert await aliases.find("name", SCOPE, "dmeo") is None


async def test_what_had_no_value_may_be_given_one_by_renaming(aliases: Aliases) -> None:
    await aliases.rename("name", SCOPE, ANN, "demo")

    assert await aliases.find("name", SCOPE, "demo") == ANN


async def test_a_value_that_another_has_leaves_both_theirs(aliases: Aliases) -> None:
    await aliases.set("name", SCOPE, ANN, "demo")
    await aliases.set("name", SCOPE, BOB, "other")

    with pytest.raises(Conflict):
        await aliases.rename("name", SCOPE, BOB, "demo")

    assert await aliases.of("name", SCOPE, ANN) == "demo"
    assert await aliases.of("name", SCOPE, BOB) == "other"
