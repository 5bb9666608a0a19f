"""Whose pushes a phone gets, whatever Layer, Discord and Navixy did to it before.

Random sign-ins, registrations, log-outs, changed passwords and weeks that pass,
across dialects and users, against a model of the documented rules; after each
step the next page of a notification for everyone, and for each user, is read.

Source: docs/decisions/0004-slots-and-claims.md, docs/decisions/0024-logins.md.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
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
from tests.conftest import FakeClock, cheap_passwords, examples

from heliograph.core import access
from heliograph.core.errors import NotAuthenticated
from heliograph.core.ids import new_id
from heliograph.core.model.audience import Everyone, Users
from heliograph.core.model.delivery import Shard, ShardSource
from heliograph.core.model.identity import SessionForm
from heliograph.core.model.notification import (
    Content,
    Notification,
    NotificationState,
    Options,
)
from heliograph.core.model.registration import Claim, Draft, ProviderName, Slot
from heliograph.dialects.discord import mapping as discord
from heliograph.dialects.discord import schemas as discord_schemas
from heliograph.dialects.navixy import mapping as navixy
from heliograph.dialects.navixy import schemas as navixy_schemas
from heliograph.wiring import Stack

if TYPE_CHECKING:
    from collections.abc import Hashable

    from heliograph.config import Config
    from heliograph.core.model.audience import Audience
    from heliograph.core.model.identity import Session, SessionPrincipal

USERS, TOKENS, DEVICES = ("ann", "bob", "carl"), ("A", "B"), ("d1", "d2")
FORMS = (SessionForm.LAYER, SessionForm.DISCORD, SessionForm.NAVIXY)
LIFE_S = 30 * 86_400
SHARED = True


@dataclass
class SignIn:
    """A session as the model knows it."""

    session: Session
    token: str
    user: str
    expires_s: float
    is_ended: bool = False

    @property
    def form(self) -> SessionForm:
        return self.session.form


@dataclass(frozen=True)
class Held:
    """A registration as the model knows it. silent_s: when it goes silent; None for never."""

    user: str
    token: str
    is_shared: bool
    sign_in: int | None
    silent_s: float | None
    form: SessionForm


class OwnershipMachine(RuleBasedStateMachine):
    """The core and the model, given the same commands."""

    def __init__(self, runner: asyncio.Runner, stack: Stack, clock: FakeClock) -> None:
        super().__init__()
        self.run, self.core, self.store, self.clock = runner.run, stack.core, stack.store, clock
        self.sign_ins: list[SignIn] = []
        self.rows: dict[Hashable, Held] = {}

    @initialize()
    def begin(self) -> None:
        """Make an application of this example's own, and a notification to read pages of."""
        account = self.run(self.core.applications.account())
        self.application = self.run(self.core.applications.create(account.id, "an app"))
        for user in USERS:
            for form in FORMS:
                self.sign_in(user, form)
        audiences: list[Audience] = [Everyone(), *(Users((user,)) for user in USERS)]
        self.notifications = {audience: self.accepted(audience) for audience in audiences}

    @rule(user=st.sampled_from(USERS), form=st.sampled_from(FORMS))
    def sign_in(self, user: str, form: SessionForm) -> None:
        session, token = self.run(
            self.core.identity.create_session(self.application, user, form, None)
        )
        self.sign_ins.append(SignIn(session, token, user, self.clock.seconds + LIFE_S))

    @rule(
        number=st.integers(0, 11),
        token=st.sampled_from(TOKENS),
        device=st.sampled_from(DEVICES),
    )
    def register(self, number: int, token: str, device: str) -> None:
        """Register a phone in the dialect of a session; one that is over is refused."""
        number %= len(self.sign_ins)
        caller, principal = self.caller_of(number)
        if principal is None:
            return
        slot, draft = self.draft_of(caller, principal, token, device)
        self.run(self.core.registrations.register(principal, self.application, draft))
        is_silenced = caller.form is not SessionForm.LAYER
        self.claim(
            slot,
            Held(
                caller.user,
                token,
                caller.form is SessionForm.DISCORD,
                number,
                caller.expires_s if is_silenced else None,
                caller.form,
            ),
        )

    @rule(
        number=st.integers(0, 11),
        token=st.sampled_from(TOKENS),
        listed=st.sets(st.sampled_from(USERS)),
        is_exact=st.booleans(),
    )
    def synchronize(self, number: int, token: str, listed: set[str], *, is_exact: bool) -> None:
        """Share a phone among Discord accounts."""
        numbers = [n for n, each in enumerate(self.sign_ins) if each.form is SessionForm.DISCORD]
        number = numbers[number % len(numbers)]
        caller, principal = self.caller_of(number)
        if principal is None:
            return
        leaves = [self.leave_of(self.user_of(user)) for user in sorted(listed)]
        body = discord_schemas.Synchronization(provider="gcm", token=token, push_sync_tokens=())
        drafts = discord.to_sync_drafts(body, principal, leaves, now=self.clock.now())
        self.run(
            self.core.registrations.synchronize(
                principal, self.application, drafts, is_exact=is_exact
            )
        )
        places = {("discord", user, token): user for user in {*listed, caller.user}}
        if is_exact:
            for slot, held in list(self.rows.items()):
                if held.token == token and slot not in places:
                    del self.rows[slot]
        for slot, user in places.items():
            if user == caller.user:
                row = Held(user, token, SHARED, number, caller.expires_s, SessionForm.DISCORD)
            else:
                row = self.shared_row(slot, user, token)
            self.claim(slot, row)

    @rule(number=st.integers(0, 11))
    def log_out(self, number: int) -> None:
        number %= len(self.sign_ins)
        one = self.sign_ins[number]
        ended = self.run(self.core.identity.end_session(one.token, one.form))
        assert ended is not one.is_ended
        self.end([number])

    @rule(user=st.sampled_from(USERS), form=st.sampled_from(FORMS))
    def change_password(self, user: str, form: SessionForm) -> None:
        """End all of a user's sign-ins of a form, as a changed password does."""
        self.run(self.core.sessions.end_all(self.application, self.user_of(user), form))
        if form is SessionForm.DISCORD:
            for slot, held in list(self.rows.items()):
                if (held.user, held.form, held.sign_in) == (user, form, None):
                    del self.rows[slot]
        self.end([n for n, s in enumerate(self.sign_ins) if (s.user, s.form) == (user, form)])

    @rule(number=st.integers(0, 11))
    def renew(self, number: int) -> None:
        numbers = [n for n, each in enumerate(self.sign_ins) if each.form is SessionForm.NAVIXY]
        number = numbers[number % len(numbers)]
        caller, principal = self.caller_of(number)
        if principal is None:
            return
        self.run(self.core.sessions.renew(principal, caller.token))
        caller.expires_s = self.clock.seconds + LIFE_S
        for slot, held in self.rows.items():
            if held.sign_in == number:
                self.rows[slot] = replace(held, silent_s=caller.expires_s)

    @rule(days=st.sampled_from([0.001, 1, 16, 31]))
    def wait(self, days: float) -> None:
        self.clock.advance(days * 86_400)

    @invariant()
    def everyone_is_reached_by_the_next_page(self) -> None:
        """A phone gets one push of a broadcast, and one of what is for each of its users."""
        if not hasattr(self, "notifications"):
            return
        now_s = self.clock.seconds
        heard = [row for row in self.rows.values() if row.silent_s is None or row.silent_s > now_s]
        assert self.reached(Everyone()) == sorted({row.token for row in heard})
        for user in USERS:
            wanted = sorted({row.token for row in heard if row.user == user})
            assert self.reached(Users((user,))) == wanted, user
        self.clock.advance(0.001)

    def accepted(self, audience: Audience) -> Notification:
        now = self.clock.now()
        notification = Notification(
            id=new_id(now),
            application_id=self.application.id,
            audience=audience,
            content=Content(title="hello"),
            options=Options(),
            state=NotificationState.RUNNING,
            created=now,
            started_at=now,
        )
        self.run(self.store.notifications.accept(notification))
        return notification

    def reached(self, audience: Audience) -> list[str]:
        """Read the next page of a notification: which tokens are sent to, one for each push."""
        # As if it had been started now: who registered later than that is left out.
        asked = replace(self.notifications[audience], started_at=self.clock.now())
        shard = Shard(asked.id, asked.id, self.application.id, ShardSource.QUERY, 0, 255, 0, None)
        page = self.run(
            self.store.ledger.read_page(shard, asked, None, limit=1000, now=self.clock.now())
        )
        return sorted(target.token for target in page.targets)

    def caller_of(self, number: int) -> tuple[SignIn, SessionPrincipal | None]:
        """Authenticate by a session; nobody where the model says that it is over."""
        one = self.sign_ins[number]
        is_over = one.is_ended or one.expires_s <= self.clock.seconds
        try:
            principal = self.run(self.core.identity.session(one.token, one.form))
        except NotAuthenticated:
            assert is_over
            return one, None
        assert not is_over
        return one, principal

    def draft_of(
        self, caller: SignIn, principal: SessionPrincipal, token: str, device: str
    ) -> tuple[Hashable, Draft]:
        """Write what a dialect writes, and name its slot."""
        now = self.clock.now()
        match caller.form:
            case SessionForm.DISCORD:
                body = discord_schemas.NewDevice(provider="gcm", token=token)
                [draft] = discord.to_drafts(body, principal, now=now)
                return ("discord", caller.user, token), draft
            case SessionForm.NAVIXY:
                bound = navixy_schemas.PushToken(application="navixy_android_viewer", token=token)
                draft = navixy.to_draft(bound, None, principal, now=now)
                return ("navixy", caller.session.id), draft
            case _:
                draft = Draft(
                    application_id=self.application.id,
                    slot=Slot(by_user=True, device_id=device),
                    provider=ProviderName.FCM,
                    token=token,
                    arrived_at=now,
                    origin="layer",
                    claim=Claim.EXCLUSIVE,
                    owner=access.member_of(principal),
                    session_id=principal.session.id,
                    device_id=device,
                )
                return ("layer", caller.user, device), draft

    def claim(self, slot: Hashable, row: Held) -> None:
        """Fill a slot: an exclusive claim leaves nobody else, a shared one no exclusive."""
        for other, held in list(self.rows.items()):
            is_displaced = not (row.is_shared and held.is_shared)
            if other != slot and held.token == row.token and is_displaced:
                del self.rows[other]
        self.rows[slot] = row

    def shared_row(self, slot: Hashable, user: str, token: str) -> Held:
        """What another account holds after synchronizing: its own session stays in charge."""
        present = self.rows.get(slot)
        if present is not None and (
            present.silent_s is None or present.silent_s > self.clock.seconds
        ):
            return present
        return Held(user, token, SHARED, None, None, SessionForm.DISCORD)

    def end(self, numbers: list[int]) -> None:
        for number in numbers:
            self.sign_ins[number].is_ended = True
        for slot, held in list(self.rows.items()):
            if held.sign_in in numbers:
                del self.rows[slot]

    def leave_of(self, user_id: Any) -> discord.Leave:
        """What a sync token of the user's would say now."""
        owner = self.run(self.core.identity.member_of(self.application, user_id))
        number = self.run(self.core.sessions.revocations(self.application.id, user_id))
        return discord.Leave(owner, number)

    def user_of(self, name: str) -> Any:
        return next(each.session.user_id for each in self.sign_ins if each.user == name)


def test_the_next_page_reaches_whom_the_rules_say(config: Config) -> None:
    with asyncio.Runner() as runner:
        clock = FakeClock()
        stack = runner.run(Stack.open(config, clock=clock, passwords=cheap_passwords()))
        try:
            run_state_machine_as_test(
                lambda: OwnershipMachine(runner, stack, clock),
                settings=settings(
                    max_examples=examples(40),
                    stateful_step_count=20,
                    deadline=None,
                    suppress_health_check=list(HealthCheck),
                ),
            )
        finally:
            runner.run(stack.stop())
