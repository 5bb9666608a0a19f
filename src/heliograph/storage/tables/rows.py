"""Rows to domain values and back."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from sqlalchemy import Select, select

from heliograph.core.clock import from_ms, to_ms
from heliograph.core.model.registration import (
    NO_ATTRIBUTES,
    Claim,
    Environment,
    ProviderName,
    Registration,
    RegistrationState,
    TokenKind,
)
from heliograph.storage.tables.tables import registrations, users

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sqlalchemy import FromClause, Row

# An enum's own look-up costs ten times as much, and this one is made for every row read.
_PROVIDERS = {each.value: each for each in ProviderName}
_KINDS = {each.value: each for each in TokenKind}
_CLAIMS = {each.value: each for each in Claim}
_STATES = {each.value: each for each in RegistrationState}
_ENVIRONMENTS = {None: None} | {each.value: each for each in Environment}


def select_registrations(source: FromClause = registrations) -> Select[Any]:
    """Select registrations in the form that `to_registration` reads.

    source: the table, or a join that narrows it.
    """
    named = source.outerjoin(users, users.c.id == registrations.c.user_id)
    return select(registrations, users.c.external_id).select_from(named)


def to_registration(row: Row[*tuple[Any, ...]]) -> Registration:
    """Read a registration from a row of `select_registrations`, whose columns have one order."""
    (
        application_id,
        _,
        raw_id,
        slot,
        provider,
        environment,
        kind,
        token,
        token_hash,
        claim,
        shared,
        user_id,
        member_id,
        session_id,
        device_id,
        origin,
        attributes,
        state,
        created_ms,
        refreshed_ms,
        silent_after_ms,
        external_user_id,
        *_,
    ) = row
    return Registration(
        raw_id,
        application_id,
        slot,
        _PROVIDERS[provider],
        token,
        token_hash,
        origin,
        from_ms(created_ms),
        from_ms(refreshed_ms),
        _KINDS[kind],
        _CLAIMS[claim],
        user_id,
        external_user_id,
        member_id,
        session_id,
        device_id,
        _ENVIRONMENTS[environment],
        NO_ATTRIBUTES if attributes == "{}" else json.loads(attributes),
        optional_time(silent_after_ms),
        bool(shared),
        _STATES[state],
    )


def row_of(registration: Registration) -> tuple[Any, ...]:
    """Spell a registration as a row, in the order of its table's columns."""
    return (
        registration.application_id,
        registration.id[-1],
        registration.id,
        registration.slot,
        registration.provider.value,
        registration.environment.value if registration.environment else None,
        registration.kind.value,
        registration.token,
        registration.token_hash,
        registration.claim.value,
        registration.shared,
        registration.user_id,
        registration.member_id,
        registration.session_id,
        registration.device_id,
        registration.origin,
        attributes_text(registration.attributes),
        registration.state.value,
        to_ms(registration.created),
        to_ms(registration.refreshed),
        optional_ms(registration.silent_after),
    )


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
