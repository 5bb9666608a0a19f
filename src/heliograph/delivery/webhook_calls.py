"""One call of a webhook: the body, the headers, the signature.

Source: Standard Webhooks 1.0.0; docs/webhooks.md.
"""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING

from heliograph.core.ids import spell
from heliograph.core.model.webhook import Rendered
from heliograph.core.webhooks.events import iso
from heliograph.core.webhooks.signatures import signature, timestamp

if TYPE_CHECKING:
    from datetime import datetime

    from heliograph.core.model.webhook import Event, Webhook, WebhookSecrets

_SPECIFIED = frozenset({"webhook-id", "webhook-timestamp", "webhook-signature"})


async def standard_form(event: Event, webhook: Webhook) -> Rendered:
    """Write an event as the specification has it."""
    del webhook
    body = {
        "type": event.kind.value,
        "timestamp": iso(event.at),
        "application_id": spell("application", event.application_id),
        "data": event.body,
    }
    return Rendered(json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode())


def headers_of(
    event: Event, rendered: Rendered, held: WebhookSecrets, *, at: datetime
) -> dict[str, str]:
    """Answer the headers of one try, in lower case. at: its time, which is signed along."""
    message_id = spell("event", event.id)
    headers = {
        "content-type": "application/json",
        "user-agent": "Heliograph-Webhooks/1",
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp(at)),
        "webhook-signature": signature(held, message_id, rendered.body, at=at),
    }
    if held.basic is not None:
        headers["authorization"] = "Basic " + base64.b64encode(held.basic.encode()).decode()
    # A dialect adds headers and forges none.
    given = {name.lower(): value for name, value in rendered.headers.items()}
    return {**{n: v for n, v in given.items() if n not in _SPECIFIED}, **headers}
