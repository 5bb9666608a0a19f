"""Lists registrations by age: a page from an offset, or from where the last one ended.

An id begins with its time, so the order of ids is the order of age. What a
page costs must not depend on how many registrations there are: each list is
read along the index that its criteria suit, keys first, and rows for the keys
of the page alone. Measured: docs/performance.md, "Lists".
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import CompoundSelect, Select, and_, false, func, not_, or_, select, union_all

from heliograph.core.model.listing import ANYTHING, Part, RegistrationField
from heliograph.core.model.registration import ProviderName, token_hash
from heliograph.storage.database.engines import (
    Contains,
    InThisOrder,
    among,
    is_in,
    is_postgresql,
)
from heliograph.storage.registry.listing import looks_at, members_named, of_account, wanted_by
from heliograph.storage.registry.tallies import tally, tally_of_all
from heliograph.storage.tables.rows import select_registrations, to_registration
from heliograph.storage.tables.tables import members, registrations, token_holders, users

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import ColumnElement, Connection, FromClause

    from heliograph.core.ids import Id
    from heliograph.core.model.listing import Condition, RegistrationFilter, Window
    from heliograph.core.model.registration import Registration

MOST_CANDIDATES = 50_000
"""Matches of a text that are looked up one by one; where there are more, some are always near."""

_ROWS = registrations.c
_MAX_INT64 = 2**63 - 1
_DEVICE_ID, _USER_ID = RegistrationField.DEVICE_ID, RegistrationField.USER_ID

Conditions = dict[RegistrationField, "Condition"]


class _Way(NamedTuple):
    """How to read a list's keys.

    arms: selections of ids as `key`, each along an index in the order of ids, or small.
    is_counting: they are read to the end anyway, and then say how many there are.
    found: the keys themselves, where they were met on the way.
    """

    arms: tuple[Select[Any], ...] = ()
    is_counting: bool = False
    found: Sequence[Id] | None = None


def page_by_age(
    connection: Connection,
    application_id: Id,
    wanted: RegistrationFilter,
    window: Window,
    *,
    most: int = MOST_CANDIDATES,
) -> Part[Registration]:
    """Read one page. most: matches of a text that are looked up one by one."""
    way = _way(connection, application_id, wanted, most)
    total: int | None
    if way.found is not None:
        keys, total = _cut(way.found, window), len(way.found)
    elif way.arms:
        keys, total = _keys(connection, way, window)
    else:
        return Part((), has_more=False, total=0)
    has_more = len(keys) > window.limit or (window.before is not None and bool(keys))
    keys = keys[: window.limit]
    if total is None and not has_more and (keys or not window.offset):
        total = window.offset + len(keys)
    if total is None and _is_of_providers(wanted):
        total = tally(connection, application_id, _providers_of(wanted))
    rows: Sequence[Any] = ()
    if keys:
        query = select_registrations(_among(connection, keys)).order_by(_ROWS.id)
        rows = connection.execute(query.where(_ROWS.application_id == application_id)).all()
    return Part([to_registration(row) for row in rows], has_more, total)


def count(
    connection: Connection,
    application_id: Id,
    wanted: RegistrationFilter,
    *,
    most: int = MOST_CANDIDATES,
) -> int:
    """Count what a list holds, to the end."""
    if _is_of_providers(wanted):
        return tally(connection, application_id, _providers_of(wanted))
    part = _sole_text(wanted)
    if part is not None and part.field is _USER_ID:
        return _count_by_user(connection, application_id, part, most)
    everything = _scan(application_id, wanted)
    if part is not None:
        return _number(connection, everything.where(_ROWS.device_id.is_not(None)))
    way = _way(connection, application_id, wanted, most)
    if len(way.arms) > 1:
        # The whole table is faster read in its own order than by an index.
        return _number(connection, everything)
    return sum(_number(connection, arm) for arm in way.arms)


def few(
    connection: Connection, application_id: Id, wanted: RegistrationFilter, most: int
) -> Sequence[Id] | None:
    """List the ids of all that is wanted, where an index finds them and they are few."""
    way = _way(connection, application_id, wanted, most)
    if way.found is not None:
        return way.found
    if len(way.arms) > 1:
        return None
    if not way.arms:
        return ()
    found = connection.execute(way.arms[0].limit(most + 1)).scalars().all()
    return None if len(found) > most else found


def _keys(connection: Connection, way: _Way, window: Window) -> tuple[list[Id], int | None]:
    """Read the keys of a page and one more; second, how many there are where that is known."""
    is_backward, is_placed = window.before is not None, window.after is not None
    arms = way.arms
    if is_placed:
        arms = tuple(arm.where(_ROWS.id > window.after) for arm in arms)
    if is_backward:
        arms = tuple(arm.where(_ROWS.id < window.before) for arm in arms)
    if way.is_counting:
        arms = tuple(arm.add_columns(func.count().over().label("number")) for arm in arms)
    passed_over = 0 if is_placed or is_backward else window.offset
    length = window.limit + (not is_backward)
    query = _merged(connection, arms, most=passed_over + length, is_backward=is_backward)
    found = connection.execute(query.offset(passed_over).limit(length)).all()
    keys = [row.key for row in (reversed(found) if is_backward else found)]
    if is_backward or not (way.is_counting and found):
        return keys, None
    return keys, found[0].number + (window.offset if is_placed else 0)


def _merged(
    connection: Connection, arms: Sequence[Select[Any]], *, most: int, is_backward: bool
) -> Select[Any] | CompoundSelect[Any]:
    """Merge selections of `key`s into one in their order. most: how much of it will be read."""

    def in_order(query: Select[Any] | CompoundSelect[Any]) -> Select[Any] | CompoundSelect[Any]:
        key = query.selected_columns.key
        return query.order_by(key.desc() if is_backward else key)

    if len(arms) == 1:
        return in_order(arms[0])
    if is_postgresql(connection):
        # It would read all arms to their ends and sort that; SQLite merges them of its own accord.
        parts = [in_order(arm).limit(min(most, _MAX_INT64)).subquery() for arm in arms]
        return in_order(union_all(*(select(part) for part in parts)))
    return in_order(union_all(*arms))


def _cut(found: Sequence[Id], window: Window) -> list[Id]:
    """Cut a page and one more from keys in their order."""
    if window.before is not None:
        end = bisect_left(found, window.before)
        return list(found[max(0, end - window.limit) : end])
    start = window.offset if window.after is None else bisect_right(found, window.after)
    return list(found[start : start + window.limit + 1])


def _way(connection: Connection, application_id: Id, wanted: RegistrationFilter, most: int) -> _Way:
    """Choose the index that suits the criteria."""
    plain = [each for each in wanted.conditions if _is_plain(each)]
    everything = _scan(application_id, wanted)
    if wanted._replace(provider=None, conditions=()) != ANYTHING:
        return _Way((everything,))
    exact = {each.field: each for each in plain if each.is_exact}
    found = _by_name(connection, application_id, wanted, exact)
    if found is not None:
        return _Way((found,))
    if _is_of_providers(wanted):
        return _Way(_along_providers(application_id, wanted))
    parts = {each.field: each for each in plain if not each.is_exact}
    for field in (_USER_ID, _DEVICE_ID):
        if field in parts and None not in parts[field].values:
            return _by_text(connection, application_id, wanted, parts[field], most)
    return _Way((everything,), is_counting=True)


def _by_name(
    connection: Connection, application_id: Id, wanted: RegistrationFilter, exact: Conditions
) -> Select[Any] | None:
    """Select what an index finds by a whole device id, user or token; None for nothing such."""
    everything = _scan(application_id, wanted)
    if _DEVICE_ID in exact or [each.values for each in wanted.conditions] == [(None,)]:
        return everything
    if _USER_ID in exact and None not in exact[_USER_ID].values:
        owned = members_named(application_id, exact[_USER_ID].values)
        return everything.where(_ROWS.member_id.in_(owned))
    if RegistrationField.TOKEN in exact:
        keys = _holders(connection, application_id, exact[RegistrationField.TOKEN])
        return _scan(application_id, wanted, _among(connection, keys))
    return None


def _sole_text(wanted: RegistrationFilter) -> Condition | None:
    """Answer the part of a device's or a user's id that is all that is asked for, if it is."""
    if wanted._replace(conditions=()) != ANYTHING or len(wanted.conditions) != 1:
        return None
    [condition] = wanted.conditions
    is_text = condition.field in (_USER_ID, _DEVICE_ID) and not condition.is_exact
    return condition if is_text and _is_plain(condition) and None not in condition.values else None


def _is_plain(condition: Condition) -> bool:
    return not (condition.is_excluding or condition.alternatives)


def _is_of_providers(wanted: RegistrationFilter) -> bool:
    """Say whether a list is narrowed by providers at most."""
    return wanted._replace(provider=None, conditions=()) == ANYTHING and all(
        map(_names_providers, wanted.conditions)
    )


def _along_providers(application_id: Id, wanted: RegistrationFilter) -> tuple[Select[Any], ...]:
    """Walk by age: each provider's registrations along the index, to be merged."""
    others = tuple(each for each in wanted.conditions if not _names_providers(each))
    walk = _scan(application_id, wanted._replace(provider=None, conditions=others))
    return tuple(walk.where(_ROWS.provider == each.value) for each in _providers_of(wanted))


def _providers_of(wanted: RegistrationFilter) -> list[ProviderName]:
    """List the providers that meet all conditions of the kind that names some."""
    named = [set(each.values) for each in wanted.conditions if _names_providers(each)]
    return [
        each
        for each in ProviderName
        if wanted.provider in (None, each) and all(each.value in names for names in named)
    ]


def _names_providers(condition: Condition) -> bool:
    """Say whether a condition is met by some providers' registrations and by no others."""
    is_of_whole_names = condition.is_exact and None not in condition.values
    is_it = is_of_whole_names and _is_plain(condition)
    return is_it and condition.field is RegistrationField.PROVIDER


def _by_text(
    connection: Connection,
    application_id: Id,
    wanted: RegistrationFilter,
    condition: Condition,
    most: int,
) -> _Way:
    """Look up what contains a text; where that is much, walk by age and look at each."""
    if condition.field is _USER_ID:
        candidates = _users(application_id).where(_is_match(users.c.external_id, condition))
    else:
        candidates = select(_ROWS.id).where(
            _ROWS.application_id == application_id,
            _ROWS.device_id.is_not(None),
            _is_match(_ROWS.device_id, condition),
        )
    keys = connection.execute(candidates.limit(most + 1)).scalars().all()
    if len(keys) > most:
        return _Way(_along_providers(application_id, wanted))
    others = wanted._replace(
        conditions=tuple(each for each in wanted.conditions if each is not condition)
    )
    if condition.field is _DEVICE_ID and others == ANYTHING:
        return _Way(found=sorted(keys))
    if condition.field is _DEVICE_ID:
        return _Way((_scan(application_id, others, _among(connection, keys)),), is_counting=True)
    theirs = among(connection, members, members.c.user_id, keys, is_bucketed=False)
    return _Way((_scan(application_id, others, _owned(application_id, theirs)),), is_counting=True)


def _count_by_user(
    connection: Connection, application_id: Id, condition: Condition, most: int
) -> int:
    """Count the registrations of users whom a text matches; where that is most, of the others."""
    is_match = _is_match(users.c.external_id, condition)
    others = _users(application_id).where(not_(func.coalesce(is_match, false())))
    keys = connection.execute(others.limit(most + 1)).scalars().all()
    if len(keys) <= most:
        theirs = among(connection, members, members.c.user_id, keys, is_bucketed=False)
        unwanted = _scan(application_id, ANYTHING, _owned(application_id, theirs))
        return _number_of_owned(connection, application_id, most) - _number(connection, unwanted)
    is_theirs = and_(
        members.c.user_id == users.c.id,
        users.c.account_id == of_account(application_id),
    )
    theirs = _owned(application_id, InThisOrder(users, members, is_theirs))
    return _number(connection, _scan(application_id, ANYTHING, theirs).where(is_match))


def _number_of_owned(connection: Connection, application_id: Id, most: int) -> int:
    """Count what somebody owns; where that is more than `most`, as all without what nobody does."""
    everything = _scan(application_id, ANYTHING)
    some = everything.where(_ROWS.member_id.is_not(None)).limit(most + 1).subquery()
    number: int = connection.execute(select(func.count()).select_from(some)).scalar_one()
    if number <= most:
        return number
    nobodys = everything.where(_ROWS.member_id.is_(None)).with_only_columns(func.count())
    # In one statement, which sees one state: else what comes in between would be taken for owned.
    rest = tally_of_all(application_id).scalar_subquery() - nobodys.scalar_subquery()
    return int(connection.execute(select(rest)).scalar_one())


def _users(application_id: Id) -> Select[Any]:
    return select(users.c.id).where(users.c.account_id == of_account(application_id))


def _owned(application_id: Id, whose: FromClause) -> FromClause:
    """Join memberships with their registrations."""
    is_owned = and_(
        members.c.application_id == application_id,
        _ROWS.application_id == application_id,
        _ROWS.member_id == members.c.id,
    )
    return InThisOrder(whose, registrations, is_owned)


def _is_match(text: ColumnElement[Any], condition: Condition) -> ColumnElement[bool]:
    return or_(false(), *(Contains(text, value) for value in condition.values))


def _number(connection: Connection, keys: Select[Any]) -> int:
    return connection.execute(keys.with_only_columns(func.count())).scalar_one()


def _holders(connection: Connection, application_id: Id, held: Condition) -> Sequence[bytes]:
    hashes = [token_hash(each, value or "") for each in ProviderName for value in held.values]
    query = select(token_holders.c.registration_id).where(
        token_holders.c.application_id == application_id,
        is_in(connection, token_holders.c.token_hash, hashes),
    )
    return connection.execute(query).scalars().all()


def _among(connection: Connection, keys: Sequence[bytes]) -> FromClause:
    return among(connection, registrations, _ROWS.id, keys)


def _scan(
    application_id: Id, wanted: RegistrationFilter, source: FromClause = registrations
) -> Select[Any]:
    """Select the ids of all that is wanted. source: the table, or a join that narrows it."""
    if looks_at(wanted.conditions, _USER_ID):
        source = source.outerjoin(users, users.c.id == _ROWS.user_id)
    return (
        select(_ROWS.id.label("key")).select_from(source).where(*wanted_by(application_id, wanted))
    )
