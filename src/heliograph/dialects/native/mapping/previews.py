"""Previews <- the core's."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from heliograph.core.ids import spell
from heliograph.dialects.native.schemas import previews as schemas

if TYPE_CHECKING:
    from collections.abc import Sequence

    from heliograph.core.notifications.dry_runs import Sample
    from heliograph.core.ports import Preview


def from_samples(samples: Sequence[Sample]) -> schemas.PreviewList:
    """Show what some targets would be sent."""
    return schemas.PreviewList(items=tuple(map(_from_sample, samples)))


def _from_sample(sample: Sample) -> schemas.Sample:
    target = sample.target
    return schemas.Sample(
        registration_id=spell("registration", target.id) if target.is_registered else None,
        recipient=target.recipient or None,
        provider=target.provider,
        environment=sample.environment,
        message=None if sample.message is None else _from_message(sample.message),
        problem=sample.problem,
    )


def _from_message(message: Preview) -> schemas.Message:
    text, encoded = _body_of(message.body)
    return schemas.Message(
        method=message.method,
        host=message.host,
        path=message.path,
        headers=tuple(schemas.Header(name=name, value=value) for name, value in message.headers),
        body=text,
        body_base64=encoded,
        size_bytes=message.size_bytes,
        limit_bytes=message.limit_bytes,
    )


def _body_of(body: bytes) -> tuple[str | None, str | None]:
    """Show bytes as text where they are some, otherwise in Base64: exactly in either case."""
    try:
        return body.decode(), None
    except UnicodeDecodeError:
        return None, base64.b64encode(body).decode()
