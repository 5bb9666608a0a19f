"""What needs no FCM; the rest is in tests/contract/providers."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from heliograph.config import Fcm
from heliograph.core.errors import InvalidRequest, ProblemKind
from heliograph.core.ids import new_id
from heliograph.core.model.application import ApnsCredential
from heliograph.core.model.audience import AddressForm
from heliograph.core.model.delivery import Target
from heliograph.core.model.notification import Content, Options
from heliograph.core.model.outcome import Deferred, Misconfigured, Rejected
from heliograph.core.model.registration import Environment, ProviderName
from heliograph.core.ports import Batch
from heliograph.outbound.guard import Guard
from heliograph.providers.fcm import FcmProvider
from heliograph.providers.fcm.token_calls import SecretCheck

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)

pytestmark = pytest.mark.anyio


@pytest.fixture
async def provider(clock, free_tcp_port):
    settings = Fcm(url=f"https://127.0.0.1:{free_tcp_port}")
    made = FcmProvider(settings, clock, request_timeout_s=5)
    yield made
    await made.close()


def target_of(form=AddressForm.TOKEN, token="abcd", attributes="{}"):
    return Target(
        new_id(NOW),
        0,
        0,
        ProviderName.FCM,
        None,
        token,
        b"",
        attributes,
        0,
        0,
        is_registered=False,
        form=form,
    )


def batch_of(credential, content=None, count=1, targets=None):
    return Batch(
        credential,
        new_id(NOW),
        content or Content(title="Hi"),
        Options(),
        NOW + timedelta(hours=1),
        None,
        targets or [target_of()] * count,
    )


async def test_a_message_over_the_limit_is_not_sent(provider, credential):
    outcomes = await provider.send(batch_of(credential, Content(title="x" * 5000), 2), now=NOW)

    assert outcomes == [Rejected("INVALID_ARGUMENT: 5000 bytes, at most 4096")] * 2


async def test_no_token_endpoint_defers_every_target(provider, credential, free_tcp_port):
    secret = replace(credential.secret, token_uri=f"https://127.0.0.1:{free_tcp_port}/token")

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


async def test_a_host_that_does_not_resolve_is_named(clock, credential):
    provider = FcmProvider(Fcm(url="https://fcm.invalid"), clock, request_timeout_s=5)
    provider._tokens = HandedOut()

    (outcome,) = await provider.send(batch_of(credential), now=NOW)
    await provider.close()

    assert isinstance(outcome, Deferred)
    assert outcome.reason.startswith("cannot connect: ")


async def test_a_token_endpoint_that_does_not_resolve_is_named(provider, credential):
    secret = replace(credential.secret, token_uri="https://oauth2.invalid/token")

    (outcome,) = await provider.send(batch_of(replace(credential, secret=secret)), now=NOW)

    assert isinstance(outcome, Deferred)
    assert outcome.reason.startswith("token endpoint: cannot connect: ")


@pytest.mark.parametrize(
    ("uri", "said"),
    [
        ("http://localhost:8080/token", "a URL of https"),
        ("https://169.254.169.254/token", "a URL of a public address"),
        ("https://metadata.internal/token", "a URL of a public host name"),
    ],
)
async def test_no_token_endpoint_leads_into_the_operators_own_network(
    provider, credential, uri, said
):
    secret = replace(credential.secret, token_uri=uri)

    outcomes = await provider.send(batch_of(replace(credential, secret=secret)), now=NOW)

    assert outcomes == [Misconfigured(f"the service account's token_uri must be {said}")]


@pytest.mark.parametrize(
    "uri", ["https://10.0.0.1/token", "https://fcm.invalid:22/token", "http://127.0.0.1/token"]
)
def test_a_service_account_whose_token_endpoint_may_not_be_called_is_refused(credential, uri):
    check = SecretCheck(Guard(), Fcm(url="https://fcm.invalid"))
    secret = replace(credential.secret, token_uri=uri)

    with pytest.raises(InvalidRequest) as caught:
        check(secret, Environment.PRODUCTION, now=NOW)

    assert [each.field for each in caught.value.problems] == ["token_uri"]


@pytest.mark.parametrize(
    "uri", ["https://oauth2.googleapis.com/token", "https://127.0.0.1:7443/token"]
)
def test_googles_token_endpoint_and_the_one_beside_fcm_are_fine(credential, uri):
    check = SecretCheck(Guard(), Fcm(url="https://127.0.0.1:7443"))

    check(replace(credential.secret, token_uri=uri), Environment.PRODUCTION, now=NOW)


async def test_topics_hold_half_of_what_devices_do(provider, credential, free_tcp_port):
    secret = replace(credential.secret, token_uri=f"https://127.0.0.1:{free_tcp_port}/token")
    content = Content(title="x" * 2049)
    targets = [
        target_of(),
        target_of(AddressForm.TOPIC, "news"),
        target_of(AddressForm.CONDITION, "'a' in topics"),
    ]

    outcomes = await provider.send(
        batch_of(replace(credential, secret=secret), content, targets=targets), now=NOW
    )

    assert isinstance(outcomes[0], Deferred)
    assert outcomes[1:] == [Rejected("INVALID_ARGUMENT: 2049 bytes, at most 2048")] * 2


class HandedOut:
    """An access token that nobody had to ask for."""

    async def authorization(self, credential_id, secret, *, now):
        return b"Bearer t"


async def test_a_preview_hides_the_access_token_and_shows_the_rest(
    provider, credential, free_tcp_port
):
    (preview,) = provider.preview(batch_of(credential))

    assert preview.method == "POST"
    assert preview.host == f"127.0.0.1:{free_tcp_port}"
    assert preview.path == "/v1/projects/acme-1/messages:send"
    assert preview.headers == (("content-type", "application/json"), ("authorization", "…"))
    assert preview.body.startswith(b'{"message":{"token":"abcd","notification":{"title":"Hi"}')
    assert (preview.size_bytes, preview.limit_bytes, preview.problem) == (2, 4096, None)


async def test_a_preview_says_what_would_be_refused(provider, credential):
    targets = [
        target_of(),
        target_of(AddressForm.TOPIC, "no topic"),
        target_of(AddressForm.CHANNEL, "c"),
    ]
    content = Content(title="x" * 4097)

    device, topic, channel = provider.preview(batch_of(credential, content, targets=targets))
    (unreadable,) = provider.preview(batch_of(credential, Content(data={"a": object()})))
    (foreign,) = provider.preview(
        batch_of(replace(credential, secret=ApnsCredential("k", "t", "pem")))
    )

    assert device.problem == "INVALID_ARGUMENT: 4097 bytes, at most 4096"
    assert device.body.startswith(b'{"message":{"token":"abcd"')
    assert (topic.problem, topic.limit_bytes) == (
        "INVALID_ARGUMENT: 4097 bytes, at most 2048",
        2048,
    )
    assert channel.body == unreadable.body == b""
    assert unreadable.problem == "INVALID_ARGUMENT: data is not JSON"
    assert foreign.problem == "not an FCM credential"


async def test_a_preview_names_what_a_group_cant_be(provider, credential):
    targets = [
        target_of(AddressForm.TOPIC, "no topic"),
        target_of(AddressForm.CONDITION, "news"),
        target_of(AddressForm.CHANNEL, "c"),
    ]

    problems = [each.problem for each in provider.preview(batch_of(credential, targets=targets))]

    assert problems == [
        "INVALID_ARGUMENT: a topic is 1 to 900 letters, digits or -_.~%",
        "INVALID_ARGUMENT: a condition is 'name' in topics, joined by &&, ||, ! and parentheses",
        "INVALID_ARGUMENT: FCM has no channel",
    ]


@pytest.mark.parametrize(
    ("attributes", "field"),
    [
        ("{}", "token"),
        ('{"token_form": "fid"}', "fid"),
        ('{"token_form": "token"}', "token"),
        ('{"token_form": 7}', "token"),
        ('{"colour": "\\"token_form\\""}', "token"),
        ('["token_form"]', "token"),
    ],
)
async def test_a_registration_says_which_kind_of_token_it_has(
    provider, credential, attributes, field
):
    targets = [target_of(attributes=attributes)]

    (preview,) = provider.preview(batch_of(credential, targets=targets))

    assert preview.body.startswith(f'{{"message":{{"{field}":"abcd",'.encode())


@pytest.mark.parametrize("topic", ["", "a b", "x" * 901])
async def test_a_topic_that_cant_be_is_an_invalid_request(provider, topic):
    provider.topics.check_topic("/topics/news")
    with pytest.raises(InvalidRequest) as caught:
        provider.topics.check_topic(topic)

    (problem,) = caught.value.problems
    assert (problem.field, problem.kind) == ("topic", ProblemKind.MALFORMED)


async def test_topics_of_a_closed_or_foreign_provider_are_outcomes(provider, credential):
    foreign = replace(credential, secret=ApnsCredential("k", "t", "pem"))

    refused = await provider.topics.change_topic(foreign, "t", ["a"], subscribe=True, now=NOW)
    await provider.close()
    closed = await provider.topics.change_topic(credential, "t", ["a"], subscribe=True, now=NOW)

    assert refused == [Misconfigured("not an FCM credential")]
    assert closed == [Deferred("the server is stopping", timedelta(0))]


async def test_an_instance_id_service_that_is_away_defers(clock, credential, free_tcp_port):
    settings = Fcm(topics_api="instance_id", instance_id_url=f"https://127.0.0.1:{free_tcp_port}")
    provider = FcmProvider(settings, clock, request_timeout_s=5)
    provider.topics._tokens = HandedOut()

    (outcome,) = await provider.topics.change_topic(credential, "t", ["a"], subscribe=True, now=NOW)
    await provider.close()

    assert isinstance(outcome, Deferred)
    assert outcome.reason.startswith("Instance ID: cannot connect")
    assert outcome.retry_after == timedelta(0)
