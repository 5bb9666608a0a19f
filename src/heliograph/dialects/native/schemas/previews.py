"""Previews of messages.

Source: docs/dialects/native.md.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from heliograph.core.model.registration import Environment, ProviderName
from heliograph.core.notifications.dry_runs import DEFAULT_SAMPLES, MAX_SAMPLES
from heliograph.web.schemas import Schema


class PreviewQuery(Schema):
    """How many targets of each provider to render for."""

    samples: Annotated[int, Field(ge=1, le=MAX_SAMPLES)] = DEFAULT_SAMPLES


class Header(Schema):
    """One header. A secret stands as "…"."""

    name: str
    value: str


class Message(Schema):
    """What one provider would get. body: its text; where it is none, body_base64.

    size_bytes: of what counts against limit_bytes, the provider's own limit.
    """

    method: str
    host: str
    path: str
    headers: tuple[Header, ...]
    body: str | None
    body_base64: str | None
    size_bytes: int
    limit_bytes: int


class Sample(Schema):
    """One target. recipient: the place in a list. problem: why it would not be sent to."""

    registration_id: str | None
    recipient: int | None
    provider: ProviderName
    environment: Environment
    message: Message | None
    problem: str | None


class PreviewList(Schema):
    """Some targets of each provider of an audience."""

    items: tuple[Sample, ...]
