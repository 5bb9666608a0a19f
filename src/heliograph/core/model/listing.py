"""What a list of registrations, tags or subscriptions is narrowed by."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

if TYPE_CHECKING:
    from collections.abc import Sequence

    from heliograph.core.ids import Id
    from heliograph.core.model.registration import ProviderName


T = TypeVar("T")


class RegistrationField(StrEnum):
    """What a condition may look at, in registrations and in subscriptions."""

    DEVICE_ID = "device_id"
    USER_ID = "user_id"
    TOKEN = "token"  # noqa: S105 - a field's name
    PROVIDER = "provider"
    LABEL = "label"
    DESCRIPTION = "description"


class Condition(NamedTuple):
    """A field has one of these values, or contains one of them.

    A value of None matches registrations that nobody owns. is_excluding:
    the field has none of them. alternatives: one of these may hold instead.
    """

    field: RegistrationField
    values: tuple[str | None, ...]
    is_exact: bool = True
    is_excluding: bool = False
    alternatives: tuple[Condition, ...] = ()


class RegistrationFilter(NamedTuple):
    """Which registrations to list; None leaves a field open. conditions: all must hold."""

    external_user_id: str | None = None
    user_id: Id | None = None
    member_id: Id | None = None
    device_id: str | None = None
    provider: ProviderName | None = None
    conditions: tuple[Condition, ...] = ()


ANYTHING = RegistrationFilter()


class Window(NamedTuple):
    """Which part of a list by age is wanted.

    offset: how many items come before it. after, before: the key of the item
    that the part follows, or of the one that follows the part; with either,
    nobody has to count up to the offset, which is then taken as said.
    """

    offset: int
    limit: int
    after: bytes | None = None
    before: bytes | None = None


class Part(NamedTuple, Generic[T]):
    """A part of a list by age. total: items in the whole list; None where nobody counted."""

    items: Sequence[T]
    has_more: bool
    total: int | None


class Listed(NamedTuple, Generic[T]):
    """A part of a list by age. total: items in the whole list, as of a minute ago at most."""

    items: Sequence[T]
    has_more: bool
    total: int
