"""Messages in Apple's words.

Source: docs/dialects/mobilefirst.md, "Settings of a message".
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from heliograph.dialects.mobilefirst.schemas.apns_settings import ApnsSettings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from heliograph.dialects.mobilefirst.schemas.messages import MessageText


def to_apns(message: MessageText, settings: ApnsSettings | None, message_id: str) -> dict[str, Any]:
    """Say in Apple's words what a message says beside its text."""
    said = settings or ApnsSettings()
    ours: dict[str, Any] = {"nid": message_id, "payload": payload_text(said.payload, message_id)}
    if message.url:
        ours["url"] = message.url
    if said.type == "SILENT":
        return {"push_type": "background", "aps": {"content-available": 1}, **ours}
    aps: dict[str, Any] = {
        "badge": said.badge,
        "sound": said.sound,
        "category": said.interactive_category or said.category,
        "thread-id": said.apns_thread_id,
        "alert": _given(
            {
                "title": said.title,
                "subtitle": said.subtitle,
                "action-loc-key": said.ios_action_key,
                "title-loc-key": said.title_loc_key,
                "title-loc-args": said.title_loc_args and list(said.title_loc_args),
                "loc-key": said.loc_key,
                "loc-args": said.loc_args and list(said.loc_args),
                "launch-image": said.launch_image,
                "summary-arg": said.apns_group_summary_arg,
                "summary-arg-count": said.apns_group_summary_arg_count,
            }
        )
        or None,
    }
    if said.type == "MIXED":
        aps["content-available"] = 1
    if said.attachment_url:
        # The app's extension fetches it, and runs only for messages that may be changed.
        ours["attachment-url"] = said.attachment_url
        aps["mutable-content"] = 1
    if aps := _given(aps):
        ours["aps"] = aps
    if said.apns_collapse_id:
        ours["headers"] = {"apns-collapse-id": said.apns_collapse_id}
    return ours


def payload_text(payload: Mapping[str, Any] | None, message_id: str) -> str:
    """Spell an app's own words as the SDKs read them: JSON text that names the message as well."""
    return json.dumps(
        {**(payload or {}), "nid": message_id}, ensure_ascii=False, separators=(",", ":")
    )


def _given(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
