"""What needs no APNs; the rest is in tests/contract/providers."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from heliograph.config import Apns
from heliograph.core.ids import new_id
from heliograph.core.model.application import ApnsCertificate, FcmCredential
from heliograph.core.model.delivery import Target
from heliograph.core.model.notification import Content, Options
from heliograph.core.model.outcome import Deferred, FaultScope, Misconfigured, Rejected
from heliograph.core.model.registration import Environment, ProviderName
from heliograph.core.ports import Batch
from heliograph.providers.apns import ApnsProvider
from heliograph.providers.apns.certificates import certificate_from_pkcs12
from heliograph.simulators.apns.certificates import make_push_certificate

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
    # Our own schedule, for all that the credential sends: nothing would arrive.
    assert {(outcome.retry_after, outcome.is_ours) for outcome in outcomes} == {(None, True)}
    assert all(outcome.reason.startswith("cannot connect: ") for outcome in outcomes)


async def test_a_missing_topic_concerns_only_its_own_targets(provider, credential):
    targets = [target(), target('{"bundle_id":"com.acme"}'), target('{"bundle_id":"?"}'), target()]

    outcomes = await provider.send(batch_of(credential, targets, default_bundle_id=None), now=NOW)

    kinds = [type(outcome) for outcome in outcomes]
    assert kinds == [Misconfigured, Deferred, Misconfigured, Misconfigured]
    assert {outcome.scope for outcome in outcomes if isinstance(outcome, Misconfigured)} == {
        FaultScope.TARGET
    }


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


async def test_an_unusable_certificate_is_misconfigured_and_stays_unsaid(provider, credential):
    broken = replace(credential, secret=ApnsCertificate("SECRET"))

    outcomes = await provider.send(batch_of(broken, [target()]), now=NOW)

    assert outcomes == [Misconfigured("the certificate is unusable: a certificate in PEM")]


async def test_an_expired_certificate_is_misconfigured_with_its_day(provider, credential):
    made = make_push_certificate("com.example", now=NOW, lifetime=timedelta(days=1))
    secret = certificate_from_pkcs12(made.p12, made.password)
    expired = replace(credential, secret=secret)

    outcomes = await provider.send(batch_of(expired, [target()]), now=NOW + timedelta(days=3))

    assert outcomes == [Misconfigured("the certificate expired on 2026-03-02")]


def previewed(provider, credential, *targets, **more):
    return provider.preview(batch_of(credential, list(targets), **more))


async def test_a_preview_is_what_would_be_sent_without_the_secret(provider, credential):
    (preview,) = previewed(provider, credential, target())

    assert (preview.method, preview.path, preview.problem) == ("POST", "/3/device/abcd", None)
    assert preview.host.startswith("127.0.0.1:")
    assert preview.body == b'{"aps":{"alert":{"title":"Hi"}}}'
    assert (preview.size_bytes, preview.limit_bytes) == (len(preview.body), 4096)
    headers = dict(preview.headers)
    assert headers["authorization"] == "…"
    assert headers["apns-topic"] == "com.example"
    assert len(headers["apns-id"]) == 36


async def test_previews_stand_in_the_order_of_their_targets(provider, credential):
    own = '{"bundle_id":"com.acme"}'

    previews = previewed(provider, credential, target(), target(own), target(), target(own))

    topics = [dict(preview.headers)["apns-topic"] for preview in previews]
    assert topics == ["com.example", "com.acme", "com.example", "com.acme"]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (Content(title="x" * 5000), "PayloadTooLarge: 5030 bytes, at most 4096"),
        (Content(overrides={ProviderName.APNS: {"push_type": "loud"}}), "InvalidPushType: loud"),
        (Content(overrides={ProviderName.APNS: {"aps": {"badge": "1"}}}), "BadPayload: aps.badge"),
    ],
)
async def test_a_preview_says_why_it_would_not_be_sent(provider, credential, content, problem):
    (preview,) = previewed(provider, credential, target(), content=content)

    assert preview.problem.startswith(problem)
    assert preview.size_bytes == len(preview.body) > 0


async def test_a_preview_says_what_is_wrong_with_the_credential(provider, credential):
    broken = replace(credential, secret=replace(credential.secret, key_pem="SECRET"))

    (preview,) = previewed(provider, broken, target())

    assert preview.problem == "key_pem must be an unencrypted P-256 private key in PEM"
    assert "SECRET" not in repr(preview)


async def test_a_preview_names_a_missing_bundle_id(provider, credential):
    (preview,) = previewed(provider, credential, target(), default_bundle_id=None)

    assert preview.problem.startswith("MissingTopic: ")


async def test_a_wrong_override_is_rejected_for_every_target(provider, credential):
    content = Content(title="Hi", overrides={ProviderName.APNS: {"headers": {"apns-id": "x"}}})

    outcomes = await provider.send(batch_of(credential, [target()] * 2, content), now=NOW)

    assert {type(outcome) for outcome in outcomes} == {Rejected}
    assert outcomes[0].reason.startswith("BadHeader: apns-id is not one of ")
