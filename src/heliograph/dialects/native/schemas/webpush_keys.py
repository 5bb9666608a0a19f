"""Web Push keys.

Source: docs/dialects/native.md.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from heliograph.web.schemas import Schema, Text

MAX_CONTACT_CHARS = 256


class WebPushKeyBody(Schema):
    """POST …/webpush/keys. contact: without it, the present one."""

    contact: Annotated[Text, Field(min_length=1, max_length=MAX_CONTACT_CHARS)] | None = None


class WebPushKey(Schema):
    """A public key in base64url: a page's `applicationServerKey`."""

    public_key: str
    is_current: bool


class WebPushKeys(Schema):
    """An application's keys, the current one first."""

    contact: str
    items: tuple[WebPushKey, ...]
