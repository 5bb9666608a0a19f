"""Rows to domain values and back."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from sqlalchemy import Select, select

from heliograph.core.clock import from_ms, to_ms
from heliograph.core.ids import Id
from heliograph.core.model.registration import (
    Claim,
    Environment,
    ProviderName,
    Registration,
    RegistrationState,
    TokenKind,
)
from heliograph.storage.tables import registrations, users

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sqlalchemy import FromClause, Row


def select_registrations(source: FromClause = registrations) -> Select[Any]:
    """Select registrations in the form that `to_registration` reads.

    source: the table, or a join that narrows it.
    """
    named = source.outerjoin(users, users.c.id == registrations.c.user_id)
    return select(registrations, users.c.external_id).select_from(named)


def to_registration(row: Row[Any]) -> Registration:
    """Read a registration from a row of `select_registrations`."""
    return Registration(
        id=Id(row.id),
        application_id=Id(row.application_id),
        slot=row.slot,
        provider=ProviderName(row.provider),
        token=row.token,
        token_hash=row.token_hash,
        origin=row.origin,
        created=from_ms(row.created_ms),
        refreshed=from_ms(row.refreshed_ms),
        kind=TokenKind(row.kind),
        claim=Claim(row.claim),
        user_id=row.user_id,
        external_user_id=row.external_id,
        member_id=row.member_id,
        session_id=row.session_id,
        device_id=row.device_id,
        environment=Environment(row.environment) if row.environment else None,
        attributes=json.loads(row.attributes),
        silent_after=optional_time(row.silent_after_ms),
        shared=row.shared,
        state=RegistrationState(row.state),
    )


def row_of(registration: Registration) -> tuple[Any, ...]:
    """Spell a registration as a row, in the order of its table's columns."""
    return tuple(from_registration(registration).values())


def from_registration(registration: Registration) -> dict[str, Any]:
    """Spell a registration by its table's columns, in their order."""
    return {
        "application_id": registration.application_id,
        "bucket": registration.bucket,
        "id": registration.id,
        "slot": registration.slot,
        "provider": registration.provider.value,
        "environment": registration.environment.value if registration.environment else None,
        "kind": registration.kind.value,
        "token": registration.token,
        "token_hash": registration.token_hash,
        "claim": registration.claim.value,
        "shared": registration.shared,
        "user_id": registration.user_id,
        "member_id": registration.member_id,
        "session_id": registration.session_id,
        "device_id": registration.device_id,
        "origin": registration.origin,
        "attributes": attributes_text(registration.attributes),
        "state": registration.state.value,
        "created_ms": to_ms(registration.created),
        "refreshed_ms": to_ms(registration.refreshed),
        "silent_after_ms": optional_ms(registration.silent_after),
    }


def attributes_text(attributes: Mapping[str, Any]) -> str:
    """Spell attributes so that equal ones are equal text: variants are cached by it."""
    if not attributes:
        return "{}"
    return json.dumps(dict(attributes), sort_keys=True, separators=(",", ":"))


def optional_time(millis: int | None) -> datetime | None:
    """Read a nullable time."""
    return None if millis is None else from_ms(millis)


def optional_ms(instant: datetime | None) -> int | None:
    """Spell a nullable time."""
    return None if instant is None else to_ms(instant)
