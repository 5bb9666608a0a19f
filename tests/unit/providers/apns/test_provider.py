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


async def test_refreshing_a_used_token_is_harmless(provider, credential, clock):
    await provider.send(batch_of(credential, [target()]), now=NOW)
    await provider.refresh(credential)
    clock.advance(timedelta(minutes=30))

    await provider.refresh(credential)

    outcomes = await provider.send(batch_of(credential, [target()]), now=NOW)
    assert isinstance(outcomes[0], Deferred)
