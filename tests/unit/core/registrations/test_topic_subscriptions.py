from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import pytest
from tests.unit.core.stubs import APPLICATION, FOREIGN_APPLICATION, client, session

from heliograph.core.errors import (
    InvalidRequest,
    NotFound,
    NotPermitted,
    Problem,
    ProblemKind,
    Unavailable,
)
from heliograph.core.ids import Id, new_id, spell
from heliograph.core.model.application import FcmCredential, ProviderCredential
from heliograph.core.model.identity import Scope
from heliograph.core.model.outcome import (
    Accepted,
    Misconfigured,
    Outcome,
    RefreshCredential,
    Rejected,
    TokenGone,
)
from heliograph.core.model.registration import Environment, ProviderName, Registration
from heliograph.core.registrations.topic_subscriptions import (
    Members,
    TopicChange,
    TopicSubscriptions,
)

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
DONE = Accepted()
CREDENTIAL = ProviderCredential(
    new_id(NOW),
    APPLICATION.id,
    ProviderName.FCM,
    Environment.PRODUCTION,
    FcmCredential("p", "a@b", "k", "pem"),
)

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend():
    return "asyncio"


class Clock:
    def now(self) -> datetime:
        return NOW

    def monotonic(self) -> float:
        return 0.0


@dataclass
class OneApplication:
    """An application with these credentials."""

    credentials: tuple[ProviderCredential, ...] = (CREDENTIAL,)

    async def credentials_of(self, application_id: Id) -> tuple[ProviderCredential, ...]:
        return self.credentials


@dataclass
class SomeRegistrations:
    """Registrations by id; others are not found."""

    known: dict[Id, Registration] = field(default_factory=dict)

    def add(self, token: str, provider: ProviderName = ProviderName.FCM) -> Id:
        made = new_id(NOW)
        self.known[made] = Registration(
            made, APPLICATION.id, b"s", provider, token, b"h", "test", NOW, NOW
        )
        return made

    async def get(self, principal: Any, application: Any, registration_id: Id) -> Registration:
        if registration_id not in self.known:
            raise NotFound("registration", spell("registration", registration_id))
        return self.known[registration_id]


@dataclass
class ScriptedTopics:
    """Answers each token as it was told to, one answer a call; others are done."""

    answers: dict[str, list[Outcome]] = field(default_factory=dict)
    calls: list[tuple[str, tuple[str, ...], bool]] = field(default_factory=list)
    refreshed: list[ProviderCredential] = field(default_factory=list)

    def check_topic(self, topic: str) -> None:
        if " " in topic:
            raise InvalidRequest([Problem(("topic",), ProblemKind.MALFORMED, "a topic")])

    async def change_topic(
        self, credential: Any, topic: str, tokens: Any, *, subscribe: bool, now: datetime
    ) -> list[Outcome]:
        self.calls.append((topic, tuple(tokens), subscribe))
        return [self.answers[t].pop(0) if self.answers.get(t) else DONE for t in tokens]

    async def refresh(self, credential: ProviderCredential) -> None:
        self.refreshed.append(credential)


@dataclass
class World:
    service: ScriptedTopics = field(default_factory=ScriptedTopics)
    applications: OneApplication = field(default_factory=OneApplication)
    registrations: SomeRegistrations = field(default_factory=SomeRegistrations)
    has_service: bool = True

    async def change(self, *ids, tokens=(), topic="news", joins=True, caller=None, place=None):
        services = {ProviderName.FCM: self.service} if self.has_service else {}
        topics: Any = TopicSubscriptions(self.applications, self.registrations, services, Clock())
        change = TopicChange(ProviderName.FCM, topic, Members(ids, tuple(tokens)), joins)
        return await topics.change(caller or client(), place or APPLICATION, change)


@pytest.fixture
def world() -> World:
    return World()


async def test_registrations_and_tokens_join_in_one_call(world):
    known = world.registrations.add("tok-1")

    outcomes = await world.change(known, tokens=["tok-2"])

    assert outcomes == [DONE, DONE]
    assert world.service.calls == [("news", ("tok-1", "tok-2"), True)]


async def test_leaving_is_the_same_with_another_word(world):
    await world.change(tokens=["t"], joins=False)

    assert world.service.calls == [("news", ("t",), False)]


async def test_each_member_has_its_own_outcome_in_the_order_of_the_request(world):
    fcm, apns = world.registrations.add("a"), world.registrations.add("b", ProviderName.APNS)
    gone = TokenGone("NOT_FOUND", is_ambiguous=True)
    world.service.answers = {"c": [gone]}

    outcomes = await world.change(apns, new_id(NOW), fcm, tokens=["c", "d"])

    assert outcomes == [
        Rejected("the registration is of apns"),
        Rejected("there is no such registration"),
        DONE,
        gone,
        DONE,
    ]


async def test_a_device_that_is_named_twice_is_asked_for_once(world):
    known = world.registrations.add("a")

    outcomes = await world.change(known, tokens=["a", "b", "a"])

    assert outcomes == [DONE] * 4
    assert world.service.calls == [("news", ("a", "b"), True)]


async def test_where_nobody_is_left_nobody_is_asked(world):
    outcomes = await world.change(new_id(NOW))

    assert outcomes == [Rejected("there is no such registration")]
    assert world.service.calls == []


async def test_a_stale_credential_is_refreshed_once_and_only_the_refused_are_repeated(world):
    stale = RefreshCredential("UNAUTHENTICATED")
    world.service.answers = {"a": [stale, stale], "b": [stale]}

    outcomes = await world.change(tokens=["a", "b", "c"])

    assert outcomes == [Misconfigured("UNAUTHENTICATED"), DONE, DONE]
    assert [tokens for _, tokens, _ in world.service.calls] == [("a", "b", "c"), ("a", "b")]
    assert world.service.refreshed == [CREDENTIAL]


async def test_an_application_without_a_credential_is_told_which(world):
    world.applications.credentials = (replace(CREDENTIAL, provider=ProviderName.APNS),)

    with pytest.raises(NotFound) as caught:
        await world.change(tokens=["a"])

    assert (caught.value.kind, caught.value.id) == ("credential", "fcm")


async def test_a_process_without_the_provider_is_unavailable(world):
    world.has_service = False

    with pytest.raises(Unavailable, match="fcm"):
        await world.change(tokens=["a"])


async def test_nobody_at_all_is_refused(world):
    with pytest.raises(InvalidRequest) as caught:
        await world.change()

    assert [problem.kind for problem in caught.value.problems] == [ProblemKind.TOO_SHORT]


async def test_more_than_a_thousand_are_refused(world):
    with pytest.raises(InvalidRequest) as caught:
        await world.change(*([new_id(NOW)] * 500), tokens=["t"] * 501)

    assert [problem.kind for problem in caught.value.problems] == [ProblemKind.TOO_MANY]
    assert world.service.calls == []


async def test_every_token_that_cant_be_is_named(world):
    with pytest.raises(InvalidRequest) as caught:
        await world.change(tokens=["a\n", "b", ""])

    assert [problem.field for problem in caught.value.problems] == [
        "tokens.0",
        "tokens.2",
    ]


async def test_a_topic_that_cant_be_is_refused_before_anything_is_read(world):
    world.applications.credentials = ()

    with pytest.raises(InvalidRequest, match="topic"):
        await world.change(tokens=["a"], topic="a b")


async def test_the_right_to_write_registrations_is_needed(world):
    reader = client(scopes=frozenset({Scope.REGISTRATIONS_READ}))

    with pytest.raises(NotPermitted):
        await world.change(tokens=["a"], caller=reader)


async def test_a_session_brings_its_registrations_but_no_bare_token(world):
    known = world.registrations.add("a")

    assert await world.change(known, caller=session()) == [DONE]
    with pytest.raises(NotPermitted):
        await world.change(known, tokens=["b"], caller=session())


async def test_a_foreign_application_is_not_found(world):
    with pytest.raises(NotFound):
        await world.change(tokens=["a"], place=FOREIGN_APPLICATION)
