"""The APNs provider against the fake of APNs, over real sockets."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from tests.contract.providers.pages import NOW, batch_of, target, token_of, until

from heliograph.config import Apns
from heliograph.core.ids import new_id
from heliograph.core.model.notification import Content, Options
from heliograph.core.model.outcome import (
    ACCEPTED,
    Deferred,
    FaultScope,
    Misconfigured,
    RefreshCredential,
    Rejected,
    TokenGone,
)
from heliograph.core.model.registration import Environment
from heliograph.providers.apns import ApnsProvider
from heliograph.simulators.faults import Action, Fault

pytestmark = pytest.mark.anyio


async def test_apns_takes_a_page_and_every_push_arrives_once(fakes, apns, apns_credential):
    targets = [target(token_of(number)) for number in range(1000)]

    outcomes = await apns.send(batch_of(apns_credential, *targets), now=NOW)

    assert all(outcome is ACCEPTED for outcome in outcomes)
    assert fakes.apns.connection_count == 1
    arrived = fakes.inbox.received()
    assert sorted(push.token for push in arrived) == [each.token for each in targets]


async def test_apns_gets_what_was_meant(fakes, apns, apns_credential):
    batch = batch_of(apns_credential, target("ab" * 32), options=Options(collapse_key="score"))

    await apns.send(batch, now=NOW)

    (push,) = fakes.inbox.received("ab" * 32)
    mixed = int.from_bytes(batch.notification_id, "big") ^ int.from_bytes(
        batch.targets[0].id, "big"
    )
    assert push.payload == {
        "aps": {"alert": {"title": "Hello", "body": "Grüße"}, "badge": 2},
        "screen": "inbox",
        "n": 7,
    }
    assert push.headers == {
        "apns-topic": "com.example.demo",
        "apns-push-type": "alert",
        "apns-priority": "10",
        "apns-expiration": str(int(batch.expires_at.timestamp())),
        "apns-collapse-id": "score",
        "apns-id": str(uuid.UUID(int=mixed)),
    } | {name: push.headers[name] for name in push.headers if not name.startswith("apns-")}


async def test_apns_gets_data_alone_as_a_background_push(fakes, apns, apns_credential):
    content = Content(data={"sync": True})

    outcomes = await apns.send(batch_of(apns_credential, target("ab"), content=content), now=NOW)

    (push,) = fakes.inbox.received("ab")
    assert outcomes == [ACCEPTED]
    assert push.headers["apns-push-type"] == "background"
    assert push.payload == {"aps": {"content-available": 1}, "sync": True}


async def test_each_target_goes_to_its_environment_and_topic(fakes, apns, apns_credential):
    targets = [
        target("aa", None, '{"bundle_id":"com.example.other"}'),
        target("bb", Environment.SANDBOX),
        target("cc", Environment.PRODUCTION, '{"bundle_id":"com.stranger"}'),
        target("dd", Environment.PRODUCTION),
    ]

    outcomes = await apns.send(batch_of(apns_credential, *targets), now=NOW)

    theirs = Misconfigured("TopicDisallowed", FaultScope.TARGET)
    assert outcomes == [ACCEPTED, ACCEPTED, theirs, ACCEPTED]
    topics = {push.token: push.headers["apns-topic"] for push in fakes.inbox.received()}
    assert topics == {
        "aa": "com.example.other",
        "bb": "com.example.demo",
        "dd": "com.example.demo",
    }
    assert (fakes.apns.connection_count, fakes.apns_sandbox.connection_count) == (1, 1)


async def test_apns_answers_become_outcomes_in_order(fakes, apns, apns_credential):
    scripted = {
        "a1": (Fault("a1", 410, "Unregistered", timestamp=1_772_000_000_000),
               TokenGone("Unregistered", datetime(2026, 2, 25, 6, 13, 20, tzinfo=UTC))),
        "a2": (Fault("a2", 400, "DeviceTokenNotForTopic"),
               TokenGone("DeviceTokenNotForTopic", is_ambiguous=True)),
        "a3": (Fault("a3", 429, "TooManyRequests", retry_after=9),
               Deferred("TooManyRequests", timedelta(seconds=9))),
        "a4": (Fault("a4", 503, "ServiceUnavailable"),
               Deferred("ServiceUnavailable", timedelta(minutes=15))),
        "a5": (Fault("a5", 403, "ExpiredProviderToken"),
               RefreshCredential("ExpiredProviderToken")),
        "a6": (Fault("a6", 413, "PayloadTooLarge"), Rejected("PayloadTooLarge")),
    }  # fmt: skip
    for fault, _ in scripted.values():
        fakes.faults.add(fault)
    tokens = ["00", "a1", "not hex", "a2", "a3", "00", "a4", "a5", "a6"]

    outcomes = await apns.send(batch_of(apns_credential, *map(target, tokens)), now=NOW)

    expected = {token: outcome for token, (_, outcome) in scripted.items()}
    expected["not hex"] = TokenGone("BadDeviceToken", is_ambiguous=True)
    assert outcomes == [expected.get(token, ACCEPTED) for token in tokens]


async def test_apns_saying_goodbye_loses_and_doubles_nothing(fakes, apns, apns_credential):
    fakes.faults.add(Fault(token_of(250), action=Action.GOAWAY))
    targets = [target(token_of(number)) for number in range(600)]

    outcomes = await apns.send(batch_of(apns_credential, *targets), now=NOW)

    assert set(outcomes) == {ACCEPTED}
    assert fakes.inbox.total == 600


async def test_a_goodbye_for_our_credential_is_that_outcome(fakes, apns, apns_credential):
    goodbye = Fault("ab", reason="InvalidProviderToken", action=Action.GOAWAY, times=100)
    fakes.faults.add(goodbye)

    outcomes = await apns.send(batch_of(apns_credential, target("ab")), now=NOW)

    assert outcomes == [RefreshCredential("InvalidProviderToken")]


async def test_a_cut_connection_leaves_only_doubtful_pushes_deferred(fakes, apns, apns_credential):
    await apns.send(batch_of(apns_credential, target("00")), now=NOW)
    fakes.faults.add(Fault("ab", 200, action=Action.CLOSE))

    outcomes = await apns.send(batch_of(apns_credential, target("ab")), now=NOW)
    (outcome,) = outcomes
    again = await apns.send(batch_of(apns_credential, target("ab")), now=NOW)

    assert isinstance(outcome, Deferred)
    assert outcome.retry_after is None
    assert again == [ACCEPTED]


async def test_silence_ends_at_the_deadline(fakes, apns_credential, clock):
    settings = Apns(production_url=fakes.apns.url, ca_file=fakes.ca_file)
    apns = ApnsProvider(settings, clock, request_timeout_s=0.3)
    fakes.faults.add(Fault("ab", action=Action.HANG))

    outcomes = await apns.send(batch_of(apns_credential, target("ab")), now=NOW)
    await apns.close()

    assert isinstance(outcomes[0], Deferred)
    assert outcomes[0].retry_after is None


async def test_an_hour_passes_and_apns_never_sees_an_old_token(apns, apns_credential, clock):
    for _ in range(8):
        outcomes = await apns.send(batch_of(apns_credential, target("ab")), now=clock.now())

        assert outcomes == [ACCEPTED]
        clock.advance(timedelta(minutes=11))


async def test_refreshing_within_20_minutes_keeps_apns_content(apns, apns_credential, clock):
    for _ in range(6):
        outcomes = await apns.send(batch_of(apns_credential, target("ab")), now=clock.now())
        await apns.refresh(apns_credential)

        assert outcomes == [ACCEPTED]
        clock.advance(timedelta(minutes=5))


async def test_a_refreshed_token_starts_a_new_connection(fakes, apns, apns_credential, clock):
    await apns.send(batch_of(apns_credential, target("ab")), now=clock.now())
    clock.advance(timedelta(minutes=21))

    await apns.refresh(apns_credential)
    outcomes = await apns.send(batch_of(apns_credential, target("ab")), now=clock.now())

    assert outcomes == [ACCEPTED]
    await until(lambda: fakes.apns.connection_count == 1)


async def test_a_new_version_of_a_credential_replaces_the_formers_connections(
    fakes, apns, apns_credential
):
    newer = replace(apns_credential, id=new_id(NOW + timedelta(seconds=1)))
    targets = [target("ab", each) for each in (Environment.PRODUCTION, Environment.SANDBOX)]
    await apns.send(batch_of(apns_credential, *targets), now=NOW)

    outcomes = await apns.send(batch_of(newer, targets[0]), now=NOW)

    assert outcomes == [ACCEPTED]
    await until(
        lambda: (fakes.apns.connection_count, fakes.apns_sandbox.connection_count) == (1, 0)
    )


async def test_a_credential_of_another_environment_replaces_nothing(fakes, apns, apns_credential):
    other = replace(
        apns_credential, id=new_id(NOW + timedelta(seconds=1)), environment=Environment.SANDBOX
    )
    to_production = target("ab", Environment.PRODUCTION)
    await apns.send(batch_of(apns_credential, to_production), now=NOW)
    await apns.send(batch_of(other, to_production), now=NOW)

    outcomes = await apns.send(batch_of(apns_credential, to_production), now=NOW)

    assert outcomes == [ACCEPTED]
    assert fakes.apns.connection_count == 2


async def test_another_teams_key_asks_for_a_refresh(apns, apns_credential):
    wrong = replace(apns_credential.secret, team_id="WRONGTEAM1")

    outcomes = await apns.send(
        batch_of(replace(apns_credential, secret=wrong), target("ab")), now=NOW
    )

    assert outcomes == [RefreshCredential("InvalidProviderToken")]
