"""What webhooks and receipts ask of their store and of whatever carries them out.

Every method of a store may raise `Unavailable`; the others it raises are named.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from heliograph.core.ids import Id
    from heliograph.core.model.receipt import Receipt, ReceiptCounters, ReceiptKind
    from heliograph.core.model.registration import ProviderName
    from heliograph.core.model.webhook import Attempt, Claimed, Event, Rendered, Visit, Webhook


class WebhookStore(Protocol):
    """Webhooks, the events that they are told, and the calls that were made."""

    async def add_webhook(self, webhook: Webhook, sealed: bytes, *, limit: int) -> None:
        """Write a webhook; raises Conflict where its name is taken.

        limit: of an application's webhooks; raises InvalidRequest past it.
        """
        ...

    async def webhook(self, application_id: Id, webhook_id: Id) -> tuple[Webhook, bytes] | None:
        """Read a webhook with its sealed secrets."""
        ...

    async def webhooks(self, application_id: Id) -> Sequence[Webhook]:
        """List an application's webhooks by age."""
        ...

    async def change_webhook(
        self, webhook: Webhook, sealed: bytes | None, *, is_fresh: bool
    ) -> bool:
        """Write a webhook anew; False if it is gone. Raises Conflict for a name that is taken.

        sealed: None leaves its secrets. is_fresh: what it is owed is tried at once.
        """
        ...

    async def remove_webhook(self, application_id: Id, webhook_id: Id) -> bool:
        """Delete a webhook and what it is owed; False where there is none."""
        ...

    async def attempts(self, webhook_id: Id, *, before: Id | None, limit: int) -> Sequence[Attempt]:
        """List the calls of a webhook, newest first."""
        ...

    async def replay(
        self, webhook: Webhook, wanted: ReplayRange | Sequence[Id], *, now: datetime, limit: int
    ) -> int:
        """Owe a webhook events again that it wants and that are still kept; answer how many."""
        ...

    async def claim(
        self, *, now: datetime, leased_until: datetime, webhooks: int, events: int
    ) -> Sequence[Claimed]:
        """Take webhooks that have events due and that nobody else holds."""
        ...

    async def settle(self, visit: Visit) -> bool:
        """Write what came of a claim, and end it; False if it was no longer ours."""
        ...


@dataclass(frozen=True, slots=True)
class ReplayRange:
    """Events of this time: from `since` on, before `until`."""

    since: datetime
    until: datetime


class WebhookPost(Protocol):
    """Calls customers' endpoints."""

    def check_url(self, url: str, *, allows_http: bool) -> str:
        """Let a URL pass that may be called, in its one form; raises InvalidRequest."""
        ...

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> PostAnswer:
        """Call an endpoint, within a deadline. Never raises; follows no redirect."""
        ...


@dataclass(frozen=True, slots=True)
class PostAnswer:
    """What a call came to. status: None where no answer came; detail then says why.

    retry_after: the `Retry-After` header, where there is one.
    """

    status: int | None
    detail: str | None = None
    retry_after: str | None = None


class Renderer(Protocol):
    """Writes an event in a dialect's form."""

    async def __call__(self, event: Event, webhook: Webhook) -> Rendered | None:
        """Render; None where the dialect has nothing to say about this event."""
        ...


class ReceiptStore(Protocol):
    """What devices and networks reported."""

    async def add_receipt(self, receipt: Receipt) -> bool | None:
        """Write a receipt once; True for a new one, None where there is no such delivery."""
        ...

    async def place_of(
        self, application_id: Id, provider: ProviderName, provider_message_id: str
    ) -> MessagePlace | None:
        """Find the delivery that a provider knows by its own id; only SMS keeps them findable."""
        ...

    async def counters(self, notification_id: Id) -> ReceiptCounters:
        """Count a notification's receipts."""
        ...

    async def of_deliveries(
        self, notification_id: Id, targets: Sequence[tuple[int, bytes]]
    ) -> Mapping[tuple[int, bytes], Mapping[ReceiptKind, datetime]]:
        """Read the receipts of deliveries, named by recipient and target."""
        ...


@dataclass(frozen=True, slots=True)
class MessagePlace:
    """Which delivery a provider's message was."""

    notification_id: Id
    target_id: bytes
    recipient: int
