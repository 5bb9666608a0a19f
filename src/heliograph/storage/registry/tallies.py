"""How many registrations an application has, read from what triggers keep.

Source: docs/decisions/0031-tallies.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import BigInteger, cast, func, select

from heliograph.storage.database.engines import is_named
from heliograph.storage.tables.tallies import registration_tallies

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import Connection, Select

    from heliograph.core.ids import Id
    from heliograph.core.model.registration import ProviderName

_TALLIES = registration_tallies.c


def tally(connection: Connection, application_id: Id, providers: Iterable[ProviderName]) -> int:
    """Answer how many registrations of these providers there are."""
    names = [each.value for each in providers]
    query = tally_of_all(application_id).where(is_named(connection, _TALLIES.provider, names))
    return int(connection.execute(query).scalar_one())


def tally_of_all(application_id: Id) -> Select[Any]:
    """Select how many registrations there are, in one row."""
    # PostgreSQL adds up to a decimal number.
    amount = cast(func.coalesce(func.sum(_TALLIES.amount), 0), BigInteger)
    return select(amount).where(_TALLIES.application_id == application_id)
