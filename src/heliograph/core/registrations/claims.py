"""The rules of slots and claims, applied to a batch in memory.

A batch loads the part of the registry that it may touch, applies its
commands in the order they arrived, and hands back only the end state: SQL
never sees what came and went inside one batch.

* A registration replaces what fills its slot.
* An exclusive claim removes every other holder of the token; a shared claim
  removes an exclusive holder of another slot. So an exclusive holder never
  coexists with anything.
* A member past the limit loses the registration that was refreshed longest ago.

Source: docs/decisions/0004-slots-and-claims.md.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from heliograph.core.errors import Conflict, InvalidRequest, Problem, ProblemKind
from heliograph.core.ids import Id, new_id, spell
from heliograph.core.model.registration import (
    Changes,
    Claim,
    DepartureReason,
    Draft,
    IfExists,
    IfFull,
    MemberKey,
    Registration,
    RegistrationState,
    token_hash,
)

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

REFRESH_EVERY = timedelta(seconds=60)
"""An identical registration is written again only after this long."""

_SlotKey = tuple[Id, bytes]
_TokenKey = tuple[Id, bytes]


@dataclass(frozen=True, slots=True)
class RegistryChanges:
    """What a batch comes to. touched: rows of which only `refreshed` moved."""

    added: list[Registration] = field(default_factory=list)
    changed: list[Registration] = field(default_factory=list)
    touched: list[Registration] = field(default_factory=list)
    removed: list[tuple[Registration, DepartureReason]] = field(default_factory=list)
    moved_tokens: list[tuple[Registration, Registration]] = field(default_factory=list)
    """Before and after, where a row of the same id now holds another token."""


class RegistryState:
    """The living registrations that one batch may touch."""

    def __init__(self, rows: Iterable[Registration]) -> None:
        self._loaded: dict[Id, Registration] = {}
        self._living: dict[Id, Registration] = {}
        self._by_slot: dict[_SlotKey, Id] = {}
        self._by_token: dict[_TokenKey, dict[Id, None]] = {}
        self._by_member: dict[Id, dict[Id, None]] = {}
        self._departures: dict[Id, DepartureReason] = {}
        self._labels: dict[Id, tuple[str, ...]] = {}
        for row in rows:
            if row.id not in self._loaded:
                self._loaded[row.id] = row
                self._add(row)

    def register(
        self, draft: Draft, owner: MemberKey | None, slot: bytes, digest: bytes
    ) -> Registration:
        """Apply a draft; answer what fills its slot now.

        digest: the token's hash. Raises Conflict for an occupied slot that
        the draft refuses, InvalidRequest for a member who holds too many.
        """
        key = (draft.application_id, slot)
        existing_id = self._by_slot.get(key)
        existing = self._living[existing_id] if existing_id is not None else None
        if existing is not None and draft.if_exists is IfExists.REFUSE:
            raise Conflict("registration", spell("registration", existing.id))
        wanted = _from_draft(draft, owner, slot, digest, existing)
        if draft.assumed:
            wanted = wanted._replace(attributes=self._attributes_of(draft, digest))
        if existing is not None and _is_alike(wanted, existing):
            if wanted.refreshed - existing.refreshed <= REFRESH_EVERY:
                return existing
            self._living[existing.id] = wanted
            return wanted
        # What another dialect made in the slot comes to count as this one's.
        is_one_more = existing is None or existing.origin != draft.origin
        if draft.if_full is IfFull.REFUSE and is_one_more and owner is not None:
            self._refuse_if_full(draft, owner, digest)
        self._claim(wanted)
        if existing is not None:
            self._drop(existing)
        self._add(wanted)
        self._mark_shared(wanted)
        if existing is None:
            self._labels[wanted.id] = draft.labels
        if draft.member_limit is not None and owner is not None:
            self._evict(wanted, draft.member_limit)
        return self._living[wanted.id]

    def _attributes_of(self, draft: Draft, digest: bytes) -> dict[str, Any]:
        """Complete a draft's attributes by what is known of its token, then by what it assumes."""
        known = dict(draft.assumed)
        for holder_id in self._by_token.get((draft.application_id, digest), ()):
            held = self._living[holder_id].attributes
            known |= {name: held[name] for name in known if name in held}
        return {**known, **draft.attributes}

    def let_others_go(self, kept: Iterable[Registration]) -> None:
        """Leave the token of these registrations, for what it is used, to them alone."""
        staying = {row.id for row in kept}
        for key, kind in {(_token_key(row), row.kind) for row in kept}:
            for holder_id in list(self._by_token.get(key, ())):
                if holder_id not in staying and self._living[holder_id].kind is kind:
                    self.remove(holder_id, DepartureReason.DISPLACED)
        for row in kept:
            self._mark_shared(row)

    def remove_of_member(self, member_id: Id, origin: str) -> int:
        """Forget what a member registered through one dialect; answer how many."""
        leaving = [
            row_id
            for row_id in self._by_member.get(member_id, ())
            if self._living[row_id].origin == origin
        ]
        for row_id in leaving:
            self.remove(row_id, DepartureReason.UNREGISTERED)
        return len(leaving)

    def unregister(
        self, application_id: Id, slot: bytes, digest: bytes | None
    ) -> Registration | None:
        """Empty a slot; with a digest, only if it holds that token."""
        filling = self._by_slot.get((application_id, slot))
        if filling is None:
            return None
        registration = self._living[filling]
        if digest is not None and registration.token_hash != digest:
            return None
        return self.remove(registration.id, DepartureReason.UNREGISTERED)

    def is_living(self, application_id: Id, registration_id: Id) -> bool:
        """Say whether a registration lives, and in this application: a batch holds several."""
        row = self._living.get(registration_id)
        return row is not None and row.application_id == application_id

    def remove(self, registration_id: Id, reason: DepartureReason) -> Registration | None:
        """Forget a registration; None if it is not among the living."""
        registration = self._living.get(registration_id)
        if registration is not None:
            self._drop(registration)
            self._departures[registration.id] = reason
        return registration

    def change(
        self,
        registration_id: Id,
        changes: Changes,
        *,
        at: datetime,
        owner: MemberKey | None = None,
    ) -> Registration | None:
        """Change a registration in place; None if it is not among the living.

        at: when; a new token counts as refreshed then. owner: whose it
        becomes, where the changes say that it changes hands.
        """
        existing = self._living.get(registration_id)
        if existing is None:
            return None
        wanted = existing
        if changes.token is not None and changes.token != existing.token:
            digest = token_hash(existing.provider, changes.token)
            wanted = wanted._replace(
                token=changes.token, token_hash=digest, shared=False, refreshed=at
            )
        if changes.environment is not None:
            wanted = wanted._replace(environment=changes.environment)
        if changes.attributes is not None:
            wanted = wanted._replace(attributes=changes.attributes)
        if changes.state is not None:
            wanted = wanted._replace(state=changes.state)
        if changes.owner is not None:
            wanted = wanted._replace(
                user_id=owner.user_id if owner else None,
                external_user_id=owner.external_id if owner else None,
                member_id=owner.member_id if owner else None,
            )
        if wanted == existing:
            return existing
        if wanted.token_hash == existing.token_hash:
            self._drop(existing)
            self._add(wanted)
            return wanted
        self._claim(wanted)
        self._drop(existing)
        self._add(wanted)
        self._mark_shared(wanted)
        return self._living[wanted.id]

    def changes(self) -> RegistryChanges:
        """Say how the end state differs from what was loaded."""
        result = RegistryChanges()
        for row in self._living.values():
            before = self._loaded.get(row.id)
            if before is None:
                result.added.append(row)
            elif before is not row:
                if before.token_hash != row.token_hash:
                    result.moved_tokens.append((before, row))
                    result.changed.append(row)
                elif _is_alike(row, before):
                    result.touched.append(row)
                else:
                    result.changed.append(row)
        for registration_id, row in self._loaded.items():
            if registration_id not in self._living:
                result.removed.append((row, self._departures[registration_id]))
        return result

    def new_subscribers(self) -> dict[tuple[Id, str], list[Id]]:
        """Say which new registrations are to be subscribed, by application and label."""
        found: dict[tuple[Id, str], list[Id]] = {}
        for registration_id, labels in self._labels.items():
            row = self._living.get(registration_id)
            if row is not None:
                for label in labels:
                    found.setdefault((row.application_id, label), []).append(registration_id)
        return found

    def _claim(self, wanted: Registration) -> None:
        """Remove the holders of the token that can't stay beside the claim."""
        for holder_id in list(self._by_token.get(_token_key(wanted), ())):
            if holder_id == wanted.id:
                continue
            holder = self._living[holder_id]
            if wanted.claim is Claim.EXCLUSIVE or holder.claim is Claim.EXCLUSIVE:
                self._drop(holder)
                self._departures[holder_id] = DepartureReason.DISPLACED

    def _mark_shared(self, like: Registration) -> None:
        """Set `shared` on every holder of a token by their number.

        Only for a token that is being claimed: of that one every holder is
        loaded. Those of a token that somebody lets go are not, and stay
        `shared` until it is claimed again, which costs a look-up and no more.
        """
        holders = self._by_token.get(_token_key(like), {})
        is_shared = len(holders) > 1
        for holder_id in holders:
            holder = self._living[holder_id]
            if holder.shared != is_shared:
                self._living[holder_id] = holder._replace(shared=is_shared)

    def _refuse_if_full(self, draft: Draft, owner: MemberKey, digest: bytes) -> None:
        """Refuse one registration too many; a token that only moves within counts once."""
        assert draft.member_limit is not None
        held = sum(
            row.origin == draft.origin and row.token_hash != digest
            for row in map(self._living.__getitem__, self._by_member.get(owner.member_id, ()))
        )
        if held >= draft.member_limit:
            expected = f"one of at most {draft.member_limit} of a user"
            raise InvalidRequest([Problem(("token",), ProblemKind.TOO_MANY, expected)])

    def _evict(self, newest: Registration, limit: int) -> None:
        """Keep a member within its limit of registrations of one origin."""
        assert newest.member_id is not None
        own = [
            row
            for row in map(self._living.__getitem__, self._by_member[newest.member_id])
            if row.origin == newest.origin
        ]
        # Sorting is stable, and rows of equal age stand in the order they came.
        own.sort(key=lambda row: (row.id == newest.id, row.refreshed))
        for row in own[: max(0, len(own) - limit)]:
            self.remove(row.id, DepartureReason.EVICTED)

    def _add(self, row: Registration) -> None:
        self._living[row.id] = row
        self._by_slot[row.application_id, row.slot] = row.id
        self._by_token.setdefault(_token_key(row), {})[row.id] = None
        if row.member_id is not None:
            self._by_member.setdefault(row.member_id, {})[row.id] = None

    def _drop(self, row: Registration) -> None:
        del self._living[row.id]
        del self._by_slot[row.application_id, row.slot]
        del self._by_token[_token_key(row)][row.id]
        if row.member_id is not None:
            del self._by_member[row.member_id][row.id]


_all_but_refreshed = attrgetter(*(name for name in Registration._fields if name != "refreshed"))


def _is_alike(one: Registration, other: Registration) -> bool:
    """Say whether two registrations differ in nothing but their last refresh."""
    return bool(_all_but_refreshed(one) == _all_but_refreshed(other))


def _token_key(row: Registration) -> _TokenKey:
    return row.application_id, row.token_hash


def _from_draft(
    draft: Draft,
    owner: MemberKey | None,
    slot: bytes,
    digest: bytes,
    existing: Registration | None,
) -> Registration:
    """Say what will fill the slot: the draft, under the id that is there already."""
    environment = draft.environment
    is_same_token = existing is not None and existing.token_hash == digest
    if environment is None and existing is not None and is_same_token:
        # Learned from the provider's answers; the device does not know it.
        environment = existing.environment
    session_id, silent_after = draft.session_id, draft.silent_after
    if draft.keeps_session and existing is not None and _is_in_session(existing, draft.arrived_at):
        session_id, silent_after = existing.session_id, existing.silent_after
    return Registration(
        id=existing.id if existing else new_id(draft.arrived_at, last_byte=slot[-1]),
        application_id=draft.application_id,
        slot=slot,
        provider=draft.provider,
        token=draft.token,
        token_hash=digest,
        origin=draft.origin,
        created=existing.created if existing else draft.arrived_at,
        refreshed=draft.arrived_at,
        kind=draft.kind,
        claim=draft.claim,
        user_id=owner.user_id if owner else None,
        external_user_id=owner.external_id if owner else None,
        member_id=owner.member_id if owner else None,
        session_id=session_id,
        device_id=draft.device_id,
        environment=environment,
        attributes=draft.attributes,
        silent_after=silent_after,
        shared=existing.shared if existing is not None and is_same_token else False,
        state=existing.state if existing else RegistrationState.ACTIVE,
    )


def _is_in_session(row: Registration, at: datetime) -> bool:
    """Say whether a session that is not over made a registration."""
    is_over = row.silent_after is not None and row.silent_after <= at
    return row.session_id is not None and not is_over
