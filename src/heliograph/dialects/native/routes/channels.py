"""APNs' broadcast channels."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from heliograph.core.ids import spell
from heliograph.dialects.native.mapping import channels as mapping
from heliograph.dialects.native.routes.admission import APPLICATION, PAGE, caller_of
from heliograph.dialects.native.schemas import channels as schemas
from heliograph.dialects.native.schemas import paging
from heliograph.web.dialect import Route
from heliograph.web.responses import empty_response, schema_response

if TYPE_CHECKING:
    from starlette.responses import Response

    from heliograph.core.core import Core
    from heliograph.core.model.application import Application
    from heliograph.web.request import Request


async def create_channel(request: Request, core: Core) -> Response:
    """Make a channel."""
    principal, application = await caller_of(request, core)
    request.query(paging.NoQuery)
    body = await request.read(schemas.ChannelBody)
    channel = await core.channels.create(
        principal,
        application,
        body.storage,
        mapping.to_place(body),
    )
    location = _location_of(request, application, channel.id)
    return schema_response(mapping.from_channel(channel), 201, location)


async def list_channels(request: Request, core: Core) -> Response:
    """List an app's channels."""
    principal, application = await caller_of(request, core)
    query = request.query(schemas.ChannelQuery)
    place, ids = await core.channels.all_of(principal, application, mapping.to_place(query))
    return schema_response(mapping.from_channels(place, ids))


async def get_channel(request: Request, core: Core) -> Response:
    """Show one channel."""
    principal, application = await caller_of(request, core)
    place = mapping.to_place(request.query(schemas.ChannelQuery))
    channel = await core.channels.get(principal, application, request.path_params["channel"], place)
    return schema_response(mapping.from_channel(channel))


async def delete_channel(request: Request, core: Core) -> Response:
    """Delete one channel for good."""
    principal, application = await caller_of(request, core)
    place = mapping.to_place(request.query(schemas.ChannelQuery))
    await core.channels.delete(principal, application, request.path_params["channel"], place)
    return empty_response()


def _location_of(request: Request, application: Application, channel_id: str) -> dict[str, str]:
    """Say where a new channel can be found: its id may hold slashes."""
    parent = f"{request.door.public_url}/v1/applications/{spell('application', application.id)}"
    return {"location": f"{parent}/apns/channels/{quote(channel_id, '')}"}


_ALL = f"{APPLICATION}/apns/channels"
_ONE = f"{_ALL}/{{channel}}"
_SOURCE = f"{PAGE}#channels"

ROUTES = (
    Route(
        "POST",
        _ALL,
        create_channel,
        source=_SOURCE,
        summary="Make a broadcast channel",
        body=schemas.ChannelBody,
        answers={201: schemas.Channel},
    ),
    Route(
        "GET",
        _ALL,
        list_channels,
        source=_SOURCE,
        summary="List broadcast channels",
        query=schemas.ChannelQuery,
        answers={200: schemas.ChannelList},
    ),
    Route(
        "GET",
        _ONE,
        get_channel,
        source=_SOURCE,
        summary="Show a broadcast channel",
        query=schemas.ChannelQuery,
        answers={200: schemas.Channel},
    ),
    Route(
        "DELETE",
        _ONE,
        delete_channel,
        source=_SOURCE,
        summary="Delete a broadcast channel",
        query=schemas.ChannelQuery,
        answers={204: None},
    ),
)
