"""Keys, certificates and clocks of the APNs provider against the fake, over real sockets."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from tests.contract.providers.pages import NOW, batch_of, target, token_of, until

from heliograph.core.model.notification import Content
from heliograph.core.model.outcome import (
    ACCEPTED,
    Deferred,
    FaultScope,
    Misconfigured,
    RefreshCredential,
    Rejected,
)
from heliograph.core.model.registration import Environment, ProviderName
from heliograph.providers.apns.certificates import certificate_from_pkcs12
from heliograph.providers.apns.push_types import TRAITS, PushType
from heliograph.simulators.apns.certificates import make_push_certificate
from heliograph.simulators.faults import Fault

pytestmark = pytest.mark.anyio

TODAY = datetime.now(UTC)
"""Certificates are judged by TLS as well, whose clock is the machine's."""

MUST = {
    PushType.MDM: {"mdm": "magic"},
    PushType.LIVEACTIVITY: {"aps": {"content-state": {}}},
}


def content_of(push_type, **more):
    said = {"push_type": push_type.value, **MUST.get(push_type, {}), **more}
    return Content(title="Hi", data={"own": 1}, overrides={ProviderName.APNS: said})


@pytest.fixture
def certified(fakes, apns_credential):
    given = fakes.apns_certificate
    return replace(apns_credential, secret=certificate_from_pkcs12(given.p12, given.password))


@pytest.mark.parametrize("push_type", PushType)
async def test_apns_takes_every_push_type(fakes, apns, apns_credential, push_type):
    page = batch_of(apns_credential, target("ab"), content=content_of(push_type))

    assert await apns.send(page, now=NOW) == [ACCEPTED]

    (push,) = fakes.inbox.received("ab")
    assert push.headers["apns-push-type"] == push_type
    assert push.headers["apns-topic"] == "com.example.demo" + TRAITS[push_type].suffix


async def test_a_certificate_needs_no_token(fakes, apns, certified):
    pages = [target(token_of(number), each) for number in range(20) for each in Environment]

    outcomes = await apns.send(batch_of(certified, *pages), now=TODAY)

    assert set(outcomes) == {ACCEPTED}
    assert fakes.inbox.total == 40
    assert (fakes.apns.connection_count, fakes.apns_sandbox.connection_count) == (1, 1)


async def test_a_certificate_names_the_app_where_nobody_does(fakes, apns, certified):
    page = replace(batch_of(certified, target("ab")), default_bundle_id=None)

    assert await apns.send(page, now=TODAY) == [ACCEPTED]
    assert fakes.inbox.received("ab")[0].headers["apns-topic"] == "com.example.demo"


async def test_a_certificate_pushes_to_the_topics_it_lists(apns, certified):
    allowed = batch_of(certified, target("ab"), content=content_of(PushType.VOIP))
    stranger = batch_of(certified, target("ab", attributes='{"bundle_id":"com.other"}'))
    unlisted = batch_of(certified, target("ab"), content=content_of(PushType.PUSHTOTALK))

    assert await apns.send(allowed, now=TODAY) == [ACCEPTED]
    theirs = Misconfigured("TopicDisallowed", FaultScope.TARGET)
    assert await apns.send(stranger, now=TODAY) == [theirs]
    assert await apns.send(unlisted, now=TODAY) == [theirs]


async def test_what_needs_a_key_is_not_sent_by_certificate(fakes, apns, certified):
    page = batch_of(certified, target("ab"), content=content_of(PushType.LIVEACTIVITY))

    (outcome,) = await apns.send(page, now=TODAY)

    expected = "InvalidPushType: liveactivity needs a signing key, and this is a certificate"
    assert outcome == Rejected(expected)
    assert fakes.inbox.total == 0


async def test_a_certificate_that_apns_does_not_trust_opens_no_connection(apns, certified):
    made = make_push_certificate("com.example.demo", now=TODAY)
    stranger = replace(certified, secret=certificate_from_pkcs12(made.p12, made.password))

    outcomes = await apns.send(batch_of(stranger, target("ab"), target("cd")), now=TODAY)

    assert {type(outcome) for outcome in outcomes} == {Deferred}


async def test_refreshing_a_certificate_does_nothing(fakes, apns, certified):
    await apns.send(batch_of(certified, target("ab")), now=TODAY)

    await apns.refresh(certified)

    assert await apns.send(batch_of(certified, target("cd")), now=TODAY) == [ACCEPTED]
    assert fakes.apns.connection_count == 1


async def test_a_certificates_preview_has_no_secret_to_hide(apns, certified, clock):
    clock.instant = TODAY

    (preview,) = apns.preview(batch_of(certified, target("ab")))

    assert preview.problem is None
    assert "authorization" not in dict(preview.headers)


async def test_an_expired_certificates_preview_says_so(apns, certified, clock):
    clock.instant = TODAY + timedelta(days=900)

    (preview,) = apns.preview(batch_of(certified, target("ab")))

    assert "this one expired on " in preview.problem


async def test_a_wrong_key_is_refused_once_for_a_whole_page(fakes, apns, apns_credential):
    wrong = replace(apns_credential.secret, team_id="WRONGTEAM1")
    page = batch_of(
        replace(apns_credential, secret=wrong), *(target(token_of(n)) for n in range(500))
    )

    outcomes = await apns.send(page, now=NOW)

    assert outcomes == [RefreshCredential("InvalidProviderToken")] * 500


async def test_a_key_that_works_again_is_used_at_once(fakes, apns, apns_credential):
    fakes.faults.add(Fault(token_of(0), 403, "InvalidProviderToken"))
    targets = [target(token_of(number)) for number in range(10)]

    refused = await apns.send(batch_of(apns_credential, *targets), now=NOW)
    accepted = await apns.send(batch_of(apns_credential, *targets), now=NOW)

    assert refused == [RefreshCredential("InvalidProviderToken")] * 10
    assert fakes.inbox.total == 10
    assert accepted == [ACCEPTED] * 10


async def test_one_devices_topic_stops_nobody_else(fakes, apns, apns_credential):
    strange = target("00", attributes='{"bundle_id":"com.stranger"}')
    targets = [strange, *(target(token_of(number)) for number in range(50))]

    outcomes = await apns.send(batch_of(apns_credential, *targets), now=NOW)

    assert outcomes == [Misconfigured("TopicDisallowed", FaultScope.TARGET), *[ACCEPTED] * 50]


async def test_a_wrong_clock_is_named_and_starts_no_storm(fakes, apns, apns_credential, clock):
    """Our clock is two hours behind APNs': no token that we could sign is good."""
    fakes.apns_fake.now = lambda: clock.now() + timedelta(hours=2)
    targets = [target(token_of(number)) for number in range(100)]

    first = await apns.send(batch_of(apns_credential, *targets), now=NOW)
    await apns.refresh(apns_credential)
    second = await apns.send(batch_of(apns_credential, *targets), now=NOW)

    assert first == [RefreshCredential("ExpiredProviderToken")] * 100
    assert {type(outcome) for outcome in second} == {Misconfigured}
    assert {outcome.detail for outcome in second} == {
        "ExpiredProviderToken: signed 0 s ago, so the clock of this machine must be wrong"
    }
    assert {outcome.scope for outcome in second} == {FaultScope.CREDENTIAL}


async def test_a_clock_that_is_right_again_needs_no_restart(fakes, apns, apns_credential, clock):
    fakes.apns_fake.now = lambda: NOW + timedelta(hours=2)
    page = batch_of(apns_credential, target("ab"))
    await apns.send(page, now=NOW)
    clock.instant = NOW + timedelta(hours=2)
    clock.seconds += 1200

    stale = await apns.send(page, now=clock.now())
    await apns.refresh(apns_credential)

    assert stale == [RefreshCredential("ExpiredProviderToken")]
    assert await apns.send(page, now=clock.now()) == [ACCEPTED]


async def test_a_clock_that_was_set_right_needs_no_20_minutes(fakes, apns, apns_credential, clock):
    """As at the start of a machine without a battery, or after it was suspended."""
    fakes.apns_fake.now = lambda: NOW + timedelta(hours=2)
    page = batch_of(apns_credential, target(token_of(0)))
    await apns.send(page, now=clock.now())
    await apns.refresh(apns_credential)
    clock.instant = NOW + timedelta(hours=2)
    clock.seconds += 60

    stale = await apns.send(page, now=clock.now())
    await apns.refresh(apns_credential)

    assert stale == [RefreshCredential("ExpiredProviderToken")]
    assert await apns.send(page, now=clock.now()) == [ACCEPTED]


async def test_one_expired_answer_among_good_ones_is_a_mishap(fakes, apns, apns_credential):
    fakes.faults.add(Fault("cd", 403, "ExpiredProviderToken"))
    targets = [target("ab"), target("cd"), target("ef")]

    first = await apns.send(batch_of(apns_credential, *targets), now=NOW)
    second = await apns.send(batch_of(apns_credential, target("cd")), now=NOW)

    assert first == [ACCEPTED, RefreshCredential("ExpiredProviderToken"), ACCEPTED]
    assert second == [ACCEPTED]


async def test_a_key_that_a_connection_does_not_know_gets_a_new_one(fakes, apns, apns_credential):
    await apns.send(batch_of(apns_credential, target("cd")), now=NOW)
    fakes.faults.add(Fault("ab", 403, "UnrelatedKeyIdInToken"))

    refused = await apns.send(batch_of(apns_credential, target("ab")), now=NOW)
    await apns.refresh(apns_credential)
    await until(lambda: fakes.apns.connection_count == 0)
    outcomes = await apns.send(batch_of(apns_credential, target("ab")), now=NOW)

    assert refused == [RefreshCredential("UnrelatedKeyIdInToken")]
    assert outcomes == [ACCEPTED]


async def test_a_page_that_was_under_way_during_a_renewal_is_repeated_with_the_new_token(
    fakes, apns, apns_credential, clock
):
    """The first push's answer comes when another page has renewed the token long since."""
    await apns.send(batch_of(apns_credential, target("ab")), now=NOW)
    expired = Fault("cd", 403, "ExpiredProviderToken", delay_ms=100, times=2)
    fakes.faults.add(expired)
    page = batch_of(apns_credential, target("cd"))
    await apns.send(page, now=NOW)

    late = asyncio.create_task(apns.send(page, now=NOW))
    await asyncio.sleep(0)
    clock.advance(timedelta(minutes=21))
    await apns.refresh(apns_credential)
    outcomes = await late

    assert outcomes == [RefreshCredential("ExpiredProviderToken")]
    assert await apns.send(page, now=clock.now()) == [ACCEPTED]
