from dataclasses import dataclass, field, replace
from datetime import timedelta
from types import SimpleNamespace

import pytest
from tests.unit.core.stubs import APPLICATION, NOW, RecordingStore, client

from heliograph.core.errors import InvalidRequest, NotPermitted, ProblemKind
from heliograph.core.ids import new_id
from heliograph.core.model.application import Defaults, FcmCredential, ProviderCredential
from heliograph.core.model.audience import (
    Address,
    Addresses,
    AddressForm,
    Everyone,
    Reach,
    Registrations,
    Users,
)
from heliograph.core.model.delivery import Target
from heliograph.core.model.identity import Scope
from heliograph.core.model.notification import Content, Options
from heliograph.core.model.registration import Environment, ProviderName, TokenKind
from heliograph.core.notifications.dry_runs import SURELY_SMALL_BYTES, DryRuns
from heliograph.core.ports import Preview

pytestmark = pytest.mark.anyio

APNS, FCM = ProviderName.APNS, ProviderName.FCM
PRODUCTION, SANDBOX = Environment.PRODUCTION, Environment.SANDBOX
LARGE = Content(body="x" * SURELY_SMALL_BYTES)
HELLO = Content(body="hello")
ONE_OF_EACH = Addresses((Address(FCM, "f"), Address(APNS, "a")))


@dataclass
class Printer:
    """Renders everything to so many bytes."""

    size_bytes: int
    batches: list = field(default_factory=list)

    def preview(self, batch):
        self.batches.append(batch)
        problem = "too large" if self.size_bytes > 4096 else None
        return [
            Preview("POST", "host", f"/{target.token}", (), b"{}", self.size_bytes, 4096, problem)
            for target in batch.targets
        ]


class World:
    """A store, credentials and printers."""

    def __init__(self, clock, sizes, credentials=((APNS, PRODUCTION), (FCM, PRODUCTION))):
        self.store = RecordingStore()
        self.printers = {name: Printer(size) for name, size in sizes.items()}
        self.credentials = [
            ProviderCredential(
                new_id(NOW), APPLICATION.id, name, environment, FcmCredential("p", "e", "k", "pem")
            )
            for name, environment in credentials
        ]
        self.asked_for_credentials = 0
        applications = SimpleNamespace(credentials_of=self.credentials_of)
        self.dry_runs = DryRuns(self.store, applications, clock, self.printers.get)

    async def credentials_of(self, application_id):
        self.asked_for_credentials += 1
        return self.credentials

    async def preview(self, audience=ONE_OF_EACH, content=HELLO, **rest):
        return await self.dry_runs.preview(
            client(), APPLICATION, audience, content, Options(**rest.pop("options", {})), **rest
        )

    async def weigh(self, audience=ONE_OF_EACH, content=LARGE):
        return await self.dry_runs.size_problems(APPLICATION, audience, content, Options())


def a_target(name, environment=None):
    raw = new_id(NOW)
    return Target(raw, raw[-1], 0, name, environment, "t", b"", "{}", 1, 0, is_registered=True)


async def test_addresses_are_rendered_as_the_engine_would(clock):
    world = World(clock, {APNS: 100, FCM: 100})
    audience = Addresses((Address(FCM, "news", AddressForm.TOPIC), Address(APNS, "a")))

    topic, token = await world.preview(audience)

    assert (topic.target.form, topic.target.recipient) == (AddressForm.TOPIC, 1)
    assert (token.target.form, token.target.recipient) == (AddressForm.TOKEN, 2)
    assert token.message.path == "/a"
    assert (topic.problem, token.problem) == (None, None)


async def test_so_many_of_each_provider_are_rendered(clock):
    world = World(clock, {APNS: 1, FCM: 1})
    audience = Addresses(
        (*(Address(FCM, f"f{n}") for n in range(5)), *(Address(APNS, f"a{n}") for n in range(5)))
    )

    samples = await world.preview(audience, per_provider=2)

    assert [each.target.token for each in samples] == ["f0", "f1", "a0", "a1"]


async def test_queries_are_sampled_by_the_store(clock):
    world = World(clock, {FCM: 1})
    world.store.answers["sample"] = [a_target(FCM)]

    [sample] = await world.preview(Everyone(), options={"kind": TokenKind.VOIP})

    assert sample.target.is_registered
    assert world.store.asked("sample") == [(APPLICATION.id, Everyone(), TokenKind.VOIP)]


async def test_each_target_gets_its_own_environments_credential(clock):
    world = World(clock, {APNS: 1}, [(APNS, PRODUCTION), (APNS, SANDBOX)])
    world.store.answers["sample"] = [a_target(APNS, SANDBOX), a_target(APNS)]

    samples = await world.preview(Everyone())

    assert [each.environment for each in samples] == [SANDBOX, PRODUCTION]
    used = [batch.credential.environment for batch in world.printers[APNS].batches]
    assert used == [SANDBOX, PRODUCTION]


async def test_the_applications_environment_stands_in(clock):
    world = World(clock, {APNS: 1}, [(APNS, SANDBOX)])
    application = replace(APPLICATION, defaults=Defaults(None, SANDBOX))
    world.store.answers["sample"] = [a_target(APNS)]

    [sample] = await world.dry_runs.preview(client(), application, Everyone(), HELLO, Options())

    assert sample.environment is SANDBOX


@pytest.mark.parametrize(
    ("sizes", "credentials"),
    [({}, [(FCM, PRODUCTION)]), ({FCM: 1}, [])],
    ids=["no provider", "no credential"],
)
async def test_what_is_missing_is_said(clock, sizes, credentials):
    world = World(clock, sizes, credentials)

    [sample] = await world.preview(Addresses((Address(FCM, "f"),)))

    assert (sample.message, sample.problem) == (None, "no fcm credential for production")
    assert not sample.is_too_large


async def test_the_ttl_counts_from_the_start(clock):
    world = World(clock, {FCM: 1})
    send_at = clock.now() + timedelta(hours=1)

    await world.preview(Addresses((Address(FCM, "f"),)), options={"send_at": send_at, "ttl_s": 60})

    [batch] = world.printers[FCM].batches
    assert batch.expires_at == send_at + timedelta(seconds=60)


async def test_a_preview_names_every_problem(clock):
    world = World(clock, {})

    with pytest.raises(InvalidRequest) as caught:
        await world.preview(Addresses(()), Content(), options={"max_per_second": 0})

    assert [each.field for each in caught.value.problems] == [
        "audience.addresses",
        "content",
        "options.max_per_second",
    ]


@pytest.mark.parametrize("scope", [Scope.NOTIFICATIONS_SEND, Scope.REGISTRATIONS_READ])
async def test_a_preview_needs_both_rights(clock, scope):
    world = World(clock, {})

    with pytest.raises(NotPermitted):
        await world.dry_runs.preview(
            client(scopes=frozenset({scope})), APPLICATION, Everyone(), HELLO, Options()
        )


async def test_what_no_provider_takes_is_too_large(clock):
    world = World(clock, {APNS: 5000, FCM: 4500})

    [problem] = await world.weigh()

    assert (problem.field, problem.kind) == ("content", ProblemKind.TOO_LARGE)
    assert problem.expected == (
        "at most 4096 bytes for apns (it has 5000), 4096 bytes for fcm (it has 4500)"
    )


@pytest.mark.parametrize("sizes", [{APNS: 5000, FCM: 4096}, {APNS: 5000}])
async def test_what_one_provider_takes_or_may_take_is_accepted(clock, sizes):
    assert await World(clock, sizes).weigh() == []


async def test_what_is_surely_small_is_not_rendered(clock):
    world = World(clock, {APNS: 5000, FCM: 5000})

    assert await world.weigh(content=HELLO) == []
    assert world.asked_for_credentials == 0


async def test_queries_are_weighed_by_what_the_application_can_send_to(clock):
    too_large = World(clock, {APNS: 5000, FCM: 4500})
    fits_one = World(clock, {APNS: 5000, FCM: 4096})

    [problem] = await too_large.weigh(Everyone())

    assert problem.expected == (
        "at most 4096 bytes for apns (it has 5000), 4096 bytes for fcm (it has 4500)"
    )
    assert await fits_one.weigh(Everyone()) == []
    assert too_large.store.calls == fits_one.store.calls == []


async def test_a_query_that_is_for_one_provider_is_weighed_by_that_alone(clock):
    world = World(clock, {APNS: 5000, FCM: 100})

    assert len(await world.weigh(Users(("ann",), (APNS,)))) == 1
    assert await world.weigh(Users(("ann",), (FCM,))) == []


async def test_an_application_that_cant_send_yet_weighs_nothing(clock):
    world = World(clock, {APNS: 5000}, credentials=())

    assert await world.weigh(Everyone()) == []


async def test_registrations_are_weighed_by_one_of_each_provider(clock):
    world = World(clock, {APNS: 5000})
    target = a_target(APNS)
    world.store.answers["sample"] = [target]

    [problem] = await world.weigh(Registrations((target.id,)))

    assert problem.kind is ProblemKind.TOO_LARGE
    [(_, _, named)] = [call for call in world.store.calls if call[0] == "sample"]
    assert named["per_provider"] == 1


async def test_registrations_that_are_gone_weigh_nothing(clock):
    world = World(clock, {APNS: 5000})
    world.store.answers["sample"] = []

    assert await world.weigh(Registrations((new_id(NOW),))) == []


async def test_whom_it_reaches_is_the_stores_answer(clock):
    world = World(clock, {})
    world.store.answers["reach"] = Reach((), 0.5)

    found = await world.dry_runs.reach(
        client(), APPLICATION, Addresses((Address(FCM, "x"), Address(FCM, "x")))
    )

    assert not found.is_exact
    assert world.store.asked("reach") == [(APPLICATION.id, Addresses((Address(FCM, "x"),)))]


async def test_an_audience_that_cant_be_is_not_counted(clock):
    world = World(clock, {})

    with pytest.raises(InvalidRequest):
        await world.dry_runs.reach(client(), APPLICATION, Addresses(()))

    assert world.store.calls == []
