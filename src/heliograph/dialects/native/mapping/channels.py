"""Broadcast channels, the core's -> the native API's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from heliograph.core.model.channel import AskedPlace
from heliograph.dialects.native.schemas import channels as schemas

if TYPE_CHECKING:
    from collections.abc import Sequence

    from heliograph.core.model.channel import Channel, ChannelPlace


def to_place(said: schemas.ChannelQuery | schemas.ChannelBody) -> AskedPlace:
    """Read where a channel is."""
    return AskedPlace(said.environment, said.bundle_id)


def from_channel(channel: Channel) -> schemas.Channel:
    """Show a channel."""
    return schemas.Channel(
        id=channel.id,
        environment=channel.place.environment,
        bundle_id=channel.place.bundle_id,
        storage=channel.storage,
    )


def from_channels(place: ChannelPlace, ids: Sequence[str]) -> schemas.ChannelList:
    """Show the channels of an app."""
    return schemas.ChannelList(
        items=tuple(
            schemas.ListedChannel(id=each, environment=place.environment, bundle_id=place.bundle_id)
            for each in ids
        )
    )
