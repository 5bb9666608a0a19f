"""Writes the bodies of webhooks that this dialect made."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from heliograph.core.errors import NotFound
from heliograph.core.ids import parse, spell
from heliograph.core.model.webhook import Rendered
from heliograph.dialects.mobilefirst.auth.callers import APPLICATION_ALIAS
from heliograph.dialects.mobilefirst.mapping.messages import MESSAGE_ALIAS, TEXT_ALIAS
from heliograph.dialects.mobilefirst.mapping.webhook_events import to_envelope

if TYPE_CHECKING:
    from heliograph.core.core import Core
    from heliograph.core.model.webhook import Event, Webhook


class EventRenderer:
    """Spells events as the vendor does."""

    def __init__(self, core: Core) -> None:
        self._core = core

    async def __call__(self, event: Event, webhook: Webhook) -> Rendered | None:
        """Spell an event; None for one that the vendor doesn't have. Raises Unavailable."""
        del webhook
        try:
            application = await self._core.applications.get(event.application_id)
        except NotFound:
            return None
        name = await self._core.aliases.of(
            APPLICATION_ALIAS, application.account_id, application.id
        )
        envelope = to_envelope(
            event, name or spell("application", application.id), await self._message_id(event)
        )
        if envelope is None:
            return None
        text = json.dumps(envelope, ensure_ascii=False, separators=(",", ":"))
        return Rendered(text.encode(errors="replace"))

    async def _message_id(self, event: Event) -> str:
        """Say which message an event is about; one of another API goes by its own id."""
        spelled = event.body.get("notification_id")
        if spelled is None:
            return ""
        notification_id = parse("notification", spelled)
        for kind in (MESSAGE_ALIAS, TEXT_ALIAS):
            known = await self._core.aliases.of(kind, event.application_id, notification_id)
            if known is not None:
                return known
        return str(spelled)
