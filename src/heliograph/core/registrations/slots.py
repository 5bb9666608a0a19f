"""Slots: what a new registration replaces, and where it lives.

Source: docs/decisions/0004-slots-and-claims.md.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from heliograph.core.ids import letters_of
from heliograph.core.model.registration import TokenKind

if TYPE_CHECKING:
    from heliograph.core.ids import Id
    from heliograph.core.model.registration import Slot

SLOT_BYTES = 16


def slot_hash(
    application_id: Id, slot: Slot, *, user_id: Id | None, provider: str, token_hash: bytes
) -> bytes:
    """Hash a slot of an application to 16 bytes.

    The last byte is the bucket. A slot never changes, so neither does the
    bucket of what fills it.
    """
    parts = []
    if slot.session_id is not None:
        parts.append(f"s:{letters_of(slot.session_id)}")
    if slot.by_user:
        parts.append(f"u:{letters_of(user_id) if user_id else '-'}")
    if slot.by_token:
        parts.append(f"{provider}/{token_hash.hex()}")
        if slot.kind is not TokenKind.ALERT:
            parts.append(slot.kind)
    if slot.device_id is not None:
        # Last, because a device's id is any text: it can't spell another part.
        parts.append(f"d:{slot.device_id}")
    text = "/".join(parts)
    return hashlib.sha256(application_id + text.encode()).digest()[:SLOT_BYTES]


def bucket_of(slot: bytes) -> int:
    """Say in which of the 256 partitions a slot lives."""
    return slot[-1]
