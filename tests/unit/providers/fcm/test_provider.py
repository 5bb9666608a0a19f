"""What needs no FCM; the rest is in tests/contract/providers."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from heliograph.config import Fcm
from heliograph.core.ids import new_id
from heliograph.core.model.application import ApnsCredential
from heliograph.core.model.delivery import Target
from heliograph.core.model.notification import Content, Options
from heliograph.core.model.outcome import Deferred, Misconfigured, Rejected
from heliograph.core.model.registration import ProviderName
from heliograph.core.ports import Batch
from heliograph.providers.fcm import FcmProvider

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)

pytestmark = pytest.mark.anyio


@pytest.fixture
async def provider(clock, free_tcp_port):
    settings = Fcm(url=f"https://127.0.0.1:{free_tcp_port}")
    made = FcmProvider(settings, clock, request_timeout_s=5)
    yield made
    await made.close()


def batch_of(credential, content=None, count=1):
    target = Target(
        new_id(NOW), 0, 0, ProviderName.FCM, None, "abcd", b"", "", 0, 0, is_registered=True
    )
    return Batch(
        credential,
        new_id(NOW),
        content or Content(title="Hi"),
        Options(),
        NOW + timedelta(hours=1),
        None,
        [target] * count,
    )


async def test_a_message_over_the_limit_is_not_sent(provider, credential):
    outcomes = await provider.send(batch_of(credential, Content(title="x" * 5000), 2), now=NOW)

    assert outcomes == [Rejected("INVALID_ARGUMENT: 5000 bytes, at most 4096")] * 2


async def test_no_token_endpoint_defers_every_target(provider, credential, free_tcp_port):
    secret = replace(credential.secret, token_uri=f"http://127.0.0.1:{free_tcp_port}/token")

    outcomes = await provider.send(batch_of(replace(credential, secret=secret), count=3), now=NOW)

    assert [type(outcome) for outcome in outcomes] == [Deferred] * 3


async def test_another_providers_credential_is_misconfigured(provider, credential):
    foreign = replace(credential, secret=ApnsCredential("k", "t", "pem"))

    outcomes = await provider.send(batch_of(foreign, count=2), now=NOW)
    await provider.refresh(foreign)

    assert outcomes == [Misconfigured("not an FCM credential")] * 2


async def test_a_closed_provider_defers(provider, credential):
    await provider.close()

    outcomes = await provider.send(batch_of(credential), now=NOW)

    assert outcomes == [Deferred("the server is stopping", timedelta(0))]
