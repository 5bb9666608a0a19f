"""Use cases of receipts: what devices and networks say became of a delivery.

A receipt is another fact than the provider's "accepted": it comes later, or
never, and from whoever has the device.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from heliograph.core import access
from heliograph.core.errors import InvalidRequest, NotFound, Problem, ProblemKind
from heliograph.core.ids import Id, spell
from heliograph.core.model.identity import Scope, SessionPrincipal
from heliograph.core.model.receipt import Receipt

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from heliograph.core.model.application import Application
    from heliograph.core.model.delivery import Delivery
    from heliograph.core.model.identity import Principal
    from heliograph.core.model.receipt import ReceiptCounters, ReceiptKind
    from heliograph.core.model.registration import ProviderName
    from heliograph.core.ports import Clock
    from heliograph.core.registrations.registrations import Registrations
    from heliograph.core.stores.webhooks import ReceiptStore

MAX_DETAIL_CHARS = 255


class Receipts:
    """Writes receipts once each, and shows them beside deliveries."""

    def __init__(self, store: ReceiptStore, registrations: Registrations, clock: Clock) -> None:
        self._store = store
        self._registrations = registrations
        self._clock = clock

    async def record(self, principal: Principal, application: Application, said: Receipt) -> bool:
        """Write what an app reports; twice is once, and answers False.

        A session reports for its own registrations alone. A time that is still
        to come is taken as now: devices' clocks are wrong. Raises NotFound
        where the notification never went to that registration, InvalidRequest.
        """
        access.require(principal, Scope.REGISTRATIONS_WRITE, application)
        if said.detail is not None and len(said.detail) > MAX_DETAIL_CHARS:
            expected = f"at most {MAX_DETAIL_CHARS} characters"
            raise InvalidRequest([Problem(("detail",), ProblemKind.TOO_LONG, expected)])
        if isinstance(principal, SessionPrincipal):
            if said.target_id is None:
                raise InvalidRequest([Problem(("registration_id",), ProblemKind.MISSING, "given")])
            await self._registrations.get(principal, application, Id(said.target_id))
        return await self._write(said)

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
        """Write what a network reports under the id it gave the message (SMPP).

        was_reached: what that says of the phone, beyond the message. None:
        we know no such message, or not yet. The page it was sent with may
        still be on its way to the store, so the network should say it again.
        """
        place = await self._store.place_of(application_id, provider, provider_message_id)
        if place is None:
            return None
        detail = detail and detail[:MAX_DETAIL_CHARS]
        return await self._store.add_receipt(
            Receipt(
                application_id,
                place.notification_id,
                kind,
                at or self._clock.now(),
                place.target_id,
                place.recipient,
                detail,
                was_reached,
            )
        )

    async def counters(
        self, principal: Principal, application: Application, notification_id: Id
    ) -> ReceiptCounters:
        """Count what was reported of a notification."""
        access.require(principal, Scope.NOTIFICATIONS_READ, application)
        return await self._store.counters(notification_id)

    async def of_deliveries(
        self, principal: Principal, application: Application, deliveries: Sequence[Delivery]
    ) -> Sequence[Mapping[ReceiptKind, datetime]]:
        """Read the receipts of one notification's deliveries, in their order."""
        access.require(principal, Scope.NOTIFICATIONS_READ, application)
        if not deliveries:
            return ()
        places = [(each.recipient, each.target_id) for each in deliveries]
        found = await self._store.of_deliveries(deliveries[0].notification_id, places)
        return [found.get(place, {}) for place in places]

    async def _write(self, said: Receipt) -> bool:
        receipt = replace(said, at=min(said.at, self._clock.now()))
        is_new = await self._store.add_receipt(receipt)
        if is_new is None:
            named = spell("notification", said.notification_id)
            raise NotFound("delivery", f"{named} to {_target_text(said)}")
        return is_new


def _target_text(said: Receipt) -> str:
    if said.target_id is None:
        return f"recipient {said.recipient}"
    return spell("registration", said.target_id)
