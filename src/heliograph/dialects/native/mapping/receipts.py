"""Receipts <-> the core's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from heliograph.core.errors import InvalidRequest, Problem, ProblemKind
from heliograph.core.ids import parse
from heliograph.core.model.receipt import Receipt
from heliograph.dialects.native.schemas import receipts as schemas

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from heliograph.core.ids import Id
    from heliograph.core.model.receipt import ReceiptCounters, ReceiptKind


def to_receipt(
    body: schemas.ReceiptBody, application_id: Id, notification_id: Id, now: datetime
) -> Receipt:
    """Translate a receipt; raises InvalidRequest unless it names one target."""
    if (body.registration_id is None) == (body.recipient is None):
        expected = "given, or `recipient` in its place"
        kind = ProblemKind.MISSING if body.recipient is None else ProblemKind.NOT_ALLOWED
        raise InvalidRequest([Problem(("registration_id",), kind, expected)])
    registration = body.registration_id
    return Receipt(
        application_id=application_id,
        notification_id=notification_id,
        kind=body.kind,
        at=body.at or now,
        target_id=None if registration is None else parse("registration", registration),
        recipient=body.recipient,
        detail=body.detail,
    )


def from_receipts(found: Mapping[ReceiptKind, datetime]) -> schemas.Receipts:
    """Show a delivery's receipts."""
    return schemas.Receipts(**{kind.value: at for kind, at in found.items()})


def from_counters(counters: ReceiptCounters) -> schemas.ReceiptCounters:
    """Show a notification's receipts."""
    return schemas.ReceiptCounters(
        delivered=counters.delivered,
        opened=counters.opened,
        dismissed=counters.dismissed,
        failed=counters.failed,
    )
