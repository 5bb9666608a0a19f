from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from tests.unit.core.stubs import (
    ACCOUNT,
    APPLICATION,
    FOREIGN_APPLICATION,
    NOW,
    RecordingStore,
    client,
)

from heliograph.core.applications.applications import Applications
from heliograph.core.errors import InvalidRequest, NotFound, Problem, ProblemKind, Unavailable
from heliograph.core.identity.identity import secret_hash
from heliograph.core.ids import new_id, spell
from heliograph.core.model.application import (
    Account,
    ApnsCertificate,
    ApnsCredential,
    Defaults,
    FcmCredential,
)
from heliograph.core.model.identity import Scope
from heliograph.core.model.registration import Environment, ProviderName
from heliograph.core.stores.applications import SealedCredential

if TYPE_CHECKING:
    from datetime import datetime

    from tests.conftest import FakeClock

    from heliograph.core.model.application import Secret

pytestmark = pytest.mark.anyio

APNS = ApnsCredential("KEY1234567", "TEAM123456", "a secret key")
CERTIFICATE = ApnsCertificate("a secret key")
FCM = FcmCredential("demo", "sender@demo", "1", "a secret key")


class ShiftSealer:
    """Seals by writing the context in front and turning the letters round."""

    def seal(self, plain: bytes, context: bytes) -> bytes:
        return context + b"|" + plain[::-1]

    def unseal(self, sealed: bytes, context: bytes) -> bytes:
        if not sealed.startswith(context + b"|"):
            raise ValueError("another context")
        return sealed.removeprefix(context + b"|")[::-1]


@pytest.fixture
def store() -> RecordingStore:
    return RecordingStore({"accounts": [], "applications": [], "clients": []})


@pytest.fixture
def applications(store: RecordingStore, clock: FakeClock) -> Applications:
    return Applications(store, ShiftSealer(), clock, cache_ttl_s=5)


async def test_the_first_account_is_made_at_first_use(
    applications: Applications, store: RecordingStore
) -> None:
    made = await applications.account()
    store.answers["accounts"] = [made, Account(new_id(NOW), "second", NOW)]

    assert await applications.account() is made
    assert store.asked("add_account") == [(made,)]


async def test_an_application_is_made(applications: Applications, store: RecordingStore) -> None:
    plain = await applications.create(ACCOUNT, "demo")
    sandbox = await applications.create(ACCOUNT, "demo", Defaults("x", Environment.SANDBOX))

    assert store.asked("add_application") == [(plain,), (sandbox,)]
    assert plain.defaults == Defaults(None, Environment.PRODUCTION)
    assert sandbox.defaults.environment is Environment.SANDBOX


@pytest.mark.parametrize("name", ["", "  "])
async def test_an_application_needs_a_name(applications: Applications, name: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        await applications.create(ACCOUNT, name)

    assert [problem.field for problem in caught.value.problems] == ["name"]


async def test_an_application_is_remembered_for_a_while(
    applications: Applications, store: RecordingStore, clock: FakeClock
) -> None:
    store.answers["application"] = APPLICATION
    await applications.get(APPLICATION.id)
    await applications.by_spelling(spell("application", APPLICATION.id))
    assert len(store.asked("application")) == 1

    clock.advance(5)
    await applications.get(APPLICATION.id)

    assert len(store.asked("application")) == 2


async def test_an_unknown_or_misspelled_application_is_not_found(
    applications: Applications,
) -> None:
    with pytest.raises(NotFound):
        await applications.get(APPLICATION.id)
    with pytest.raises(NotFound):
        await applications.by_spelling("app_x")


async def test_a_caller_sees_its_own_applications_only(
    applications: Applications, store: RecordingStore
) -> None:
    store.answers["application"] = APPLICATION
    text = spell("application", APPLICATION.id)
    assert await applications.seen_by(client(), text) is APPLICATION

    store.answers["application"] = FOREIGN_APPLICATION
    foreign = spell("application", FOREIGN_APPLICATION.id)

    with pytest.raises(NotFound):
        await applications.seen_by(client(), foreign)


async def test_applications_and_clients_are_listed(
    applications: Applications, store: RecordingStore
) -> None:
    store.answers |= {"applications": [APPLICATION], "clients": [client().client]}

    assert await applications.all_of(ACCOUNT) == [APPLICATION]
    assert len(await applications.clients_of()) == 1


async def test_a_client_is_made_with_a_key_that_is_stored_as_a_hash(
    applications: Applications, store: RecordingStore
) -> None:
    scopes = frozenset({Scope.NOTIFICATIONS_SEND})

    made, key = await applications.create_client(ACCOUNT, "back end", scopes=scopes)

    assert made.scopes == scopes
    assert key.startswith("hgk_")
    assert store.asked("add_client") == [(made, secret_hash(key))]


@pytest.mark.parametrize(
    ("secret", "provider"),
    [(APNS, ProviderName.APNS), (CERTIFICATE, ProviderName.APNS), (FCM, ProviderName.FCM)],
    ids=str,
)
async def test_a_credential_is_sealed_and_opened_again(
    applications: Applications, store: RecordingStore, secret: Secret, provider: ProviderName
) -> None:
    made = await applications.set_credential(APPLICATION, Environment.PRODUCTION, secret)

    ((_, credential_id, name, environment, sealed),) = store.asked("put_credential")
    store.answers["credentials"] = [SealedCredential(credential_id, name, environment, sealed)]
    (opened,) = await applications.credentials_of(APPLICATION.id)

    assert opened == made
    assert (name, opened.provider) == (provider, provider)
    assert b"a secret key" not in sealed


async def test_a_credential_that_its_provider_refuses_is_not_stored(
    store: RecordingStore, clock: FakeClock
) -> None:
    asked: list[Any] = []

    def refuse(secret: Secret, environment: Environment, *, now: datetime) -> None:
        asked.append((secret, environment, now))
        raise InvalidRequest([Problem(("key_pem",), ProblemKind.MALFORMED, "a key")])

    checks = {ProviderName.APNS: refuse}
    applications = Applications(store, ShiftSealer(), clock, cache_ttl_s=5, checks=checks)

    with pytest.raises(InvalidRequest):
        await applications.set_credential(APPLICATION, Environment.SANDBOX, APNS)
    await applications.set_credential(APPLICATION, Environment.PRODUCTION, FCM)

    assert asked == [(APNS, Environment.SANDBOX, clock.now())]
    assert [call[2] for call in store.asked("put_credential")] == [ProviderName.FCM]


async def test_a_new_credential_is_used_at_once(
    applications: Applications, store: RecordingStore
) -> None:
    store.answers["credentials"] = []
    assert await applications.credentials_of(APPLICATION.id) == ()

    await applications.set_credential(APPLICATION, Environment.PRODUCTION, APNS)
    await applications.credentials_of(APPLICATION.id)

    assert len(store.asked("credentials")) == 2


async def test_credentials_are_remembered_for_a_while(
    applications: Applications, store: RecordingStore, clock: FakeClock
) -> None:
    store.answers["credentials"] = []
    await applications.credentials_of(APPLICATION.id)
    await applications.credentials_of(APPLICATION.id)
    assert len(store.asked("credentials")) == 1

    clock.instant += timedelta(days=1)  # only the monotonic clock counts
    await applications.credentials_of(APPLICATION.id)
    assert len(store.asked("credentials")) == 1


async def test_a_credential_that_was_moved_or_sealed_by_another_key_is_unavailable(
    applications: Applications, store: RecordingStore
) -> None:
    sealed = ShiftSealer().seal(b"{}", b"credential:elsewhere")
    row = SealedCredential(new_id(NOW), ProviderName.APNS, Environment.PRODUCTION, sealed)
    store.answers["credentials"] = [row]

    with pytest.raises(Unavailable) as caught:
        await applications.credentials_of(APPLICATION.id)

    assert caught.value.component == "sealing key"


def test_secrets_are_not_shown() -> None:
    assert "a secret key" not in repr(APNS) + repr(FCM)
