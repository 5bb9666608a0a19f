"""Audiences <-> the core's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from heliograph.core.ids import parse
from heliograph.core.model.audience import (
    Address,
    Addresses,
    Audience,
    Devices,
    Everyone,
    Recipients,
    Registrations,
    Tags,
    Users,
)
from heliograph.dialects.native.schemas import audiences as schemas

if TYPE_CHECKING:
    from heliograph.core.model.audience import Reach


def to_audience(body: schemas.AudienceBody) -> Audience:
    """Translate an audience; the schema saw to it that there is exactly one."""
    if body.users is not None:
        return Users(body.users)
    if body.registrations is not None:
        return Registrations(tuple(parse("registration", text) for text in body.registrations))
    if body.tags is not None:
        return Tags(body.tags)
    if body.addresses is not None:
        return Addresses(
            tuple(Address(each.provider, each.token, each.form) for each in body.addresses)
        )
    return Everyone()


_FORMS: dict[type[Audience], str] = {
    Users: "users",
    Devices: "devices",
    Registrations: "registrations",
    Tags: "tags",
    Addresses: "addresses",
    Recipients: "recipients",
    Everyone: "everyone",
}


def form_of(audience: Audience) -> str:
    """Name the form of an audience."""
    return _FORMS[type(audience)]


def from_reach(reach: Reach) -> schemas.Reach:
    """Show whom an audience reaches."""
    total = sum(item.count for item in reach.items)
    return schemas.Reach(
        total=total,
        is_exact=reach.is_exact,
        estimate=round(total / reach.counted),
        items=tuple(
            schemas.Reached(provider=item.provider, kind=item.kind, count=item.count)
            for item in reach.items
        ),
    )
