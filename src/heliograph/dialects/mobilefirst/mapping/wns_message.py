"""Messages in Microsoft's words: one kind of notification each.

Source: docs/dialects/mobilefirst.md, "Settings of a message".
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydantic import BaseModel

    from heliograph.dialects.mobilefirst.schemas.messages import MessageText
    from heliograph.dialects.mobilefirst.schemas.wns_settings import WnsSettings

_LONGEST_S = 2_592_000
"""Thirty days: WNS keeps nothing longer."""


def to_wns(message: MessageText, settings: WnsSettings | None) -> dict[str, Any]:
    """Say in Microsoft's words what a message says; nothing for a plain toast of its text.

    Of several kinds the first of toast, tile, badge and raw is sent: WNS
    takes one at a time.
    """
    if settings is None:
        return {}
    said = _kind(message, settings)
    headers: dict[str, Any] = {}
    if settings.cache_policy is not None:
        headers["X-WNS-Cache-Policy"] = "cache" if settings.cache_policy else "no-cache"
    if settings.expiration_time is not None:
        headers["X-WNS-TTL"] = min(math.ceil(settings.expiration_time), _LONGEST_S)
    if "tile" in said and settings.tile is not None and settings.tile.tag:
        headers["X-WNS-Tag"] = settings.tile.tag
    return {**said, **({"headers": headers} if headers else {})}


def _kind(message: MessageText, settings: WnsSettings) -> dict[str, Any]:
    if settings.toast is not None:
        toast = _plain(settings.toast)
        if not toast.get("visual", {}).get("binding"):
            text = [{"content": message.alert or ""}]
            binding = {"template": "ToastGeneric", "text": text}
            toast["visual"] = {**toast.get("visual", {}), "binding": binding}
        return {"toast": toast}
    if settings.tile is not None and settings.tile.visual is not None:
        return {"tile": {"visual": _plain(settings.tile.visual)}}
    if settings.badge is not None and settings.badge.value is not None:
        return {"badge": _plain(settings.badge)}
    if settings.raw is not None and settings.raw.payload is not None:
        return {"raw": settings.raw.payload}
    return {}


def _plain(model: BaseModel) -> dict[str, Any]:
    return model.model_dump(mode="json", by_alias=True, exclude_none=True)
