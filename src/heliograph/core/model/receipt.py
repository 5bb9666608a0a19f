"""Receipts: later evidence of what became of a delivery."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from heliograph.core.model.webhook import EventKind

if TYPE_CHECKING:
    from datetime import datetime

    from heliograph.core.ids import Id


class ReceiptKind(StrEnum):
    """What the device, or the network that carried the message, reports."""

    DELIVERED = "delivered"
    OPENED = "opened"
    DISMISSED = "dismissed"
    FAILED = "failed"

    @property
    def event_kind(self) -> EventKind:
        """What webhooks call it."""
        return EventKind(f"receipt.{self.value}")


@dataclass(frozen=True, slots=True)
class Receipt:
    """One piece of evidence about one delivery. detail: the reporter's own words.

    The delivery is named by its target (a registration's id, or of a bare address
    16 bytes of its token's hash), by its ordinal in a listed audience, or by both.
    was_reached: what a network says of the phone itself, where it says anything.
    """

    application_id: Id
    notification_id: Id
    kind: ReceiptKind
    at: datetime
    target_id: bytes | None = None
    recipient: int | None = None
    detail: str | None = None
    was_reached: bool | None = None


@dataclass(frozen=True, slots=True)
class ReceiptCounters:
    """How many deliveries have which evidence."""

    delivered: int = 0
    opened: int = 0
    dismissed: int = 0
    failed: int = 0
