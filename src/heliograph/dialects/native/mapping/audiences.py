"""Audiences <-> the core's."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from heliograph.core.ids import Id, parse
from heliograph.core.model.audience import (
    Address,
    Addresses,
    Audience,
    Devices,
    Everyone,
    Recipient,
    Recipients,
    Registrations,
    Tags,
    Users,
)
from heliograph.dialects.native.schemas import audiences as schemas

if TYPE_CHECKING:
    from collections.abc import Mapping

    from heliograph.core.model.audience import Reach


_NOBODY = Id(bytes(16))
"""Stands for a user whom nobody knows: with all the others it is found out to be none."""

NO_USERS: Mapping[str, Id] = MappingProxyType({})


def users_named(body: schemas.AudienceBody) -> list[str]:
    """Answer the customer's ids of users that are recipients, each once."""
    return [*dict.fromkeys(each.user_id for each in body.recipients or ())]


def to_audience(body: schemas.AudienceBody, users: Mapping[str, Id] = NO_USERS) -> Audience:
    """Translate an audience; the schema saw to it that there is exactly one.

    users: our ids of those that `users_named` answers.
    """
    if body.recipients is not None:
        return Recipients.of(
            tuple(
                Recipient(user_id=users.get(each.user_id, _NOBODY), variables=each.variables)
                for each in body.recipients
            )
        )
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
