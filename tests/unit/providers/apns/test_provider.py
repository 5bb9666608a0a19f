"""What needs no APNs; the rest is in tests/contract/providers."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from heliograph.config import Apns
from heliograph.core.ids import new_id
from heliograph.core.model.application import FcmCredential
from heliograph.core.model.delivery import Target
from heliograph.core.model.notification import Content, Options
from heliograph.core.model.outcome import Deferred, Misconfigured, Rejected
from heliograph.core.model.registration import Environment, ProviderName
from heliograph.core.ports import Batch
from heliograph.providers.apns import ApnsProvider
from heliograph.providers.apns.provider import SenderPool

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend():
    return "asyncio"


@pytest.fixture
async def provider(clock, free_tcp_port):
    url = f"https://127.0.0.1:{free_tcp_port}"
    made = ApnsProvider(Apns(production_url=url, sandbox_url=url), clock, request_timeout_s=5)
    yield made
    await made.close()


def target(attributes="", environment=None):
    return Target(
        new_id(NOW),
        0,
        0,
        ProviderName.APNS,
        environment,
        "abcd",
        b"",
        attributes,
        0,
        0,
        is_registered=True,
    )


def batch_of(credential, targets, content=None, default_bundle_id="com.example"):
    return Batch(
        credential,
        new_id(NOW),
        content or Content(title="Hi"),
        Options(),
        NOW + timedelta(hours=1),
        default_bundle_id,
        targets,
    )


async def test_nothing_to_send_is_nothing(provider, credential):
    assert await provider.send(batch_of(credential, []), now=NOW) == []


async def test_a_page_that_meets_no_server_is_tried_again(provider, credential):
    targets = [target(environment=each) for each in (None, *Environment)] * 200

    outcomes = await provider.send(batch_of(credential, targets), now=NOW)

    assert len(outcomes) == 600
    assert {type(outcome) for outcome in outcomes} == {Deferred}
    assert {outcome.retry_after for outcome in outcomes} == {timedelta(0)}


async def test_a_missing_topic_concerns_only_its_own_targets(provider, credential):
    targets = [target(), target('{"bundle_id":"com.acme"}'), target('{"bundle_id":"?"}'), target()]

    outcomes = await provider.send(batch_of(credential, targets, default_bundle_id=None), now=NOW)

    kinds = [type(outcome) for outcome in outcomes]
    assert kinds == [Misconfigured, Deferred, Rejected, Misconfigured]


async def test_a_message_over_the_limit_is_not_sent(provider, credential):
    content = Content(title="x" * 5000)

    outcomes = await provider.send(batch_of(credential, [target()], content), now=NOW)

    assert outcomes == [Rejected("PayloadTooLarge: 5030 bytes, at most 4096")]


async def test_another_providers_credential_is_misconfigured(provider, credential):
    foreign = replace(credential, secret=FcmCredential("p", "a@b", "k", "pem"))

    outcomes = await provider.send(batch_of(foreign, [target(), target()]), now=NOW)
    await provider.refresh(foreign)

    assert outcomes == [Misconfigured("not an APNs credential")] * 2


async def test_a_broken_key_is_misconfigured_and_stays_unsaid(provider, credential):
    broken = replace(credential, secret=replace(credential.secret, key_pem="SECRET"))

    outcomes = await provider.send(batch_of(broken, [target()]), now=NOW)
    await provider.refresh(broken)

    assert isinstance(outcomes[0], Misconfigured)
    assert "SECRET" not in repr(outcomes)


async def test_a_closed_provider_defers(provider, credential):
    await provider.close()

    outcomes = await provider.send(batch_of(credential, [target()]), now=NOW)

    assert outcomes == [Deferred("the server is stopping", timedelta(0))]


class FakeSender:
    def __init__(self):
        self.is_closed = False

    async def aclose(self):
        self.is_closed = True


class Senders:
    """Makes senders and remembers them."""

    def __init__(self):
        self.made = []

    def __call__(self, environment):
        self.made.append(FakeSender())
        return self.made[-1]


@pytest.fixture
def senders():
    return Senders()


@pytest.fixture
async def pool(senders):
    made = SenderPool(senders, size=3)
    yield made
    await made.close()
    assert all(sender.is_closed for sender in senders.made)


def lend(pool, credential, environment=Environment.PRODUCTION):
    with pool.lease(credential, environment) as sender:
        return sender


async def test_a_credential_keeps_one_sender_per_environment(pool, credential):
    first = lend(pool, credential)

    assert lend(pool, credential) is first
    assert lend(pool, credential, Environment.SANDBOX) is not first


async def test_a_new_version_of_a_credential_retires_the_former(pool, credential, settle):
    newer = replace(credential, id=new_id(NOW + timedelta(seconds=1)))
    former = lend(pool, credential)

    current = lend(pool, newer)
    late = lend(pool, credential)
    await settle()

    assert former.is_closed
    assert late is not former
    assert not current.is_closed
    assert lend(pool, newer) is current


async def test_another_environments_credential_retires_nothing(pool, credential, settle):
    sandbox = replace(
        credential, id=new_id(NOW + timedelta(seconds=1)), environment=Environment.SANDBOX
    )
    first = lend(pool, credential)

    lend(pool, sandbox, Environment.SANDBOX)
    await settle()

    assert not first.is_closed


async def test_a_retired_sender_is_closed_when_nobody_uses_it(pool, credential, settle):
    with pool.lease(credential, Environment.PRODUCTION) as busy:
        pool.retire(credential.id)
        await settle()
        was_closed = busy.is_closed
        replacement = lend(pool, credential)
    await settle()

    assert not was_closed
    assert busy.is_closed
    assert replacement is not busy
    assert not replacement.is_closed


async def test_the_least_recently_used_sender_makes_room(pool, credential, settle):
    credentials = [
        replace(credential, id=new_id(NOW), application_id=new_id(NOW)) for _ in range(4)
    ]
    first, second, _ = (lend(pool, each) for each in credentials[:3])
    lend(pool, credentials[0])

    lend(pool, credentials[3])
    await settle()

    assert second.is_closed
    assert lend(pool, credentials[0]) is first


async def test_closing_does_not_wait_for_those_in_use(pool, credential):
    with pool.lease(credential, Environment.PRODUCTION) as busy:
        pool.retire(credential.id)

        await pool.close()

        assert busy.is_closed


async def test_refreshing_a_used_token_is_harmless(provider, credential, clock):
    await provider.send(batch_of(credential, [target()]), now=NOW)
    await provider.refresh(credential)
    clock.advance(timedelta(minutes=30))

    await provider.refresh(credential)

    outcomes = await provider.send(batch_of(credential, [target()]), now=NOW)
    assert isinstance(outcomes[0], Deferred)
