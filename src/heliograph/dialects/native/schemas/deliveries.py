"""Deliveries.

Source: docs/dialects/native.md.
"""

from __future__ import annotations

from datetime import datetime

from heliograph.core.model.delivery import DeliveryState
from heliograph.core.model.registration import ProviderName
from heliograph.dialects.native.schemas.audiences import RegistrationId  # noqa: TC001 - pydantic reads it
from heliograph.dialects.native.schemas.paging import PageQuery
from heliograph.dialects.native.schemas.receipts import Receipts
from heliograph.web.schemas import Choice, Label, Schema


class DeliveryQuery(PageQuery):
    """Which deliveries to list. user: your id of one, or ours."""

    user: Label | None = None
    registration: RegistrationId | None = None
    state: Choice[DeliveryState] | None = None


class Delivery(Schema):
    """One delivery. recipient: the position in a list of addresses."""

    registration_id: str | None
    recipient: int | None
    provider: ProviderName | None
    state: DeliveryState
    reason: str | None
    provider_message_id: str | None
    attempts: int
    at: datetime
    next_attempt_at: datetime | None
    receipts: Receipts


class DeliveryList(Schema):
    """A part of the deliveries. next: the cursor of the next part."""

    items: tuple[Delivery, ...]
    next: str | None
