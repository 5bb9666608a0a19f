"""Which registrations a list wants, as conditions in SQL."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, false, func, not_, or_, select

from heliograph.core.ids import PREFIXES, raw_of
from heliograph.core.model.listing import Condition, RegistrationField
from heliograph.storage.database.engines import Contains
from heliograph.storage.tables.tables import applications, members, registrations, tags, users

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy import ScalarSelect, Select

    from heliograph.core.ids import Id
    from heliograph.core.model.listing import RegistrationFilter

_COLUMNS: dict[RegistrationField, ColumnElement[str]] = {
    RegistrationField.DEVICE_ID: registrations.c.device_id,
    RegistrationField.USER_ID: users.c.external_id,
    RegistrationField.TOKEN: registrations.c.token,
    # Not the bare column: SQLite would look for a provider by its index, and then for each of a
    # million rows on its own, where another condition leaves a few or the table is read anyway.
    RegistrationField.PROVIDER: func.coalesce(registrations.c.provider, ""),
    RegistrationField.LABEL: tags.c.label,
    RegistrationField.DESCRIPTION: func.coalesce(tags.c.description, ""),
}


def wanted_by(application_id: Id, wanted: RegistrationFilter) -> list[ColumnElement[bool]]:
    """Spell a filter. The query must select from what `select_registrations` does."""
    rows = registrations.c
    found: list[ColumnElement[bool]] = [rows.application_id == application_id]
    if wanted.device_id is not None:
        found.append(rows.device_id == wanted.device_id)
    if wanted.provider is not None:
        found.append(rows.provider == wanted.provider.value)
    if wanted.member_id is not None:
        found.append(rows.member_id == wanted.member_id)
    if wanted.user_id is not None:
        found.append(rows.member_id.in_(_members(application_id, users.c.id == wanted.user_id)))
    if wanted.external_user_id is not None:
        found.append(rows.member_id.in_(members_named(application_id, [wanted.external_user_id])))
    return found + [spelled(condition) for condition in wanted.conditions]


def spelled(condition: Condition) -> ColumnElement[bool]:
    """Spell one condition: any of its values will do, or any alternative to it."""
    has_one = or_(false(), *(_has(condition, value) for value in condition.values))
    # What is not there has none of the values; to SQL that is neither true nor false.
    holds = not_(func.coalesce(has_one, false())) if condition.is_excluding else has_one
    return or_(holds, *(spelled(other) for other in condition.alternatives))


def looks_at(conditions: Iterable[Condition], field: RegistrationField) -> bool:
    """Say whether any condition, or an alternative to one, looks at a field's values."""
    return any(
        (each.field is field and each.values != (None,)) or looks_at(each.alternatives, field)
        for each in conditions
    )


def members_named(application_id: Id, names: Sequence[str | None]) -> Select[tuple[bytes]]:
    """Select the memberships of users by their names at the customer's."""
    is_named = users.c.external_id.in_([name for name in names if name is not None])
    return _members(application_id, users.c.account_id == of_account(application_id), is_named)


def of_account(application_id: Id) -> ScalarSelect[Any]:
    """Select the account of an application: users are looked up by it."""
    return (
        select(applications.c.account_id)
        .where(applications.c.id == application_id)
        .scalar_subquery()
    )


def _has(condition: Condition, value: str | None) -> ColumnElement[bool]:
    if value is None:
        return registrations.c.member_id.is_(None)
    column = _COLUMNS[condition.field]
    if not condition.is_exact:
        return Contains(column, value)
    if condition.field is RegistrationField.DEVICE_ID:
        # Where the device has no id, it goes by the registration's own.
        raw = raw_of(value.removeprefix(f"{PREFIXES['registration']}_"))
        if raw is None:
            return column == value
        is_it = (registrations.c.bucket == raw[-1]) & (registrations.c.id == raw)
        return or_(column == value, registrations.c.device_id.is_(None) & is_it)
    return column == value


def _members(application_id: Id, *which: ColumnElement[bool]) -> Select[tuple[bytes]]:
    return (
        select(members.c.id)
        .join(users, users.c.id == members.c.user_id)
        .where(members.c.application_id == application_id, *which)
    )


def conditions_of(conditions: Sequence[Condition]) -> list[ColumnElement[bool]]:
    """Spell conditions that must all hold."""
    return [spelled(condition) for condition in conditions]
