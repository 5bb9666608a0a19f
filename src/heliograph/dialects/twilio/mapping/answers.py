"""What is the same in many answers: times, and where a thing is."""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING

from heliograph.dialects.twilio.mapping.ids import ROOT, spell_operation
from heliograph.dialects.twilio.schemas.wire import NamedOperation, NamedResource

if TYPE_CHECKING:
    from datetime import datetime

    from heliograph.core.ids import Id


def spell_time(at: datetime) -> str:
    """Spell a time in whole seconds."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def named(collection: str, name: str, base_url: str) -> NamedResource:
    """Name what was written, and where it is. base_url: the door's root as clients see it."""
    location = f"{base_url}{ROOT}/{collection}/{name}"
    return NamedResource(resource_id=name, resource_location=location)


def from_accepted(notification_id: Id, base_url: str) -> NamedOperation:
    """Name the operation that a send began, and where it is."""
    spelled = spell_operation(notification_id)
    location = f"{base_url}{ROOT}/Operations/{spelled}"
    return NamedOperation(operation_id=spelled, operation_location=location)


def headers_of(answer: NamedResource | NamedOperation) -> dict[str, str]:
    """Say the same in headers: `Location`, and the names that the preview version used."""
    if isinstance(answer, NamedOperation):
        return {
            "location": answer.operation_location,
            "operation-id": answer.operation_id,
            "operation-location": answer.operation_location,
        }
    return {
        "location": answer.resource_location,
        "resource-id": answer.resource_id,
        "resource-location": answer.resource_location,
    }
