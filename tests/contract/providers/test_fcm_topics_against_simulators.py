"""FCM's topics, conditions and rehearsals against the fake of FCM, over real sockets."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from tests.contract.providers.pages import NOW, batch_of, target

from heliograph.config import Fcm
from heliograph.core.model.audience import AddressForm
from heliograph.core.model.notification import Content
from heliograph.core.model.outcome import (
    Accepted,
    Deferred,
    Misconfigured,
    RefreshCredential,
    Rejected,
    TokenGone,
)
from heliograph.core.model.registration import ProviderName
from heliograph.providers.fcm import FcmProvider
from heliograph.simulators.faults import Fault

pytestmark = pytest.mark.anyio

DONE = Accepted()


def to(form, address):
    return target(address)._replace(form=form, is_registered=False)


def saying(**overrides):
    return Content(title="Hi", overrides={ProviderName.FCM: overrides})


@pytest.fixture(params=["registrations", "instance_id"])
async def topics(request, fakes, clock):
    """Each of Google's two interfaces."""
    settings = Fcm(
        url=fakes.fcm.url,
        ca_file=fakes.ca_file,
        topics_api=request.param,
        instance_id_url=fakes.fcm.url,
    )
    provider = FcmProvider(settings, clock, request_timeout_s=10)
    yield provider.topics
    await provider.close()


async def test_one_page_may_go_to_devices_topics_and_conditions(fakes, fcm, fcm_credential):
    condition = "'news' in topics && !('sport' in topics)"
    fid = target("fid-1", attributes='{"token_form": "fid"}')
    targets = [
        target("tok"),
        to(AddressForm.TOPIC, "/topics/news"),
        to(AddressForm.CONDITION, condition),
        fid,
    ]

    outcomes = await fcm.send(batch_of(fcm_credential, *targets), now=NOW)

    assert [type(outcome) for outcome in outcomes] == [Accepted] * 4
    messages = [push.payload["message"] for push in fakes.inbox.received()]
    named = [
        {name: message[name] for name in ("token", "fid", "topic", "condition") if name in message}
        for message in messages
    ]
    expected = [{"token": "tok"}, {"topic": "news"}, {"condition": condition}, {"fid": "fid-1"}]
    assert sorted(named, key=str) == sorted(expected, key=str)


async def test_a_group_that_cant_be_is_not_asked_for(fakes, fcm, fcm_credential):
    targets = [
        to(AddressForm.TOPIC, "no topic"),
        to(AddressForm.CONDITION, "'a' in topics &&"),
        to(AddressForm.CHANNEL, "abc"),
        to(AddressForm.TOPIC, "news"),
    ]

    outcomes = await fcm.send(batch_of(fcm_credential, *targets), now=NOW)

    assert [type(outcome) for outcome in outcomes] == [Rejected, Rejected, Rejected, Accepted]
    assert fakes.inbox.total == 1


async def test_a_group_makes_no_token_gone(fakes, fcm, fcm_credential):
    fakes.faults.add(Fault("/topics/news", 404, "UNREGISTERED"))

    outcomes = await fcm.send(
        batch_of(fcm_credential, to(AddressForm.TOPIC, "news"), target("t")), now=NOW
    )

    assert outcomes[0] == Rejected("UNREGISTERED")


async def test_a_rehearsal_is_checked_and_delivers_nothing(fakes, fcm, fcm_credential):
    batch = batch_of(fcm_credential, target("tok"), content=saying(validate_only=True))

    (outcome,) = await fcm.send(batch, now=NOW)

    assert outcome == Accepted("projects/heliograph-demo/messages/fake_message_id")
    assert fakes.inbox.total == 0


async def test_every_platforms_own_words_are_taken(fakes, fcm, fcm_credential):
    content = saying(
        notification={"image": "https://example.com/a.png"},
        android={
            "directBootOk": True,
            "bandwidthConstrainedOk": True,
            "restrictedPackageName": "com.example",
            "notification": {"channelId": "news", "color": "#112233"},
            "data": {"n": 1},
        },
        apns={
            "headers": {"apns-priority": 5},
            "payload": {"aps": {"thread-id": "t"}},
            "fcmOptions": {"image": "https://example.com/a.png"},
        },
        webpush={"headers": {"TTL": 60, "Urgency": "low"}, "fcm_options": {"link": "https://a.b"}},
        fcm_options={"analytics_label": "spring"},
    )

    (outcome,) = await fcm.send(batch_of(fcm_credential, target("tok"), content=content), now=NOW)

    assert isinstance(outcome, Accepted)
    (push,) = fakes.inbox.received("tok")
    message = push.payload["message"]
    assert message["android"]["notification"] == {"channel_id": "news", "color": "#112233"}
    assert message["android"]["data"] == {"n": "1"}
    assert message["apns"]["headers"]["apns-priority"] == "5"
    assert message["webpush"]["headers"] == {"TTL": "60", "Urgency": "low"}


async def test_what_the_preview_says_is_what_fcm_gets(fakes, fcm, fcm_credential):
    batch = batch_of(fcm_credential, target("tok"), to(AddressForm.TOPIC, "news"))

    previews = fcm.preview(batch)
    await fcm.send(batch, now=NOW)

    sent = {push.token: push.body for push in fakes.inbox.received()}
    assert [preview.body for preview in previews] == [sent["tok"], sent["/topics/news"]]
    assert [preview.problem for preview in previews] == [None, None]


async def test_devices_join_and_leave_a_topic(fakes, topics, fcm_credential):
    tokens = [f"to:ken-{number}" for number in range(300)]

    joined = await topics.change_topic(fcm_credential, "a~b%", tokens, subscribe=True, now=NOW)
    again = await topics.change_topic(fcm_credential, "a~b%", tokens, subscribe=True, now=NOW)
    members = {token for token in tokens if fakes.fcm_topics.topics_of(token) == ["a~b%"]}
    left = await topics.change_topic(
        fcm_credential, "/topics/a~b%", tokens[:2], subscribe=False, now=NOW
    )
    never_were = await topics.change_topic(
        fcm_credential, "other", tokens[:1], subscribe=False, now=NOW
    )

    assert joined == again == [DONE] * 300
    assert members == set(tokens)
    assert (left, never_were) == ([DONE] * 2, [DONE])
    assert fakes.fcm_topics.topics_of(tokens[0]) == []
    assert fakes.fcm_topics.topics_of(tokens[2]) == ["a~b%"]


async def test_each_device_has_its_own_answer(fakes, topics, fcm_credential):
    fakes.faults.add(Fault("gone", 404, "NOT_FOUND"))
    tokens = ["fine", "no token!", "gone"]

    outcomes = await topics.change_topic(fcm_credential, "news", tokens, subscribe=True, now=NOW)

    invalid = TokenGone("INVALID_ARGUMENT", is_ambiguous=True)
    assert outcomes == [DONE, invalid, TokenGone("NOT_FOUND", is_ambiguous=True)]


async def test_a_refused_caller_is_told_once_for_all(topics, fcm_credential):
    stranger = replace(fcm_credential.secret, client_email="nobody@example.com")

    outcomes = await topics.change_topic(
        replace(fcm_credential, secret=stranger), "news", ["t1", "t2"], subscribe=True, now=NOW
    )

    assert [type(outcome) for outcome in outcomes] == [Misconfigured] * 2


async def test_an_expired_access_token_asks_for_another(topics, fcm_credential, clock):
    await topics.change_topic(fcm_credential, "news", ["t"], subscribe=True, now=NOW)
    clock.instant += timedelta(hours=2)  # The wall clock alone: our token still looks good.

    refused = await topics.change_topic(fcm_credential, "news", ["t"], subscribe=True, now=NOW)
    clock.seconds += 120
    await topics.refresh(fcm_credential)
    taken = await topics.change_topic(fcm_credential, "news", ["t"], subscribe=True, now=NOW)

    assert [type(outcome) for outcome in refused] == [RefreshCredential]
    assert taken == [DONE]


async def test_an_instance_id_service_that_is_busy_defers_everybody(fakes, clock, fcm_credential):
    settings = Fcm(
        url=fakes.fcm.url,
        ca_file=fakes.ca_file,
        topics_api="instance_id",
        instance_id_url=fakes.fcm.url,
    )
    provider = FcmProvider(settings, clock, request_timeout_s=10)
    fakes.faults.add(Fault("/topics/news", 429, "RESOURCE_EXHAUSTED", retry_after=7))

    outcomes = await provider.topics.change_topic(
        fcm_credential, "news", ["a", "b"], subscribe=True, now=NOW
    )
    await provider.close()

    expected = Deferred("RESOURCE_EXHAUSTED", timedelta(seconds=7), is_ours=True)
    assert outcomes == [expected] * 2
