"""Which registrations a list wants, as conditions in SQL."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import ColumnElement, false, func, not_, or_, select

from heliograph.core.ids import PREFIXES, raw_of
from heliograph.core.model.listing import Condition, RegistrationField
from heliograph.storage.tables.tables import members, registrations, tags, users

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Select

    from heliograph.core.ids import Id
    from heliograph.core.model.listing import RegistrationFilter

_COLUMNS: dict[RegistrationField, ColumnElement[str]] = {
    RegistrationField.DEVICE_ID: registrations.c.device_id,
    RegistrationField.USER_ID: users.c.external_id,
    RegistrationField.TOKEN: registrations.c.token,
    RegistrationField.PROVIDER: registrations.c.provider,
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
        is_named = users.c.external_id == wanted.external_user_id
        found.append(rows.member_id.in_(_members(application_id, is_named)))
    return found + [spelled(condition) for condition in wanted.conditions]


def spelled(condition: Condition) -> ColumnElement[bool]:
    """Spell one condition: any of its values will do, or any alternative to it."""
    has_one = or_(false(), *(_has(condition, value) for value in condition.values))
    holds = not_(has_one) if condition.is_excluding else has_one
    return or_(holds, *(spelled(other) for other in condition.alternatives))


def _has(condition: Condition, value: str | None) -> ColumnElement[bool]:
    if value is None:
        return registrations.c.member_id.is_(None)
    column = _COLUMNS[condition.field]
    if not condition.is_exact:
        return column.contains(value, autoescape=True)
    if condition.field is RegistrationField.DEVICE_ID:
        # Where the device has no id, it goes by the registration's own.
        raw = raw_of(value.removeprefix(f"{PREFIXES['registration']}_"))
        own_id = registrations.c.id == raw if raw is not None else false()
        return or_(column == value, registrations.c.device_id.is_(None) & own_id)
    return column == value


def _members(application_id: Id, which: ColumnElement[bool]) -> Select[tuple[bytes]]:
    return (
        select(members.c.id)
        .join(users, users.c.id == members.c.user_id)
        .where(members.c.application_id == application_id, which)
    )


def conditions_of(conditions: Sequence[Condition]) -> list[ColumnElement[bool]]:
    """Spell conditions that must all hold."""
    return [spelled(condition) for condition in conditions]
