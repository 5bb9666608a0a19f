"""A registry in memory: the rules of claims, driven with short names."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from heliograph.core.ids import Id
from heliograph.core.model.registration import (
    Claim,
    Draft,
    MemberKey,
    ProviderName,
    Registration,
    Slot,
    token_hash,
)
from heliograph.core.registrations.slots import slot_hash

if TYPE_CHECKING:
    from heliograph.core.registrations.claims import RegistryState

NOW = datetime(2026, 1, 1, tzinfo=UTC)
APPLICATION = Id(b"a" * 16)


def member(name: str) -> MemberKey:
    """A user of this name, the same every time."""
    return MemberKey(Id(name.encode().ljust(16, b"u")), Id(name.encode().ljust(16, b"m")), name)


def draft(token: str = "T", device: str = "phone", *, at_s: float = 0, **fields: Any) -> Draft:
    """A registration of a device, unless the fields say otherwise."""
    given: dict[str, Any] = {
        "application_id": APPLICATION,
        "slot": Slot(device_id=device),
        "provider": ProviderName.FCM,
        "token": token,
        "arrived_at": NOW + timedelta(seconds=at_s),
        "origin": "test",
    }
    return Draft(**given | fields)


def shared(token: str, device: str, **fields: Any) -> Draft:
    """The same, content to hold its token beside others."""
    return draft(token, device, claim=Claim.SHARED, **fields)


def apply(state: RegistryState, asked: Draft) -> Registration:
    """Register as the store does: with the slot and the token hashed."""
    owner = asked.owner if isinstance(asked.owner, MemberKey) else None
    digest = token_hash(asked.provider, asked.token)
    slot = slot_of(asked)
    return state.register(asked, owner, slot, digest)


def slot_of(asked: Draft) -> bytes:
    """The hash of a draft's slot."""
    owner = asked.owner if isinstance(asked.owner, MemberKey) else None
    return slot_hash(
        asked.application_id,
        asked.slot,
        user_id=owner.user_id if owner else None,
        provider=asked.provider,
        token_hash=token_hash(asked.provider, asked.token),
    )


def living(state: RegistryState, loaded: list[Registration]) -> dict[Id, Registration]:
    """What a store holds once a batch's changes are written over what was loaded."""
    rows = {row.id: row for row in loaded}
    changes = state.changes()
    for row, _ in changes.removed:
        del rows[row.id]
    for row in changes.added:
        assert row.id not in rows
        rows[row.id] = row
    for row in changes.changed:
        rows[row.id] = row._replace()
    for row in changes.touched:
        rows[row.id] = rows[row.id]._replace(refreshed=row.refreshed)
    for before, after in changes.moved_tokens:
        assert before.id == after.id
        assert before.token_hash != after.token_hash
        assert after in changes.changed
    return rows
