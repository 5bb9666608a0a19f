"""Web Push keys <- the core's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from heliograph.dialects.native.schemas import webpush_keys as schemas

if TYPE_CHECKING:
    from heliograph.core.applications.webpush_keys import PublicKeys


def from_keys(found: PublicKeys) -> schemas.WebPushKeys:
    """Show all public keys."""
    return schemas.WebPushKeys(
        contact=found.contact,
        items=tuple(
            schemas.WebPushKey(public_key=key, is_current=place == 0)
            for place, key in enumerate(found.keys)
        ),
    )
