"""One row that the database refuses, in a batch of many."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from heliograph.core.errors import Unavailable
from heliograph.core.model.registration import Registration

if TYPE_CHECKING:
    from tests.contract.storage.world import World

    from heliograph.config import Storage

pytestmark = pytest.mark.anyio

POISON = {
    "a NUL in a device id": {"device": "nul\0", "user": "ann"},
    "a NUL in a user id": {"device": "poison", "user": "nul\0"},
    "a lone surrogate in a user id": {"device": "poison", "user": "half\ud800"},
    "a lone surrogate in a device id": {"device": "half\ud800"},
    "a word that is too long": {"device": "poison", "origin": "o" * 100},
}
SQLITE_TAKES = {"a NUL in a device id", "a NUL in a user id", "a word that is too long"}


@pytest.mark.parametrize("name", POISON)
async def test_a_poison_row_harms_only_itself(world: World, storage: Storage, name: str) -> None:
    drafts = [world.draft(f"t{n}", device=f"d{n}", user=f"u{n}") for n in range(20)]
    drafts.insert(7, world.draft("poison", **POISON[name]))

    answers = await asyncio.gather(
        *map(world.store.registry.register, drafts), return_exceptions=True
    )

    poisoned = answers.pop(7)
    assert all(isinstance(answer, Registration) for answer in answers)
    if storage.database_url is not None or name not in SQLITE_TAKES:
        assert isinstance(poisoned, Exception)
        assert not isinstance(poisoned, Unavailable)
        assert len(await world.living()) == 20
    await world.check()


async def test_a_poison_row_names_no_token_in_its_error(world: World) -> None:
    with pytest.raises(Exception) as raised:
        await world.register("secret-token", device="d", user="half\ud800")

    assert "secret-token" not in str(raised.value)


async def test_what_was_read_before_a_poison_row_still_stands(world: World) -> None:
    await world.register("A", device="one")
    drafts = [
        world.draft("B", device="one"),
        world.draft("A", device="two"),
        world.draft("C", device="half\ud800"),
        world.draft("D", device="one"),
    ]

    answers = await asyncio.gather(
        *map(world.store.registry.register, drafts), return_exceptions=True
    )

    assert isinstance(answers[2], UnicodeEncodeError)
    living = {(row.device_id, row.token) for row in (await world.living()).values()}
    assert living == {("one", "D"), ("two", "A")}
    await world.check()
