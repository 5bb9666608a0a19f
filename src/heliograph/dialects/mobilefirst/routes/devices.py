"""Device registrations."""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING

from heliograph.core.model.listing import RegistrationField, RegistrationFilter
from heliograph.dialects.mobilefirst.auth import scopes
from heliograph.dialects.mobilefirst.mapping import devices as mapping
from heliograph.dialects.mobilefirst.mapping import filters, paging
from heliograph.dialects.mobilefirst.routes.admission import (
    APPLICATION,
    admit,
    also_with_slash,
    answer,
)
from heliograph.dialects.mobilefirst.routes.lists import ListPlace
from heliograph.dialects.mobilefirst.schemas import devices as schemas
from heliograph.web.dialect import Route
from heliograph.web.responses import empty_response

if TYPE_CHECKING:
    from starlette.responses import Response

    from heliograph.core.core import Core
    from heliograph.web.request import Request

_COLLECTION = f"{APPLICATION}/devices"
_ONE = f"{_COLLECTION}/{{device_id}}"
_SOURCE = "docs/dialects/mobilefirst.md#devices"


async def create_device(request: Request, core: Core) -> Response:
    """Register a device; 201 with it."""
    entry = await admit(request, core, scopes.DEVICES_WRITE)
    body = await request.read(schemas.DeviceBody)
    await core.registrations.require_new_device(entry.principal, entry.application, body.device_id)
    user_agent = request.headers.get("user-agent", "")
    draft = mapping.to_draft(body, entry.application, user_agent, now=core.clock.now())
    registration = await core.registrations.register(entry.principal, entry.application, draft)
    return answer(mapping.from_new(registration, entry.place("devices")), 201)


async def list_devices(request: Request, core: Core) -> Response:
    """List device registrations, whichever door they came through; 200."""
    entry = await admit(request, core, scopes.DEVICES_READ)
    pairs = request.query_params.multi_items()
    at = ListPlace(core, entry, "devices", pairs)
    query = paging.to_query(pairs, schemas.DeviceQuery)
    window = at.window(query)
    conditions = (
        *filters.is_value(RegistrationField.USER_ID, query.user_id),
        *filters.to_conditions(request.query_params.getlist("filter"), filters.DEVICE_FIELDS),
    )
    listed = await core.registrations.page(
        entry.principal, entry.application, RegistrationFilter(conditions=conditions), window
    )
    shown = (
        mapping.from_listed(row, at.place, is_expanded=query.is_expanded) for row in listed.items
    )
    info = at.page_info(window, listed, attrgetter("id"))
    return answer(schemas.DeviceList(devices=tuple(shown), pageInfo=info))


async def get_device(request: Request, core: Core) -> Response:
    """Show one device registration; 200."""
    entry = await admit(request, core, scopes.DEVICES_READ)
    registration = await core.registrations.of_device(
        entry.principal, entry.application, mapping.to_device_id(request.path_params["device_id"])
    )
    return answer(mapping.from_registration(registration, entry.place("devices")))


async def update_device(request: Request, core: Core) -> Response:
    """Change a device's token, user or phone number; 200 with the device."""
    entry = await admit(request, core, scopes.DEVICES_WRITE)
    device_id = mapping.to_device_id(request.path_params["device_id"])
    body = await request.read(schemas.DeviceChanges)
    registration = await core.registrations.of_device(entry.principal, entry.application, device_id)
    now = core.clock.now()
    changes = mapping.to_changes(body, registration, device_id, entry.application, now=now)
    promotion = mapping.to_promotion(body, registration, entry.application, now=now)
    if promotion is None:
        changed = await core.registrations.change(
            entry.principal, entry.application, registration.id, changes
        )
    else:
        changed = await core.registrations.register(entry.principal, entry.application, promotion)
    return answer(mapping.from_registration(changed, entry.place("devices")))


async def delete_device(request: Request, core: Core) -> Response:
    """Forget a device registration with its subscriptions; 204."""
    entry = await admit(request, core, scopes.DEVICES_WRITE)
    registration = await core.registrations.of_device(
        entry.principal, entry.application, mapping.to_device_id(request.path_params["device_id"])
    )
    await core.registrations.remove(entry.principal, entry.application, registration.id)
    return empty_response()


ROUTES = also_with_slash(
    (
        Route(
            "POST",
            _COLLECTION,
            create_device,
            source=_SOURCE,
            summary="Register a device",
            body=schemas.DeviceBody,
            answers={201: schemas.Device},
        ),
        Route(
            "GET",
            _COLLECTION,
            list_devices,
            source=_SOURCE,
            summary="List device registrations",
            query=schemas.DeviceQuery,
            answers={200: schemas.DeviceList},
        ),
        Route(
            "GET",
            _ONE,
            get_device,
            source=_SOURCE,
            summary="Show a device registration",
            answers={200: schemas.Device},
        ),
        Route(
            "PUT",
            _ONE,
            update_device,
            source=_SOURCE,
            summary="Change a device registration",
            body=schemas.DeviceChanges,
            answers={200: schemas.Device},
        ),
        Route(
            "DELETE",
            _ONE,
            delete_device,
            source=_SOURCE,
            summary="Forget a device registration",
            answers={204: None},
        ),
    )
)
