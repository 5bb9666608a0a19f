"""Whatever happens to notifications, and in whatever order, all of them end and all adds up."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import delete
from tests.conftest import FakeClock, examples
from tests.contract.storage.sending import LEASE, claim
from tests.contract.storage.shards.lives import (
    DEVICES,
    LONGEST_S,
    MEANWHILE,
    WORKERS,
    Asked,
    Held,
    check_end,
    commit_of,
    outcomes,
    wishes,
    workers,
)
from tests.contract.storage.world import World, new_world

from heliograph.core.ids import Id, new_id
from heliograph.core.model.audience import (
    Address,
    Addresses,
    Everyone,
    Recipient,
    Recipients,
    Registrations,
    Users,
)
from heliograph.core.model.notification import (
    Content,
    Notification,
    NotificationState,
    Options,
    Record,
)
from heliograph.core.model.registration import ProviderName
from heliograph.core.notifications.states import Step
from heliograph.storage.store import SqlStore, open_store
from heliograph.storage.tables.tables import (
    deferred,
    deliveries,
    notifications,
    recipients,
    registrations,
    shards,
)

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from pathlib import Path

    from heliograph.config import Storage
    from heliograph.core.model.audience import Audience


class Lives(RuleBasedStateMachine):
    """The ledger under two workers, a starter, a sweeper, and whoever else has a say."""

    def __init__(self, runner: asyncio.Runner, store: SqlStore) -> None:
        super().__init__()
        self.runner, self.store = runner, store
        self.phones: dict[str, Id] = {}
        self.asked: dict[Id, Asked] = {}
        self.held: dict[str, list[Held]] = {name: [] for name in WORKERS}
        self.tokens = 0

    def do(self, call: Coroutine[Any, Any, Any]) -> Any:
        return self.runner.run(call)

    @initialize(
        count=st.integers(3, len(DEVICES)),
        first=st.lists(wishes, min_size=2, max_size=4),
        doomed=st.sets(st.integers(0, 3)),
    )
    def begin(self, count: int, first: list[tuple[str, int, Record]], doomed: set[int]) -> None:
        """Register phones and ask for a few things. doomed: which are canceled at the end."""
        self.doomed = doomed
        self.world: World = self.do(new_world(self.store, FakeClock()))
        for device in DEVICES[:count]:
            self.register(device)
        self.world.clock.advance(100)
        for wish in first:
            self.accept(wish, 0)

    @rule(device=st.sampled_from(DEVICES))
    def register(self, device: str) -> None:
        """Register a phone, or tell its new token."""
        self.world.clock.advance(0.001)
        self.tokens += 1
        user = "ann" if device in DEVICES[:2] else "bob"
        call = self.world.register(f"{device}, {self.tokens}", device=device, user=user)
        self.phones[device] = self.do(call).id
        self.world.clock.advance(0.001)

    @rule(device=st.sampled_from(DEVICES))
    def unregister(self, device: str) -> None:
        registration_id = self.phones.pop(device, None)
        if registration_id is not None:
            self.do(
                self.store.registry.remove(
                    self.world.application.id, registration_id, now=self.world.now
                )
            )

    def audience(self, kind: str) -> Audience:
        bare = tuple(Address(ProviderName.FCM, f"bare {number}") for number in range(3))
        match kind:
            case "users":
                return Users(("ann", "bob"))
            case "registrations":
                return Registrations((*self.phones.values(), new_id(self.world.now)))
            case "addresses":
                return Addresses(bare)
            case "recipients":
                known = self.do(self.world.living())
                ours = [known[each] for each in self.phones.values() if each in known]
                owners = sorted({row.user_id for row in ours})
                named = [Recipient(user_id=Id(each)) for each in owners]
                return Recipients((*named, Recipient(address=bare[0])), len(named) + 1)
            case _:
                return Everyone()

    @rule(wish=wishes, wait_s=st.sampled_from([0, 0, 30]))
    def accept(self, wish: tuple[str, int, Record], wait_s: int) -> None:
        """Accept a notification that starts now or later."""
        kind, ttl_s, record = wish
        now = self.world.now
        notification = Notification(
            id=new_id(now),
            application_id=self.world.application.id,
            audience=self.audience(kind),
            content=Content(title="hello"),
            options=Options(
                ttl_s=ttl_s,
                record=record,
                send_at=now + timedelta(seconds=wait_s) if wait_s else None,
            ),
            state=NotificationState.SCHEDULED if wait_s else NotificationState.RUNNING,
            created=now,
            started_at=None if wait_s else now,
        )
        self.do(self.store.notifications.accept(notification))
        self.asked[notification.id] = asked = Asked(notification)
        if not wait_s:
            asked.there = set(self.phones.values())
        self.world.clock.advance(0.001)

    @rule()
    def start(self) -> None:
        """Start what is due."""
        while started := self.do(self.store.notifications.start_due(now=self.world.now)):
            asked = self.asked[started]
            assert asked.there is None
            asked.there = set(self.phones.values())
        self.world.clock.advance(0.001)

    @precondition(lambda self: self.asked)
    @rule(
        number=st.integers(0, 5),
        step=st.sampled_from([Step.CANCEL, Step.PAUSE, Step.PAUSE, Step.RESUME, Step.RESUME]),
    )
    def take_step(self, number: int, step: Step) -> None:
        some = list(self.asked)
        self.change(some[number % len(some)], step)

    @rule(worker=workers, count=st.integers(1, 3))
    def claim(self, worker: str, count: int) -> None:
        for shard, notification in self.do(claim(self.world, count, worker)):
            ends = self.world.clock.monotonic() + LEASE.total_seconds()
            self.held[worker].append(Held(shard, notification, shard.cursor, ends))

    def take(self, worker: str) -> Held | None:
        """Whose turn it is of a worker's shards."""
        some = self.held[worker]
        if not some:
            return None
        some.append(some.pop(0))
        return some[-1]

    @rule(worker=workers, limit=st.integers(1, 4))
    def read(self, worker: str, limit: int) -> None:
        """Read a page, as a worker does while its lease holds."""
        held = self.take(worker)
        if held is None or held.page is not None or self.world.clock.monotonic() >= held.lease_ends:
            return
        page = self.do(
            self.store.ledger.read_page(
                held.shard, held.notification, held.cursor, limit=limit, now=self.world.now
            )
        )
        if page.state in {NotificationState.RUNNING, NotificationState.EXPIRED}:
            held.page = page
        else:
            self.release(worker)

    def send(self, worker: str, limit: int, said: list[str], cut: int) -> None:
        """Read a page and commit it at once."""
        self.read(worker, limit)
        if self.held[worker]:
            self.held[worker].insert(0, self.held[worker].pop())
            self.commit(worker, said, cut, is_repeated=False)

    @rule(
        worker=workers,
        limit=st.integers(1, 4),
        said=outcomes,
        cut=st.integers(0, 3),
        pages=st.integers(1, 4),
        meanwhile=st.lists(st.sampled_from(MEANWHILE), max_size=3),
    )
    def work(
        self,
        worker: str,
        limit: int,
        said: list[str],
        cut: int,
        pages: int,
        meanwhile: list[str],
    ) -> None:
        """Work on a shard as a worker does, while something else happens before each page."""
        if not self.held[worker]:
            self.claim(worker, 1)
        for number in range(pages):
            if number < len(meanwhile):
                self.happen(meanwhile[number])
            self.send(worker, limit, said, cut)

    def happen(self, what: str) -> None:
        """Let something happen to what is held first, or to the phone that is known longest."""
        match what:
            case "cancel" | "pause" | "resume":
                for held in [each for some in self.held.values() for each in some][:1]:
                    self.change(held.notification.id, Step(what))
            case "unregister" | "register":
                for device in list(self.phones)[:1]:
                    getattr(self, what)(device)
            case "settle":
                self.settle(4, is_to_the_end=True)
            case _:
                self.pass_time(61 if what == "freeze" else 10)
                self.sweep(3)

    def change(self, notification_id: Id, step: Step) -> None:
        self.do(
            self.store.notifications.step(
                self.world.application.id, notification_id, step, now=self.world.now
            )
        )

    @rule(worker=workers, said=outcomes, cut=st.integers(0, 3), is_repeated=st.booleans())
    def commit(self, worker: str, said: list[str], cut: int, *, is_repeated: bool) -> None:
        """Commit a page that was read; perhaps a first part of it, perhaps once more."""
        held = self.take(worker)
        if held is None or held.page is None:
            return
        page, held.page = held.page, None
        commit, sent_to = commit_of(held, page, said, cut, self.world.now)
        is_ours = self.do(self.store.ledger.commit_page(commit))
        if is_ours and is_repeated:
            assert self.do(self.store.ledger.commit_page(commit))
        if is_ours:
            self.asked[held.notification.id].received.update(sent_to)
        if not is_ours or commit.cursor is None:
            self.held[worker].remove(held)
        held.cursor = commit.cursor

    @rule(worker=workers)
    def release(self, worker: str) -> None:
        held = self.take(worker)
        if held is not None:
            self.held[worker].remove(held)
            self.do(self.store.ledger.release([held.shard], now=self.world.now))

    @rule(worker=workers, wait_s=st.sampled_from([0.1, 15.0]))
    def hold(self, worker: str, wait_s: float) -> None:
        held = self.take(worker)
        if held is not None:
            self.held[worker].remove(held)
            until = min(self.world.now + timedelta(seconds=wait_s), held.notification.expires_at)
            self.do(self.store.ledger.hold(held.shard, until=until))

    @rule(worker=workers)
    def renew(self, worker: str) -> None:
        seconds = self.world.clock.monotonic()
        held = [each for each in self.held[worker] if seconds < each.lease_ends]
        self.do(
            self.store.ledger.renew(
                [each.shard for each in held], leased_until=self.world.now + LEASE
            )
        )
        for each in held:
            each.lease_ends = seconds + LEASE.total_seconds()

    @rule(worker=workers)
    def crash(self, worker: str) -> None:
        """Forget all that a worker had in its hands; its leases run out."""
        self.held[worker].clear()

    @rule(seconds=st.sampled_from([1, 6, 10, 30]))
    def pass_time(self, seconds: int) -> None:
        self.world.clock.advance(seconds)

    @rule(limit=st.integers(1, 4))
    def sweep(self, limit: int) -> None:
        while self.do(self.store.ledger.sweep(now=self.world.now, limit=limit)):
            pass

    @rule(limit=st.integers(1, 4), is_to_the_end=st.booleans())
    def settle(self, limit: int, *, is_to_the_end: bool) -> None:
        while self.do(self.store.ledger.settle(now=self.world.now, limit=limit)) and is_to_the_end:
            pass

    def teardown(self) -> None:
        if not hasattr(self, "world"):
            return
        for number, notification_id in enumerate(self.asked):
            if number in self.doomed:
                self.change(notification_id, Step.CANCEL)
        self.run_on()
        self.world.clock.advance(LONGEST_S)
        self.run_on()
        self.check()

        def empty(connection: Any) -> None:
            for table in (deliveries, shards, deferred, recipients, registrations, notifications):
                connection.execute(delete(table))

        self.do(self.store._database.write(empty))

    def run_on(self) -> None:
        """Let all that is left happen, in good order."""
        for worker in WORKERS:
            self.crash(worker)
        for _ in range(20):
            self.world.clock.advance(61)
            self.start()
            self.sweep(100)
            self.settle(100, is_to_the_end=True)
            self.claim("one", 100)
            while self.held["one"]:
                self.send("one", 3, ["accepted"], 0)
            if self.has_ended():
                return

    def has_ended(self) -> bool:
        """Say whether nothing is left to do but of what is paused."""
        rows = self.do(self.world.rows(notifications))
        paused = {row.id for row in rows if row.state == NotificationState.PAUSED}
        left = [row.notification_id for row in self.do(self.world.rows(deferred))]
        left += [row.notification_id for row in self.do(self.world.rows(shards)) if not row.is_done]
        left += [row.id for row in rows if not (row.completed_ms or row.is_settled)]
        return paused.issuperset(left)

    def check(self) -> None:
        rows = {row.id: row for row in self.do(self.world.rows(notifications))}
        waiting = self.do(self.world.rows(deferred))
        assert [row for row in waiting if row.notification_id in self.asked] == []
        open_shards = [row for row in self.do(self.world.rows(shards)) if not row.is_done]
        assert [row for row in open_shards if row.notification_id in self.asked] == []
        recorded: dict[Id, list[Any]] = {}
        for row in self.do(self.world.rows(deliveries)):
            recorded.setdefault(row.notification_id, []).append(row)
        for notification_id, asked in self.asked.items():
            counters = self.do(self.store.notifications.counters(notification_id))
            own = recorded.get(notification_id, [])
            check_end(asked, rows[notification_id], own, counters, self.do(self.world.living()))


def test_all_that_is_asked_for_ends_and_adds_up(storage: Storage, folder: Path) -> None:
    with asyncio.Runner() as runner:
        store = runner.run(open_store(storage, folder))
        try:
            run_state_machine_as_test(
                lambda: Lives(runner, store),
                settings=settings(
                    max_examples=examples(40),
                    stateful_step_count=30,
                    deadline=None,
                    suppress_health_check=list(HealthCheck),
                ),
            )
        finally:
            runner.run(store.close())
