"""What a message says to iOS alone: `settings.apns`."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator

from heliograph.dialects.mobilefirst.schemas.wire import CAPITALS, Wire
from heliograph.web.schemas import Int64, Items, Text


def _absent_if_empty(value: object) -> object:
    # Two pages show an empty string where there is no payload.
    return None if value == "" else value


def _as_text(value: object) -> object:
    # One page shows a number.
    return str(value) if type(value) is int else value


Payload = Annotated[dict[str, Any] | None, BeforeValidator(_absent_if_empty)]
"""An app's own words."""


class ApnsSettings(Wire):
    """Source: docs/dialects/mobilefirst.md, "Settings of a message"."""

    badge: Int64 | None = None
    sound: Text | None = None
    ios_action_key: Text | None = None
    payload: Payload = None
    type: Annotated[Literal["DEFAULT", "MIXED", "SILENT"], CAPITALS] | None = None
    category: Annotated[Text, BeforeValidator(_as_text)] | None = None
    interactive_category: Text | None = None
    title: Text | None = None
    subtitle: Text | None = None
    attachment_url: Text | None = None
    title_loc_key: Text | None = None
    title_loc_args: Items[Text] | None = None
    loc_key: Text | None = None
    loc_args: Items[Text] | None = None
    launch_image: Text | None = None
    apns_collapse_id: Text | None = None
    apns_thread_id: Text | None = None
    apns_group_summary_arg: Text | None = None
    apns_group_summary_arg_count: Int64 | None = None
