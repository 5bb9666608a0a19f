"""One batch of registry commands in one transaction: load, apply, write the end state."""

from __future__ import annotations

from operator import itemgetter
from typing import TYPE_CHECKING, NamedTuple

from heliograph.core.errors import (
    Conflict,
    CoreError,
    InvalidRequest,
    NotAuthenticated,
    NotFound,
    Suspended,
)
from heliograph.core.ids import spell
from heliograph.core.model.registration import (
    Changes,
    DepartureReason,
    Draft,
    MemberKey,
    ProviderName,
    Registration,
    token_hash,
)
from heliograph.core.registrations.claims import RegistryState
from heliograph.core.registrations.slots import slot_hash
from heliograph.storage.database.engines import lock_keys
from heliograph.storage.registry.changes import write_changes
from heliograph.storage.registry.commands import (
    Answer,
    Change,
    Command,
    Register,
    Remove,
    Unregister,
)
from heliograph.storage.registry.leaves import with_leave
from heliograph.storage.registry.lookup import Wanted, living_sessions, living_users, load
from heliograph.storage.registry.members import Asked, find_or_make, locks_of
from heliograph.storage.registry.subscribing import subscribe

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import Connection

    from heliograph.core.ids import Id
    from heliograph.core.model.registration import Owner
    from heliograph.storage.database.bulk import Write
    from heliograph.storage.registry.lookup import LivingSession

_Keys = tuple[bytes | None, tuple[bytes, ...]]


class _Standing(NamedTuple):
    """Whom a batch is about: sessions that live, and users who are known to be gone."""

    sessions: Mapping[Id, LivingSession]
    gone: set[Id]


class _Entry(NamedTuple):
    """A command with whom, which slot and which tokens it is about.

    limited_member: the member whose other registrations count against the
    draft's limit.
    """

    command: Command
    member: MemberKey | None
    slot: bytes | None
    digests: tuple[bytes, ...]
    limited_member: Id | None


def run_batch(connection: Connection, commands: Sequence[Command]) -> list[Answer | CoreError]:
    """Apply commands in the order they arrived; one answer each.

    Raises whatever the driver raises; nothing is written then.
    """
    state, answers, members = _apply(connection, commands)
    _write(connection, state, commands, members)
    return answers


def synchronize(
    connection: Connection, drafts: Sequence[Draft], *, is_exact: bool
) -> list[Registration]:
    """Apply drafts together, all or none; exactly, nobody else holds their token afterwards.

    Those without their owner's leave any more are left out.
    """
    commands = [Register(draft) for draft in with_leave(connection, drafts)]
    if not commands:
        return []
    state, answers, members = _apply(connection, commands)
    for answer in answers:
        if isinstance(answer, CoreError):
            raise answer
    made = [answer for answer in answers if isinstance(answer, Registration)]
    if is_exact:
        state.let_others_go(made)
    _write(connection, state, commands, members)
    return made


def remove_of_member(
    connection: Connection, application_id: Id, member_id: Id, origin: str, at: datetime
) -> int:
    """Forget what a member registered through one dialect."""
    lock_keys(connection, [member_id])
    wanted = Wanted()
    wanted.members.add(member_id)
    state = RegistryState(load(connection, application_id, wanted))
    count = state.remove_of_member(member_id, origin)
    write_changes(connection, state.changes(), at)
    return count


def _apply(
    connection: Connection, commands: Sequence[Command]
) -> tuple[RegistryState, list[Answer | CoreError], Sequence[Write]]:
    """Lock and load what the commands are about, and apply them in memory.

    Third: the users and members that are still to be written.
    """
    asked = [_asked(command) for command in commands]
    early = [_keys_for_anyone(command) for command in commands]
    held = locks_of(asked)
    for slot, digests in early:
        held.update(digests)
        if slot is not None:
            held.add(slot)
    lock_keys(connection, held)
    members, made = find_or_make(connection, asked, now=_latest(commands))
    entries = [_entry(*each) for each in zip(commands, members, early, strict=True)]
    standing = _lock(connection, entries, held)
    state = RegistryState(_load(connection, entries))
    return state, [_apply_one(state, entry, standing) for entry in entries], made


def _write(
    connection: Connection,
    state: RegistryState,
    commands: Sequence[Command],
    members: Sequence[Write],
) -> None:
    """Write the end state; what is new is subscribed to the labels of its draft."""
    at = _latest(commands)
    write_changes(connection, state.changes(), at, beside=members)
    if any(isinstance(command, Register) and command.draft.labels for command in commands):
        for (application_id, label), ids in state.new_subscribers().items():
            subscribe(connection, application_id, label, ids, at)


def _latest(commands: Sequence[Command]) -> datetime:
    return max([command.at for command in commands])


def _entry(command: Command, member: MemberKey | None, early: _Keys) -> _Entry:
    """Say which keys follow from a command and its owner."""
    slot, digests = early
    if isinstance(command, Unregister) and command.owner is not None and member is None:
        slot = None
    elif slot is None and isinstance(command, Register | Unregister):
        slot = _slot_of(command, member, digests)
    limited = (
        member.member_id
        if member is not None
        and isinstance(command, Register)
        and command.draft.member_limit is not None
        else None
    )
    return _Entry(command, member, slot, digests, limited)


def _lock(connection: Connection, entries: Sequence[_Entry], held: set[bytes]) -> _Standing:
    """Take every slot and member key that is not held; then answer who is there by now.

    Those are sessions, and users whom no session vouches for. Sorted, and
    after all that depends on no user: one order for everybody.
    """
    keys: set[bytes] = set()
    session_ids: set[Id] = set()
    user_ids: set[Id] = set()
    for command, _, slot, digests, limited_member in entries:
        if slot is not None:
            keys.add(slot)
        keys.update(digests)
        if limited_member is not None:
            keys.add(limited_member)
        if not isinstance(command, Register):
            continue
        draft = command.draft
        if draft.session_id is not None:
            session_ids.add(draft.session_id)
        elif isinstance(draft.owner, MemberKey):
            user_ids.add(draft.owner.user_id)
    lock_keys(connection, keys - held)
    # Users first: who is deleted goes before their sessions do.
    gone = user_ids - living_users(connection, user_ids) if user_ids else user_ids
    return _Standing(living_sessions(connection, session_ids) if session_ids else {}, gone)


def _load(connection: Connection, entries: Sequence[_Entry]) -> list[Registration]:
    """Read every registration that the commands may touch."""
    by_application: dict[Id, Wanted] = {}
    for command, _, slot, digests, limited_member in entries:
        wanted = by_application.get(command.application_id)
        if wanted is None:
            wanted = by_application[command.application_id] = Wanted()
        if slot is not None:
            wanted.slots.add(slot)
        wanted.tokens.update(digests)
        if limited_member is not None:
            wanted.members.add(limited_member)
        if isinstance(command, Remove | Change):
            wanted.ids.add(command.registration_id)
    return [
        row
        for application_id, wanted in sorted(by_application.items(), key=itemgetter(0))
        for row in load(connection, application_id, wanted)
    ]


def _apply_one(state: RegistryState, entry: _Entry, standing: _Standing) -> Answer | CoreError:
    """Apply one command; a refusal is an answer too."""
    command, member, slot, digests, _ = entry
    match command:
        case Register(draft):
            assert slot is not None
            try:
                draft = _in_session(draft, standing.sessions)
                if standing.gone and member is not None and member.user_id in standing.gone:
                    return NotFound("user", spell("user", member.user_id))
                return state.register(draft, member, slot, digests[0])
            except (Conflict, InvalidRequest, NotAuthenticated, Suspended) as refusal:
                return refusal
        case Unregister():
            digest = digests[0] if digests else None
            return state.unregister(command.application_id, slot, digest) if slot else None
        case Remove() | Change():
            return _apply_by_id(state, command, member)


def _in_session(draft: Draft, sessions: Mapping[Id, LivingSession]) -> Draft:
    """Answer a draft as its session stands by now; raises NotAuthenticated, Suspended."""
    if draft.session_id is None:
        return draft
    session = sessions.get(draft.session_id)
    if session is None:
        raise NotAuthenticated
    if session.is_shut_out:
        raise Suspended("user")
    if draft.silent_with_session and draft.silent_after != session.silent_after:
        return draft._replace(silent_after=session.silent_after)
    return draft


def _apply_by_id(state: RegistryState, command: Remove | Change, owner: MemberKey | None) -> Answer:
    if not state.is_living(command.application_id, command.registration_id):
        return None
    if isinstance(command, Remove):
        return state.remove(command.registration_id, DepartureReason.UNREGISTERED)
    return state.change(command.registration_id, command.changes, at=command.at, owner=owner)


def _asked(command: Command) -> Asked:
    """Say whom a command is about; only who registers or takes over is made where missing."""
    owner: Owner | None = None
    if isinstance(command, Register):
        owner = command.draft.owner
    elif isinstance(command, Unregister):
        owner = command.owner
    elif isinstance(command, Change) and command.changes.owner is not None:
        owner = command.changes.owner.owner
    return Asked(command.application_id, owner, not isinstance(command, Unregister))


def _keys_for_anyone(command: Command) -> _Keys:
    """Answer the slot, unless it is a user's, and the hashes of the tokens of a command."""
    match command:
        case Register(draft):
            digests: tuple[bytes, ...] = (token_hash(draft.provider, draft.token),)
            return None if draft.slot.by_user else _slot_of(command, None, digests), digests
        case Unregister(token=token):
            digests = () if token is None else (token_hash(command.provider or "", token),)
            return None if command.slot.by_user else _slot_of(command, None, digests), digests
        case Change(changes=Changes(token=str(token))):
            # The provider is the row's, which may not be locked before
            # the keys are; so the token is locked under all of them.
            return None, tuple(token_hash(provider, token) for provider in ProviderName)
        case Change() | Remove():
            return None, ()


def _slot_of(
    command: Register | Unregister, member: MemberKey | None, digests: tuple[bytes, ...]
) -> bytes:
    asked = command.draft if isinstance(command, Register) else command
    return slot_hash(
        asked.application_id,
        asked.slot,
        user_id=member.user_id if member else None,
        provider=asked.provider or "",
        token_hash=digests[0] if digests else b"",
    )
