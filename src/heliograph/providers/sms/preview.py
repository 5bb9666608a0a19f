"""What a text message would be, shown before it is sent. Pure.

Source: docs/providers/sms.md, "Preview".
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from heliograph.core.ports import Preview
from heliograph.providers.sms.request import problem_of, shown_request, size_limit_bytes
from heliograph.providers.sms.settings import gateway_url

if TYPE_CHECKING:
    from heliograph.core.model.application import SmppAccount, SmsGateway
    from heliograph.core.model.delivery import Target
    from heliograph.providers.sms.request import Message


def smpp_preview(
    account: SmppAccount, message: Message, target: Target, max_segments: int
) -> Preview:
    """Show a submission: whom it is for and from, and the text that its parts carry."""
    headers = (
        ("to", target.token),
        ("from", account.sender if message.sender is None else message.sender),
        *_measured(message),
    )
    body = message.text.encode("utf-8", "replace")
    return Preview(
        method="SUBMIT_SM",
        host=f"{account.host}:{account.port}",
        path="",
        headers=headers,
        body=body,
        size_bytes=message.segments.size_bytes,
        limit_bytes=size_limit_bytes(max_segments),
        problem=problem_of(message, target),
    )


def gateway_preview(
    gateway: SmsGateway, message: Message, target: Target, max_segments: int, problem: str | None
) -> Preview:
    """Show a request to a gateway, with "…" for what the operator set, which may be a secret."""
    asked = shown_request(gateway, message, target.token)
    parts = urlsplit(gateway_url(gateway))
    return Preview(
        method=asked.method,
        host=parts.netloc,
        path=asked.url.partition(parts.netloc)[2] if parts.netloc else "",
        headers=(*asked.headers.items(), *_measured(message)),
        body=asked.body,
        size_bytes=message.segments.size_bytes,
        limit_bytes=size_limit_bytes(max_segments),
        problem=problem or problem_of(message, target),
    )


def _measured(message: Message) -> tuple[tuple[str, str], ...]:
    """Say how long a text is, in the headers that a network doesn't have."""
    segments = message.segments
    return (
        ("sms-coding", segments.coding.value),
        ("sms-characters", str(len(message.text))),
        ("sms-units", str(segments.units)),
        ("sms-segments", str(segments.count)),
    )
