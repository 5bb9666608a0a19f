"""Random commands, alone and in batches, leave in the tables what the model says."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import delete
from tests.conftest import FakeClock, examples
from tests.contract.storage.registry.model import MINUTE_MS, Model, Refused, Row
from tests.contract.storage.sending import accept, claim, commit
from tests.contract.storage.world import World, new_world

from heliograph.core.clock import from_ms, to_ms
from heliograph.core.errors import Conflict, NotAuthenticated
from heliograph.core.model.delivery import Cursor, Prune
from heliograph.core.model.listing import RegistrationFilter
from heliograph.core.model.registration import (
    Changes,
    Claim,
    IfExists,
    MemberKey,
    ProviderName,
    Slot,
    token_hash,
)
from heliograph.storage.store import SqlStore, open_store
from heliograph.storage.tables.tables import registrations, subscriptions, token_holders

if TYPE_CHECKING:
    from collections.abc import Hashable
    from pathlib import Path

    from heliograph.config import Storage
    from heliograph.core.ids import Id
    from heliograph.core.model.identity import Session

LIMIT = 2
SHAPES = ("layer", "discord", "navixy", "twilio", "mobilefirst", "native", "native shared")
USERS, DEVICES, TOKENS, LOCALES = ("ann", "bob"), ("d1", "d2", "d3"), ("A", "B", "C"), ("", "de")
SESSIONS = (("ann", 0), ("bob", 1), ("ann", 2))


@dataclass(frozen=True)
class Place:
    """A slot: as the model names it, and as the store does."""

    name: Hashable
    slot: Slot
    user: str | None = None
    token: str | None = None


@dataclass(frozen=True)
class Ask:
    """One command of a batch."""

    kind: str
    shape: str
    user: str
    device: str
    token: str
    session: int
    locale: str
    pause_ms: int


asks = st.builds(
    Ask,
    kind=st.sampled_from(["register"] * 6 + ["unregister", "unregister token", "change"]),
    shape=st.sampled_from(SHAPES),
    user=st.sampled_from(USERS),
    device=st.sampled_from(DEVICES),
    token=st.sampled_from(TOKENS),
    session=st.sampled_from([number for _, number in SESSIONS]),
    locale=st.sampled_from(LOCALES),
    pause_ms=st.sampled_from([1, 1, 1, 30_000, MINUTE_MS, MINUTE_MS + 1]),
)


class StoreMachine(RuleBasedStateMachine):
    """The store and the model, given the same commands."""

    def __init__(self, runner: asyncio.Runner, store: SqlStore) -> None:
        super().__init__()
        self.runner, self.store = runner, store
        self.model = Model()
        self.pages = 0
        self.known: dict[Hashable, tuple[int, Id]] = {}
        """By slot: the birth and the id of the registration last seen there."""

    @initialize()
    def begin(self) -> None:
        self.world: World = self.runner.run(new_world(self.store, FakeClock()))
        self.sessions: list[Session] = [
            self.runner.run(self.world.sign_in(name)) for name, _ in SESSIONS
        ]
        self.runner.run(accept(self.world))
        [self.shard] = [
            claimed
            for claimed in self.runner.run(claim(self.world))
            if claimed[0].application_id == self.world.application.id
        ]

    def teardown(self) -> None:
        def empty(connection: Any) -> None:
            for table in (registrations, token_holders, subscriptions):
                connection.execute(delete(table))

        self.runner.run(self.store._database.write(empty))

    def place(self, ask: Ask) -> Place:
        """Whose slot a dialect's command is about."""
        match ask.shape:
            case "layer":
                slot = Slot(by_user=True, device_id=ask.device)
                return Place(("user+device", ask.user, ask.device), slot, ask.user)
            case "discord" | "twilio":
                slot = Slot(by_user=True, by_token=True)
                return Place(("user+token", ask.user, ask.token), slot, ask.user, ask.token)
            case "navixy":
                name, number = SESSIONS[ask.session]
                slot = Slot(session_id=self.sessions[number].id)
                return Place(("session", number), slot, name)
            case _:
                return Place(("device", ask.device), Slot(device_id=ask.device))

    def register(self, ask: Ask, place: Place) -> tuple[Any, Row | type]:
        """Submit a registration; and what the model answers."""
        is_shared = ask.shape in {"discord", "native shared"}
        session = ask.session if ask.shape in {"navixy", "layer"} else None
        user = place.user or ask.user
        if session is not None and SESSIONS[session][0] != user:
            session = None
        signed_in = self.sessions[session] if session is not None else None
        owner: Any = user
        if signed_in is not None:
            owner = MemberKey(signed_in.user_id, signed_in.member_id, user)
        limit = LIMIT if ask.shape == "layer" else None
        refuse = ask.shape == "mobilefirst"
        device = ask.device if ask.shape in {"layer", "mobilefirst"} else place.slot.device_id
        draft = self.world.draft(
            ask.token,
            user=owner,
            session=signed_in,
            origin=ask.shape.split()[0],
            claim=Claim.SHARED if is_shared else Claim.EXCLUSIVE,
            if_exists=IfExists.REFUSE if refuse else IfExists.REPLACE,
            attributes={"locale": ask.locale},
            member_limit=limit,
        )
        draft = draft._replace(slot=place.slot, device_id=device)
        row = Row(
            ask.token,
            not is_shared,
            user,
            device,
            session,
            draft.origin,
            ask.locale,
            to_ms(self.world.now),
        )
        try:
            expected: Row | type = self.model.register(place.name, row, refuse=refuse, limit=limit)
        except Refused:
            expected = NotAuthenticated if session in self.model.ended else Conflict
        return self.store.registry.register(draft), expected

    def unregister(self, ask: Ask, place: Place) -> tuple[Any, Row | None]:
        token = place.token or (ask.token if ask.kind == "unregister token" else None)
        call = self.store.registry.unregister(
            self.world.application.id,
            place.slot,
            self.world.user(place.user) if place.user else None,
            provider=ProviderName.FCM,
            token=token,
            now=self.world.now,
        )
        return call, self.model.unregister(place.name, token)

    @rule(batch=st.lists(asks, min_size=1, max_size=8))
    def ask_at_once(self, batch: list[Ask]) -> None:
        """Submit commands in one turn of the loop: they are applied in this order."""
        calls: list[Any] = []
        expected: list[Any] = []
        births: list[tuple[Hashable, int] | None] = []
        for ask in batch:
            self.world.clock.advance(ask.pause_ms / 1000)
            place = self.place(ask)
            if ask.kind == "register":
                call, answer = self.register(ask, place)
            elif ask.kind == "change":
                if place.name not in self.known:
                    continue
                birth, registration_id = self.known[place.name]
                changes = Changes(token=ask.token)
                call = self.store.registry.change(
                    self.world.application.id, registration_id, changes, now=self.world.now
                )
                answer = self.model.change_token(
                    place.name, birth, ask.token, to_ms(self.world.now)
                )
            else:
                call, answer = self.unregister(ask, place)
            calls.append(call)
            expected.append(answer)
            is_made = ask.kind == "register" and isinstance(answer, Row)
            births.append((place.name, self.model.births[place.name]) if is_made else None)
        self.compare(calls, expected, births)

    def compare(
        self, calls: list[Any], expected: list[Any], births: list[tuple[Hashable, int] | None]
    ) -> None:
        async def together() -> list[Any]:
            return await asyncio.gather(*calls, return_exceptions=True)

        answers = self.runner.run(together())
        for answer, wanted, born in zip(answers, expected, births, strict=True):
            if born is not None:
                name, birth = born
                self.known[name] = (birth, answer.id)
            if isinstance(wanted, type):
                assert isinstance(answer, wanted)
            elif wanted is None:
                assert answer is None
            else:
                assert (answer.token, answer.external_user_id) == (wanted.token, wanted.user)
                assert answer.refreshed == from_ms(wanted.at_ms)

    @rule(number=st.sampled_from([number for _, number in SESSIONS]))
    def end_session(self, number: int) -> None:
        self.world.clock.advance(0.001)
        has_ended = number in self.model.ended
        call = self.store.identity.end_session(self.sessions[number].id, now=self.world.now)
        assert self.runner.run(call) is not has_ended
        self.model.end_session(number)

    @rule(ask=asks, is_stale=st.booleans(), is_rotated=st.booleans())
    def prune(self, ask: Ask, *, is_stale: bool, is_rotated: bool) -> None:
        """Commit a page that found a token gone, read now or a while ago."""
        name = self.place(ask).name
        birth, registration_id = self.known.get(name, (0, None))
        if registration_id is None or not self.model.is_living(name, birth):
            return
        row = self.model.rows[name]
        at_ms = row.at_ms - 5 if is_stale else row.at_ms
        token = f"{row.token}, once" if is_rotated else row.token
        prune = Prune(registration_id, token_hash(ProviderName.FCM, token), at_ms, "Unregistered")
        self.pages += 1
        cursor = Cursor(0, self.pages, b"")
        assert self.runner.run(commit(self.world, self.shard, prunes=[prune], cursor=cursor))
        self.model.prune(name, token, at_ms)

    @invariant()
    def the_tables_hold_what_the_model_holds(self) -> None:
        if not hasattr(self, "world"):
            return
        self.runner.run(self.world.check())
        numbers = {session.id: number for number, session in enumerate(self.sessions)}
        found = {
            row.id: Row(
                row.token,
                row.claim is Claim.EXCLUSIVE,
                row.external_user_id,
                row.device_id,
                numbers.get(row.session_id),  # type: ignore[arg-type]
                row.origin,
                row.attributes["locale"],
                to_ms(row.refreshed),
            )
            for row in self.runner.run(self.everything())
        }
        assert Counter(found.values()) == Counter(self.model.rows.values())

    async def everything(self) -> Any:
        return await self.store.registry.find(
            self.world.application.id, RegistrationFilter(), after=None, limit=1000
        )


def test_the_store_does_what_the_model_does(storage: Storage, folder: Path) -> None:
    with asyncio.Runner() as runner:
        store = runner.run(open_store(storage, folder))
        try:
            run_state_machine_as_test(
                lambda: StoreMachine(runner, store),
                settings=settings(
                    max_examples=examples(60),
                    stateful_step_count=20,
                    deadline=None,
                    suppress_health_check=list(HealthCheck),
                ),
            )
        finally:
            runner.run(store.close())
