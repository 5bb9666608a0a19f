"""Subscriptions of devices to tags."""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING

from heliograph.core.errors import Conflict, NotFound
from heliograph.core.model.listing import RegistrationField
from heliograph.dialects.mobilefirst.auth import scopes
from heliograph.dialects.mobilefirst.mapping import devices, filters, paging
from heliograph.dialects.mobilefirst.mapping import subscriptions as mapping
from heliograph.dialects.mobilefirst.mapping import tags as tag_names
from heliograph.dialects.mobilefirst.routes.admission import (
    APPLICATION,
    admit,
    also_with_slash,
    answer,
)
from heliograph.dialects.mobilefirst.routes.lists import ListPlace
from heliograph.dialects.mobilefirst.schemas import subscriptions as schemas
from heliograph.web.dialect import Route
from heliograph.web.responses import empty_response

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.responses import Response

    from heliograph.core.core import Core
    from heliograph.core.ids import Id
    from heliograph.core.model.registration import Registration
    from heliograph.dialects.mobilefirst.routes.admission import Admission
    from heliograph.web.request import Request

_COLLECTION = f"{APPLICATION}/subscriptions"
_ONE = f"{_COLLECTION}/{{subscription_id}}"
_SOURCE = "docs/dialects/mobilefirst.md#subscriptions"


async def create_subscription(request: Request, core: Core) -> Response:
    """Subscribe a device to a tag (201) or to several (207), or unsubscribe it (207)."""
    entry = await admit(request, core, scopes.SUBSCRIPTIONS_WRITE)
    query = paging.to_query(request.query_params.multi_items(), schemas.SubscriptionAction)
    body = await request.read(schemas.SubscriptionBody)
    registration = await core.registrations.of_device(
        entry.principal, entry.application, body.device_id
    )
    names = mapping.to_names(body)
    if query.action == "delete":
        return await _unsubscribe(core, entry, registration, names)
    if body.tag_names is not None:
        return await _subscribe(core, entry, registration, names)
    return await _subscribe_to_one(core, entry, registration, names[0])


async def list_subscriptions(request: Request, core: Core) -> Response:
    """List subscriptions; 200."""
    entry = await admit(request, core, scopes.SUBSCRIPTIONS_READ)
    pairs = request.query_params.multi_items()
    at = ListPlace(core, entry, "subscriptions", pairs)
    query = paging.to_query(pairs, schemas.SubscriptionQuery)
    window = at.window(query)
    asked = request.query_params.getlist("filter")
    conditions = (
        *mapping.to_conditions(query),
        *filters.to_conditions(asked, filters.SUBSCRIPTION_FIELDS),
    )
    listed = await core.tags.subscriptions(entry.principal, entry.application, conditions, window)
    shown = (
        mapping.from_listed(row, at.place, is_expanded=query.is_expanded) for row in listed.items
    )
    subscribers = (devices.from_subscriber(row.registration) for row in listed.items)
    return answer(
        schemas.SubscriptionList(
            subscriptions=tuple(shown),
            devices=tuple(subscribers),
            pageInfo=at.page_info(window, listed, attrgetter("key")),
        )
    )


async def delete_subscription_by_name(request: Request, core: Core) -> Response:
    """End the subscription of a device to a tag; 204."""
    entry = await admit(request, core, scopes.SUBSCRIPTIONS_DELETE_BY_NAME)
    key = request.query(schemas.SubscriptionKey)
    conditions = (
        *filters.is_value(RegistrationField.DEVICE_ID, key.device_id),
        *filters.is_value(RegistrationField.LABEL, key.tag_name),
    )
    found = await core.tags.subscription_of(entry.principal, entry.application, conditions)
    name = mapping.key_of(key.device_id, key.tag_name)
    if found is None:
        raise NotFound("subscription", name)
    return await _end(core, entry, found.registration.id, found.label, name)


async def get_subscription(request: Request, core: Core) -> Response:
    """Show one subscription; 200."""
    entry = await admit(request, core, scopes.SUBSCRIPTIONS_READ)
    tag_id, registration_id = mapping.to_ids(request.path_params["subscription_id"])
    found = await core.tags.subscription(
        entry.principal, entry.application, tag_id, registration_id
    )
    return answer(mapping.from_one(found, entry.place("subscriptions")))


async def delete_subscription(request: Request, core: Core) -> Response:
    """End a subscription; 204. The device and the tag stay."""
    entry = await admit(request, core, scopes.SUBSCRIPTIONS_WRITE)
    name = request.path_params["subscription_id"]
    tag_id, registration_id = mapping.to_ids(name)
    found = await core.tags.subscription(
        entry.principal, entry.application, tag_id, registration_id
    )
    return await _end(core, entry, registration_id, found.label, name)


async def _subscribe_to_one(
    core: Core, entry: Admission, registration: Registration, name: str
) -> Response:
    tag_id, is_new = await _subscribed(core, entry, registration, name)
    if not is_new:
        raise Conflict("subscription", mapping.key_of(devices.device_id_of(registration), name))
    place = entry.place("subscriptions")
    return answer(mapping.from_parts(tag_id, name, registration, place), 201)


async def _subscribe(
    core: Core, entry: Admission, registration: Registration, names: Sequence[str]
) -> Response:
    place = entry.place("subscriptions")
    made: list[schemas.Subscription] = []
    present: list[schemas.Subscription] = []
    unknown = []
    for name in names:
        try:
            tag_id, is_new = await _subscribed(core, entry, registration, name)
        except NotFound:
            unknown.append(name)
            continue
        shown = mapping.from_parts(tag_id, name, registration, place)
        (made if is_new else present).append(shown)
    return answer(
        schemas.Subscribed(
            subscribed=tuple(made),
            subscriptionExists=tuple(present),
            tagsNotFound=mapping.not_found(unknown, entry.language),
        ),
        207,
    )


async def _unsubscribe(
    core: Core, entry: Admission, registration: Registration, names: Sequence[str]
) -> Response:
    place = entry.place("subscriptions")
    ended, absent, unknown = [], [], []
    for name in names:
        try:
            tag_id = await _tag_id(core, entry, name)
        except NotFound:
            unknown.append(name)
            continue
        is_ended = await core.tags.unsubscribe(
            entry.principal, entry.application, registration.id, name
        )
        if is_ended:
            ended.append(mapping.from_parts(tag_id, name, registration, place))
        else:
            absent.append(mapping.from_parts(None, name, registration, place))
    return answer(
        schemas.Unsubscribed(
            unsubscribed=tuple(ended),
            subscriptionNotExists=tuple(absent),
            tagsNotFound=mapping.not_found(unknown, entry.language),
        ),
        207,
    )


async def _subscribed(
    core: Core, entry: Admission, registration: Registration, name: str
) -> tuple[Id, bool]:
    """Subscribe to a tag that is there; answer its id, and whether that is new.

    Elsewhere a tag comes to be by its first subscription; this vendor's has
    to be made first. Raises NotFound.
    """
    await _tag_id(core, entry, name)
    is_new = await core.tags.subscribe(entry.principal, entry.application, registration.id, name)
    tag = await core.tags.get(entry.principal, entry.application, name)
    return tag.id, is_new


async def _tag_id(core: Core, entry: Admission, name: str) -> Id | None:
    """Find a tag's id; None for the broadcast tag before anybody has it. Raises NotFound."""
    try:
        return (await core.tags.get(entry.principal, entry.application, name)).id
    except NotFound:
        if tag_names.is_broadcast(name):
            return None
        raise


async def _end(
    core: Core, entry: Admission, registration_id: Id, label: str, name: str
) -> Response:
    """End a subscription that was just seen. name: what the caller knows it as."""
    is_ended = await core.tags.unsubscribe(
        entry.principal, entry.application, registration_id, label
    )
    if not is_ended:
        raise NotFound("subscription", name)
    return empty_response()


ROUTES = also_with_slash(
    (
        Route(
            "POST",
            _COLLECTION,
            create_subscription,
            source=_SOURCE,
            summary="Subscribe a device to tags, or unsubscribe it",
            body=schemas.SubscriptionBody,
            query=schemas.SubscriptionAction,
            answers={201: schemas.Subscription, 207: schemas.Subscribed},
        ),
        Route(
            "GET",
            _COLLECTION,
            list_subscriptions,
            source=_SOURCE,
            summary="List subscriptions",
            query=schemas.SubscriptionQuery,
            answers={200: schemas.SubscriptionList},
        ),
        Route(
            "DELETE",
            _COLLECTION,
            delete_subscription_by_name,
            source=_SOURCE,
            summary="End a device's subscription to a tag",
            query=schemas.SubscriptionKey,
            answers={204: None},
        ),
        Route(
            "GET",
            _ONE,
            get_subscription,
            source=_SOURCE,
            summary="Show a subscription",
            answers={200: schemas.OneSubscription},
        ),
        Route(
            "DELETE",
            _ONE,
            delete_subscription,
            source=_SOURCE,
            summary="End a subscription",
            answers={204: None},
        ),
    )
)
