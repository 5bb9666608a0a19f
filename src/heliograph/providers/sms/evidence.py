"""Receipts on their way from an SMS centre to the core.

A centre may report a message before the page that it was sent with is
written, so a report that finds nothing waits a moment. One that never finds
anything is asked for once more, and then let go: it is nobody's.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from heliograph.core.errors import CoreError
from heliograph.core.model.registration import ProviderName

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from heliograph.core.ids import Id
    from heliograph.core.model.receipt import ReceiptKind

MAX_REMEMBERED: Final = 100_000
"""Ids of messages that are remembered, of those taken lately and of those that nobody knew."""

PAUSES_S: Final = (0.2, 0.5, 1.0, 2.0)
"""Between looks for a message that isn't written yet: a page takes a moment."""


@dataclass(frozen=True, slots=True)
class SmsReceipt:
    """What a centre reported of a message. message_ids: what our records may call it.

    was_reached: what it says of the phone itself, where it says anything.
    """

    application_id: Id
    message_ids: Sequence[str]
    kind: ReceiptKind
    at: datetime
    detail: str
    was_reached: bool | None = None


class ReceiptSink(Protocol):
    """Takes receipts."""

    async def take(self, receipt: SmsReceipt) -> bool:
        """Record a receipt; False asks for it again later. Never raises."""
        ...


class Ledger(Protocol):
    """Writes what a network reports; the core's `Receipts`."""

    async def of_provider(
        self,
        application_id: Id,
        provider: ProviderName,
        provider_message_id: str,
        kind: ReceiptKind,
        *,
        at: datetime | None = None,
        detail: str | None = None,
        was_reached: bool | None = None,
    ) -> bool | None:
        """Write a receipt; None where there is no such message, or not yet."""
        ...


class Recent:
    """The latest ids, by application: a bounded set."""

    def __init__(self, size: int = MAX_REMEMBERED) -> None:
        self._size = size
        self._ids: OrderedDict[tuple[Id, str], None] = OrderedDict()

    def note(self, application_id: Id, message_id: str) -> None:
        """Remember an id."""
        self._ids[application_id, message_id] = None
        if len(self._ids) > self._size:
            self._ids.popitem(last=False)

    def find(self, application_id: Id, message_ids: Sequence[str]) -> str | None:
        """Answer the first of some ids that is remembered."""
        return next((each for each in message_ids if (application_id, each) in self._ids), None)


class ReceiptDesk:
    """Takes receipts for the core."""

    def __init__(self, ledger: Ledger, *, pauses_s: Sequence[float] = PAUSES_S) -> None:
        self._ledger = ledger
        self._pauses_s = pauses_s
        self._unknown = Recent()

    async def take(self, receipt: SmsReceipt) -> bool:
        """Record a receipt; False asks for it again later. Never raises."""
        for pause_s in (*self._pauses_s, None):
            try:
                if await self._write(receipt):
                    return True
            except CoreError:
                # The store is away: whatever the centre keeps, it may keep a while longer.
                return False
            if pause_s is not None:
                await asyncio.sleep(pause_s)
        named = receipt.message_ids[0]
        if self._unknown.find(receipt.application_id, (named,)) is not None:
            return True
        self._unknown.note(receipt.application_id, named)
        return False

    async def _write(self, receipt: SmsReceipt) -> bool:
        for message_id in receipt.message_ids:
            written = await self._ledger.of_provider(
                receipt.application_id,
                ProviderName.SMS,
                message_id,
                receipt.kind,
                at=receipt.at,
                detail=receipt.detail,
                was_reached=receipt.was_reached,
            )
            if written is not None:
                return True
        return False
