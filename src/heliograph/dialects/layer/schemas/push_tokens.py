"""Push tokens."""

from __future__ import annotations

from typing import Literal

from heliograph.dialects.layer.schemas.wire import Body, OptionalLabel
from heliograph.web.schemas import Label, Token


class PushToken(Body):
    """The body of `POST /push_tokens`.

    The order of the fields is the order in which missing ones are named.
    """

    token: Token
    type: Literal["apns", "gcm"]
    device_id: Label
    apns_bundle_id: OptionalLabel = None
    gcm_sender_id: OptionalLabel = None
    ios_version: OptionalLabel = None
