"""Receipts.

Source: docs/dialects/native.md, "Receipts".
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import Field

from heliograph.core.model.receipt import ReceiptKind
from heliograph.core.notifications.receipts import MAX_DETAIL_CHARS
from heliograph.dialects.native.schemas.audiences import RegistrationId
from heliograph.dialects.native.schemas.times import Moment
from heliograph.web.schemas import Choice, Schema, Text


class ReceiptBody(Schema):
    """POST …/receipts. recipient: the position in a list of addresses, in place of the id."""

    kind: Choice[ReceiptKind]
    registration_id: RegistrationId | None = None
    recipient: Annotated[int, Field(ge=1, le=2**31 - 1)] | None = None
    at: Moment | None = None
    detail: Annotated[Text, Field(max_length=MAX_DETAIL_CHARS)] | None = None


class Receipts(Schema):
    """When a delivery was reported to be what."""

    delivered: datetime | None = None
    opened: datetime | None = None
    dismissed: datetime | None = None
    failed: datetime | None = None


class ReceiptCounters(Schema):
    """How many deliveries were reported to be what."""

    delivered: int
    opened: int
    dismissed: int
    failed: int
