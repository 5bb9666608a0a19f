"""What becomes of a delivery that no provider was asked about."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class Unsent:
    """A delivery that was not attempted, so that no attempt is counted.

    due: when to look at it again; None means that its time is over.
    """

    reason: str
    due: datetime | None
