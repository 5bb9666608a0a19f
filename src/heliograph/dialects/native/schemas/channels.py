"""APNs' broadcast channels.

Source: docs/dialects/native.md, "Channels".
"""

from __future__ import annotations

from heliograph.core.model.channel import ChannelStorage
from heliograph.core.model.registration import Environment
from heliograph.web.schemas import Choice, Label, Schema


class ChannelQuery(Schema):
    """Where a channel is: the application's environment and bundle id unless given."""

    environment: Choice[Environment] | None = None
    bundle_id: Label | None = None


class ChannelBody(Schema):
    """POST …/apns/channels. environment, bundle_id: the application's unless given."""

    storage: Choice[ChannelStorage] = ChannelStorage.NONE
    environment: Choice[Environment] | None = None
    bundle_id: Label | None = None


class ListedChannel(Schema):
    """A channel as it is shown in lists."""

    id: str
    environment: Environment
    bundle_id: str


class Channel(ListedChannel):
    """A channel. storage: what APNs keeps of its messages for devices that are away."""

    storage: ChannelStorage


class ChannelList(Schema):
    """All channels of an app."""

    items: tuple[ListedChannel, ...]
    next: None = None
