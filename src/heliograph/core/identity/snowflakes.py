"""Snowflakes: 64-bit numbers that stand for users in an API whose clients expect them.

The milliseconds since 2015 until the user was made, and 22 bits of their id.
Source: docs/dialects/discord.md, "Snowflakes".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from heliograph.core.aliases import Aliases
    from heliograph.core.ids import Id

KIND = "snowflake"
"""Their kind of alias; a value is unique within an account."""

_EPOCH_MS = 1_420_070_400_000
"""2015-01-01."""

_LOW_BITS = 22


async def snowflake_of(aliases: Aliases, account_id: Id, user_id: Id) -> str:
    """Answer a user's snowflake in decimal digits, minted at first sight."""
    return await aliases.ensure(KIND, account_id, user_id, snowflake_maker(user_id))


async def user_of(aliases: Aliases, account_id: Id, snowflake: str) -> Id | None:
    """Say whom a snowflake stands for; None for nobody."""
    return await aliases.find(KIND, account_id, snowflake)


def snowflake_maker(user_id: Id) -> Callable[[int], str]:
    """Say how to spell a user: the maker is told how many of its proposals were taken."""
    age_ms = int.from_bytes(user_id[:6], "big") - _EPOCH_MS
    low = int.from_bytes(user_id[8:], "big")

    def make(attempt: int) -> str:
        return str(age_ms << _LOW_BITS | (low + attempt) % (1 << _LOW_BITS))

    return make
