"""What a message says to Windows alone: `settings.wns`."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from heliograph.dialects.mobilefirst.schemas.wire import SMALL, Flag, Wire
from heliograph.web.schemas import Int64, Items, Text

Number = Int64 | Text


class Image(Wire):
    """A picture of a template."""

    src: Text
    alt: Text | None = None
    add_image_query: Flag | None = None


class ShownText(Wire):
    """A line of a template."""

    content: Text
    lang: Text | None = None


class Binding(Wire):
    """A template of Windows, filled in."""

    template: Text
    fallback: Text | None = None
    lang: Text | None = None
    base_uri: Text | None = None
    branding: Text | None = None
    add_image_query: Flag | None = None
    content_id: Text | None = None
    image: Items[Image] | None = None
    text: Items[ShownText] | None = None


class _Visual(Wire):
    add_image_query: Flag | None = None
    base_uri: Text | None = None
    branding: Text | None = None
    lang: Text | None = None
    version: Number | None = None


class TileVisual(_Visual):
    """What a tile shows: one template per size."""

    content_id: Text | None = None
    binding: Items[Binding] | None = None


class ToastVisual(_Visual):
    """What a toast shows."""

    binding: Binding | None = None


class Badge(Wire):
    """The mark on a tile: a number, or a glyph's name."""

    value: Number | None = None
    version: Number | None = None


class Raw(Wire):
    """What only the app reads."""

    payload: dict[str, Any] | None = None


class Tile(Wire):
    """A live tile."""

    tag: Text | None = None
    visual: TileVisual | None = None


class Audio(Wire):
    """What a toast sounds like."""

    loop: Flag | None = None
    silent: Flag | None = None
    src: Text | None = None


class Toast(Wire):
    """A toast. `launch` is a string in the reference's text, and an object in its example."""

    audio: Audio | None = None
    duration: Annotated[Literal["short", "long"], SMALL] | None = None
    launch: Text | dict[str, Any] | None = None
    visual: ToastVisual | None = None


class WnsSettings(Wire):
    """Source: docs/dialects/mobilefirst.md, "Settings of a message"."""

    badge: Badge | None = None
    cache_policy: Flag | None = None
    expiration_time: Annotated[float, Field(ge=0)] | None = None
    raw: Raw | None = None
    tile: Tile | None = None
    toast: Toast | None = None
