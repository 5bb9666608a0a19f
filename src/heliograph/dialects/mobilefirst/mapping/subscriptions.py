"""Subscriptions: a device's memberships of tags."""

from __future__ import annotations

from typing import TYPE_CHECKING

from heliograph.core.errors import NotFound
from heliograph.core.ids import Id, letters_of, raw_of
from heliograph.core.model.listing import Condition, RegistrationField
from heliograph.dialects.mobilefirst.errors.messages import DEFAULT_LANGUAGE, message_of
from heliograph.dialects.mobilefirst.errors.table import TABLE
from heliograph.dialects.mobilefirst.mapping import devices
from heliograph.dialects.mobilefirst.mapping.filters import is_value
from heliograph.dialects.mobilefirst.mapping.paging import CREATED_MODE, timestamp
from heliograph.dialects.mobilefirst.mapping.tags import canonical
from heliograph.dialects.mobilefirst.schemas.subscriptions import (
    OneSubscription,
    Subscription,
    TagsNotFound,
)
from heliograph.dialects.mobilefirst.schemas.wire import PageInfo

if TYPE_CHECKING:
    from collections.abc import Sequence

    from heliograph.core.model.registration import Registration
    from heliograph.core.model.tag import Subscription as CoreSubscription
    from heliograph.dialects.mobilefirst.mapping.paging import Place
    from heliograph.dialects.mobilefirst.schemas.subscriptions import (
        SubscriptionBody,
        SubscriptionQuery,
    )

_LETTERS = 26

_ONE_OF_ONE = PageInfo(count="1", totalCount="1", next="", previous="")


def to_ids(subscription_id: str) -> tuple[Id, Id]:
    """Read a subscription's id back into its tag's and its registration's; raises NotFound."""
    tag_id = raw_of(subscription_id[:_LETTERS])
    registration_id = raw_of(subscription_id[_LETTERS:])
    if tag_id is None or registration_id is None:
        raise NotFound("subscription", subscription_id)
    return tag_id, registration_id


def to_conditions(query: SubscriptionQuery) -> tuple[Condition, ...]:
    """Read what a list's own parameters ask for."""
    return (
        *is_value(RegistrationField.DEVICE_ID, query.device_id),
        *is_value(RegistrationField.LABEL, query.tag_name),
        *is_value(RegistrationField.USER_ID, query.user_id),
    )


def to_names(body: SubscriptionBody) -> tuple[str, ...]:
    """Say which tags a body names, each once; several beat one."""
    names = body.tag_names or (body.tag_name or "",)
    return tuple(dict.fromkeys(canonical(name) for name in names))


def not_found(names: Sequence[str], language: str = DEFAULT_LANGUAGE) -> TagsNotFound:
    """Say which tags of a request do not exist, even if none."""
    code = TABLE[NotFound].code
    facts = {"kind": "tag", "id": ", ".join(names)}
    message = message_of(code, facts, language=language) if names else ""
    return TagsNotFound(tags=tuple(names), message=message, code=code)


def key_of(device_id: str, tag_name: str) -> str:
    """Name a subscription that has no id because it is not there."""
    return f"{device_id}, {tag_name}"


def from_parts(
    tag_id: Id | None, label: str, registration: Registration, place: Place
) -> Subscription:
    """Show a subscription. tag_id: None for one that is not there, which has no id."""
    device_id = devices.device_id_of(registration)
    return Subscription(
        subscriptionId=None if tag_id is None else _id_of(tag_id, registration),
        deviceId=device_id,
        tagName=label,
        userId=devices.user_of(registration),
        href=place.query_link(deviceId=device_id, tagName=label),
    )


def from_listed(subscription: CoreSubscription, place: Place, *, is_expanded: bool) -> Subscription:
    """Show a subscription in a list."""
    shown = from_parts(subscription.tag_id, subscription.label, subscription.registration, place)
    if not is_expanded:
        return shown
    metadata = {"created_mode": CREATED_MODE, "created_time": timestamp(subscription.created)}
    return shown.model_copy(update=metadata)


def from_one(subscription: CoreSubscription, place: Place) -> OneSubscription:
    """Show a single subscription, as itself and as a list of one device."""
    shown = from_parts(subscription.tag_id, subscription.label, subscription.registration, place)
    return OneSubscription(
        **shown.model_dump(by_alias=True),
        devices=(devices.from_subscriber(subscription.registration),),
        pageInfo=_ONE_OF_ONE,
    )


def _id_of(tag_id: Id, registration: Registration) -> str:
    return letters_of(tag_id) + letters_of(registration.id)
