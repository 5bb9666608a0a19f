"""Broadcast channels: groups of devices that the provider itself keeps."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from heliograph.core.model.registration import Environment


class ChannelStorage(StrEnum):
    """What the provider keeps of a channel's messages for devices that are away."""

    NONE = "none"
    LATEST = "latest"


@dataclass(frozen=True, slots=True)
class ChannelPlace:
    """Where a channel lives: one app in one environment."""

    environment: Environment
    bundle_id: str


@dataclass(frozen=True, slots=True)
class AskedPlace:
    """What a caller says of a place; None: as the application has it."""

    environment: Environment | None = None
    bundle_id: str | None = None


@dataclass(frozen=True, slots=True)
class Channel:
    """One broadcast channel. id: the provider's, for devices and audiences; no secret."""

    id: str
    place: ChannelPlace
    storage: ChannelStorage
