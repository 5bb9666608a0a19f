"""Messages in Google's words: of data alone, which the vendor's SDK shows itself.

Source: docs/decisions/0026-mobilefirst-messages.md.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from heliograph.core.model.notification import MAX_TTL_S
from heliograph.dialects.mobilefirst.mapping.apns_message import payload_text
from heliograph.dialects.mobilefirst.schemas.gcm_settings import GcmSettings
from heliograph.dialects.mobilefirst.schemas.wire import quoted

if TYPE_CHECKING:
    from heliograph.dialects.mobilefirst.schemas.gcm_settings import Style
    from heliograph.dialects.mobilefirst.schemas.messages import MessageText

_URGENT = frozenset({"max", "high"})


def to_fcm(message: MessageText, settings: GcmSettings | None, message_id: str) -> dict[str, Any]:
    """Say in Google's words what a message says, its text included."""
    said = settings or GcmSettings()
    data = {
        "nid": message_id,
        "alert": message.alert,
        "url": message.url,
        "payload": payload_text(said.payload, message_id),
        "sound": said.sound,
        "priority": said.priority,
        "visibility": said.visibility,
        "redact": said.redact,
        "category": said.category,
        "interactiveCategory": said.interactive_category,
        "bridge": None if said.bridge is None else quoted(said.bridge),
        "sync": None if said.sync is None else quoted(said.sync),
        "lights": said.lights and said.lights.model_dump(by_alias=True, exclude_none=True),
        "style": said.style and _style(said.style),
        "type": said.type,
        "icon": said.icon,
        "androidTitle": said.android_title,
        "groupId": said.group_id,
    }
    android: dict[str, Any] = {}
    if said.priority is not None:
        android["priority"] = "HIGH" if said.priority in _URGENT else "NORMAL"
    if said.time_to_live is not None:
        android["ttl"] = f"{min(math.ceil(said.time_to_live), MAX_TTL_S)}s"
    if said.collapse_key:
        android["collapse_key"] = said.collapse_key
    return {
        # Taken out: what Android shows itself, no SDK ever sees.
        "notification": None,
        "data": {name: value for name, value in data.items() if value is not None},
        **({"android": android} if android else {}),
    }


def _style(style: Style) -> dict[str, Any]:
    """Spell a style with its kind under the name that the SDK reads."""
    shown = style.model_dump(mode="json", by_alias=True, exclude_none=True)
    kind = shown.pop("notification_type", None)
    return {"type": style.type or kind} | shown
