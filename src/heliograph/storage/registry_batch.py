"""One batch of registry commands in one transaction: load, apply, write the end state."""

from __future__ import annotations

from dataclasses import dataclass
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from heliograph.core.claims import RegistryState
from heliograph.core.errors import Conflict, CoreError, InvalidRequest, NotAuthenticated
from heliograph.core.ids import Id
from heliograph.core.model.registration import (
    Changes,
    DepartureReason,
    Draft,
    MemberKey,
    Owner,
    ProviderName,
    Registration,
    Slot,
    token_hash,
)
from heliograph.core.slots import slot_hash
from heliograph.storage.engines import among, is_in, lock_keys
from heliograph.storage.members import resolve_members
from heliograph.storage.registry_changes import write_changes
from heliograph.storage.rows import select_registrations, to_registration
from heliograph.storage.subscribing import subscribe
from heliograph.storage.tables import registrations, sessions, token_holders

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from sqlalchemy import Connection, Select


@dataclass(frozen=True, slots=True)
class Register:
    """Apply a draft."""

    draft: Draft

    @property
    def application_id(self) -> Id:
        """Whose registry it is about."""
        return self.draft.application_id

    @property
    def at(self) -> datetime:
        """When it arrived."""
        return self.draft.arrived_at


@dataclass(frozen=True, slots=True)
class Unregister:
    """Empty a slot. token: only if the slot holds it."""

    application_id: Id
    at: datetime
    slot: Slot
    owner: Owner | None
    provider: ProviderName | None
    token: str | None


@dataclass(frozen=True, slots=True)
class Remove:
    """Forget one registration by id."""

    application_id: Id
    at: datetime
    registration_id: Id


@dataclass(frozen=True, slots=True)
class Change:
    """Change one registration in place."""

    application_id: Id
    at: datetime
    registration_id: Id
    changes: Changes


Command = Register | Unregister | Remove | Change
Answer = Registration | None
_Keys = tuple[bytes | None, tuple[bytes, ...]]


class _Wanted:
    """Keys under which to look for registrations of one application."""

    __slots__ = ("ids", "members", "slots", "tokens")

    def __init__(self) -> None:
        self.slots: set[bytes] = set()
        self.tokens: set[bytes] = set()
        self.members: set[Id] = set()
        self.ids: set[Id] = set()


def run_batch(connection: Connection, commands: Sequence[Command]) -> list[Answer | CoreError]:
    """Apply commands in the order they arrived; one answer each.

    Raises whatever the driver raises; nothing is written then.
    """
    batch = _Batch(connection, commands)
    batch.lock()
    state = RegistryState(batch.load())
    answers = [batch.apply(state, command) for command in commands]
    _write(connection, state, commands)
    return answers


def synchronize(
    connection: Connection, drafts: Sequence[Draft], *, is_exact: bool
) -> list[Registration]:
    """Apply drafts together, all or none; exactly, nobody else holds their token afterwards."""
    commands = [Register(draft) for draft in drafts]
    batch = _Batch(connection, commands)
    batch.lock()
    state = RegistryState(batch.load())
    answers = [batch.apply(state, command) for command in commands]
    for answer in answers:
        if isinstance(answer, CoreError):
            raise answer
    made = [answer for answer in answers if isinstance(answer, Registration)]
    if is_exact:
        state.let_others_go(made)
    _write(connection, state, commands)
    return made


def remove_of_member(
    connection: Connection, application_id: Id, member_id: Id, origin: str, at: datetime
) -> int:
    """Forget what a member registered through one dialect."""
    lock_keys(connection, [member_id])
    wanted = _Wanted()
    wanted.members.add(member_id)
    state = RegistryState(_load(connection, application_id, wanted))
    count = state.remove_of_member(member_id, origin)
    write_changes(connection, state.changes(), at)
    return count


def _write(connection: Connection, state: RegistryState, commands: Sequence[Command]) -> None:
    """Write the end state; what is new is subscribed to the labels of its draft."""
    at = max(command.at for command in commands)
    changes = state.changes()
    write_changes(connection, changes, at)
    labels = {
        draft.labels
        for draft in (command.draft for command in commands if isinstance(command, Register))
        if draft.labels
    }
    if labels:
        for (application_id, label), ids in state.new_subscribers().items():
            subscribe(connection, application_id, label, ids, at)


class _Batch:
    """What a batch needs to know before the rules can be applied to it."""

    def __init__(self, connection: Connection, commands: Sequence[Command]) -> None:
        self._connection = connection
        self._commands = commands
        self._dead_sessions: set[Id] = set()
        self._members = self._resolve_members()
        self._keys: dict[int, _Keys] = {id(command): self._keys_of(command) for command in commands}

    def lock(self) -> None:
        """Take every slot, token and member key, sorted; then see which sessions live."""
        keys = {key for slot, digests in self._keys.values() for key in (slot, *digests) if key}
        session_ids = set()
        for command in self._commands:
            if isinstance(command, Register):
                if member := self._limited_member(command.draft):
                    keys.add(member)
                if command.draft.session_id is not None:
                    session_ids.add(command.draft.session_id)
        lock_keys(self._connection, keys)
        if session_ids:
            # Shared locks: a session that ends now waits, and then takes the
            # registrations of this batch with it.
            living = self._connection.execute(
                select(sessions.c.id)
                .where(is_in(self._connection, sessions.c.id, sorted(session_ids)))
                .order_by(sessions.c.id)
                .with_for_update(read=True)
            ).scalars()
            self._dead_sessions = session_ids - set(map(Id, living))

    def load(self) -> list[Registration]:
        """Read every registration that the commands may touch."""
        by_application: dict[Id, _Wanted] = {}
        for command in self._commands:
            wanted = by_application.setdefault(command.application_id, _Wanted())
            slot, digests = self._keys[id(command)]
            if slot:
                wanted.slots.add(slot)
            wanted.tokens.update(digests)
            match command:
                case Register(draft):
                    if member := self._limited_member(draft):
                        wanted.members.add(member)
                case Remove() | Change():
                    wanted.ids.add(command.registration_id)
                case Unregister():
                    pass
        return [
            row
            for application_id, wanted in sorted(by_application.items(), key=itemgetter(0))
            for row in _load(self._connection, application_id, wanted)
        ]

    def apply(self, state: RegistryState, command: Command) -> Answer | CoreError:
        """Apply one command; a refusal is an answer too."""
        slot, digests = self._keys[id(command)]
        match command:
            case Register(draft):
                if draft.session_id in self._dead_sessions:
                    return NotAuthenticated()
                assert slot is not None
                try:
                    return state.register(draft, self._member(draft), slot, digests[0])
                except (Conflict, InvalidRequest) as refusal:
                    return refusal
            case Unregister():
                digest = digests[0] if digests else None
                return state.unregister(command.application_id, slot, digest) if slot else None
            case Remove() | Change():
                return self._apply_by_id(state, command)

    def _apply_by_id(self, state: RegistryState, command: Remove | Change) -> Answer:
        if not state.is_living(command.application_id, command.registration_id):
            return None
        if isinstance(command, Remove):
            return state.remove(command.registration_id, DepartureReason.UNREGISTERED)
        change = command.changes.owner
        owner = None
        if change is not None and change.owner is not None:
            owner = self._members[command.application_id, change.owner]
        return state.change(command.registration_id, command.changes, at=command.at, owner=owner)

    def _resolve_members(self) -> dict[tuple[Id, Owner], MemberKey]:
        """Find every owner; only who registers or takes over is made where missing."""
        wanted = []
        for command in self._commands:
            owner: Owner | None = None
            if isinstance(command, Register):
                owner = command.draft.owner
            elif isinstance(command, Change) and command.changes.owner is not None:
                owner = command.changes.owner.owner
            if owner is not None:
                wanted.append((command.application_id, owner))
        members = resolve_members(
            self._connection, wanted, now=max(command.at for command in self._commands)
        )
        leaving = [command for command in self._commands if isinstance(command, Unregister)]
        return members | resolve_members(
            self._connection,
            [(command.application_id, command.owner) for command in leaving if command.owner],
            now=None,
        )

    def _member(self, draft: Draft) -> MemberKey | None:
        return self._members[draft.application_id, draft.owner] if draft.owner else None

    def _limited_member(self, draft: Draft) -> Id | None:
        """Answer the member whose other registrations count against the draft's limit."""
        member = self._member(draft)
        return member.member_id if member and draft.member_limit is not None else None

    def _keys_of(self, command: Command) -> _Keys:
        """Answer the slot, and the hashes of the tokens, that a command is about."""
        match command:
            case Register(draft):
                owner = self._member(draft)
                return _slot_and_token(
                    draft.application_id, draft.slot, owner, draft.provider, draft.token
                )
            case Unregister(application_id, _, slot, wanted_owner, provider, token):
                owner = None
                if wanted_owner is not None:
                    owner = self._members.get((application_id, wanted_owner))
                    if owner is None:
                        return None, ()
                return _slot_and_token(application_id, slot, owner, provider, token)
            case Change(changes=Changes(token=str(token))):
                # The provider is the row's, which may not be locked before
                # the keys are; so the token is locked under all of them.
                return None, tuple(token_hash(provider, token) for provider in ProviderName)
            case Change() | Remove():
                return None, ()


def _slot_and_token(
    application_id: Id,
    slot: Slot,
    owner: MemberKey | None,
    provider: str | None,
    token: str | None,
) -> _Keys:
    digest = None if token is None else token_hash(provider or "", token)
    user_id = owner.user_id if owner else None
    key = slot_hash(
        application_id, slot, user_id=user_id, provider=provider or "", token_hash=digest or b""
    )
    return key, (() if digest is None else (digest,))


def _load(connection: Connection, application_id: Id, wanted: _Wanted) -> Iterable[Registration]:
    """Read rows by slot, token, id and member, and keep them locked.

    They are looked up first and locked in one statement and one order, so
    that two batches that meet wait for each other instead of crosswise. What
    would come into a slot or take a token meanwhile waits for our keys.
    """
    rows = registrations.c
    is_ours = rows.application_id == application_id
    lookups: list[Select[Any]] = []
    if wanted.slots:
        filled = among(connection, registrations, rows.slot, sorted(wanted.slots))
        lookups.append(select(rows.id).select_from(filled).where(is_ours))
    if wanted.tokens:
        held = select(token_holders.c.registration_id).where(
            token_holders.c.application_id == application_id,
            is_in(connection, token_holders.c.token_hash, sorted(wanted.tokens)),
        )
        lookups.append(held)
    if wanted.members:
        of_members = is_in(connection, rows.member_id, sorted(wanted.members))
        lookups.append(select(rows.id).where(is_ours, of_members))
    for lookup in lookups:
        wanted.ids.update(map(Id, connection.execute(lookup).scalars().all()))
    if not wanted.ids:
        return []
    locking = (
        select_registrations(among(connection, registrations, rows.id, sorted(wanted.ids)))
        .where(is_ours)
        .order_by(rows.id)
        .with_for_update(of=registrations)
    )
    return map(to_registration, connection.execute(locking))
