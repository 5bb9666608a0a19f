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
from heliograph.core.model.registration import Environment, ProviderName
from heliograph.core.ports import Batch
from heliograph.providers.fcm import FcmProvider
from heliograph.providers.fcm.provider import SenderPool

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


class FakeSender:
    def __init__(self):
        self.is_closed = False

    async def aclose(self):
        self.is_closed = True


class Senders:
    """Makes senders and remembers them."""

    def __init__(self):
        self.made = []

    def __call__(self):
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


def lend(pool, credential):
    with pool.lease(credential) as line:
        return line.sender


async def test_a_new_version_of_a_credential_retires_the_former(pool, credential, settle):
    newer = replace(credential, id=new_id(NOW + timedelta(seconds=1)))
    former = lend(pool, credential)

    current = lend(pool, newer)
    late = lend(pool, credential)
    await settle()

    assert former.is_closed
    assert late is not former
    assert lend(pool, newer) is current


async def test_another_environments_credential_retires_nothing(pool, credential):
    sandbox = replace(
        credential, id=new_id(NOW + timedelta(seconds=1)), environment=Environment.SANDBOX
    )
    first = lend(pool, credential)

    lend(pool, sandbox)

    assert lend(pool, credential) is first


async def test_a_sender_in_use_outlives_its_retirement(pool, credential, settle):
    newer = replace(credential, id=new_id(NOW + timedelta(seconds=1)))
    with pool.lease(credential) as busy:
        lend(pool, newer)
        await settle()
        was_closed = busy.sender.is_closed
    await settle()

    assert not was_closed
    assert busy.sender.is_closed


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
    newer = replace(credential, id=new_id(NOW + timedelta(seconds=1)))
    with pool.lease(credential) as busy:
        lend(pool, newer)

        await pool.close()

        assert busy.sender.is_closed
