"""Deliveries <-> the core's."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from heliograph.core.ids import parse, spell
from heliograph.core.model.delivery import Cursor, Delivery, DeliveryFilter
from heliograph.dialects.native.mapping.cursors import read_cursor, write_cursor
from heliograph.dialects.native.mapping.receipts import from_receipts
from heliograph.dialects.native.schemas import deliveries as schemas

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from heliograph.core.model.receipt import ReceiptKind
    from heliograph.core.notifications.notifications import DeliveryPage

_DELIVERY_CURSOR = struct.Struct(">BI16s")


def to_delivery_cursor(text: str | None) -> Cursor | None:
    """Read the cursor of a list of deliveries; raises InvalidRequest."""
    if text is None:
        return None
    return Cursor(*_DELIVERY_CURSOR.unpack(read_cursor(text, _DELIVERY_CURSOR.size)))


def to_filter(query: schemas.DeliveryQuery) -> DeliveryFilter:
    """Translate a list's filters."""
    registration = query.registration
    return DeliveryFilter(
        user_id=query.user,
        registration_id=None if registration is None else parse("registration", registration),
        state=query.state,
    )


def from_deliveries(
    page: DeliveryPage, receipts: Sequence[Mapping[ReceiptKind, datetime]]
) -> schemas.DeliveryList:
    """Show a part of the deliveries, each with its receipts."""
    after = page.next_after
    return schemas.DeliveryList(
        items=tuple(map(_from_delivery, page.items, receipts)),
        next=None if after is None else write_cursor(_DELIVERY_CURSOR.pack(*after)),
    )


def _from_delivery(
    delivery: Delivery, receipts: Mapping[ReceiptKind, datetime]
) -> schemas.Delivery:
    # A user without a device leaves a record that names none.
    is_registered = delivery.is_registered and bool(delivery.target_id)
    return schemas.Delivery(
        registration_id=spell("registration", delivery.target_id) if is_registered else None,
        recipient=None if is_registered else delivery.recipient,
        provider=delivery.provider,
        state=delivery.state,
        reason=delivery.reason,
        provider_message_id=delivery.message_id,
        attempts=delivery.attempts,
        at=delivery.at,
        next_attempt_at=delivery.next_attempt_at,
        receipts=from_receipts(receipts),
    )
