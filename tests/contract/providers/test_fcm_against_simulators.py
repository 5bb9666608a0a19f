"""The FCM provider against the fake of FCM, over real sockets."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from tests.contract.providers.conftest import FakeClock
from tests.contract.providers.pages import NOW, batch_of, target, until

from heliograph.config import Fcm
from heliograph.core.ids import new_id
from heliograph.core.model.notification import Options
from heliograph.core.model.outcome import (
    Accepted,
    Deferred,
    FaultScope,
    Misconfigured,
    RefreshCredential,
    Rejected,
    TokenGone,
)
from heliograph.core.model.registration import Environment
from heliograph.providers.fcm import FcmProvider
from heliograph.simulators.faults import TOKEN_ENDPOINT, Action, Fault

AT_ONCE = timedelta(0)

pytestmark = pytest.mark.anyio


async def test_fcm_takes_a_page_and_every_push_arrives_once(fakes, fcm, fcm_credential):
    targets = [target(f"to:ken-{number}") for number in range(600)]

    outcomes = await fcm.send(batch_of(fcm_credential, *targets), now=NOW)

    names = {outcome.provider_message_id for outcome in outcomes if isinstance(outcome, Accepted)}
    assert len(names) == 600
    assert all(name.startswith("projects/heliograph-demo/messages/") for name in names)
    assert len({push.token for push in fakes.inbox.received()}) == fakes.inbox.total == 600


async def test_fcm_gets_what_was_meant(fakes, fcm, fcm_credential):
    await fcm.send(batch_of(fcm_credential, target("tok"), options=Options(ttl_s=60)), now=NOW)

    (push,) = fakes.inbox.received("tok")
    assert push.payload["message"] == {
        "token": "tok",
        "notification": {"title": "Hello", "body": "Grüße"},
        "data": {"screen": "inbox", "n": "7"},
        "android": {
            "priority": "HIGH",
            "ttl": "60s",
            "notification": {"notification_count": 2},
        },
        "apns": {
            "headers": {
                "apns-priority": "10",
                "apns-expiration": str(int(NOW.timestamp()) + 60),
            },
            "payload": {"aps": {"badge": 2}},
        },
    }


async def test_fcm_answers_become_outcomes_in_order(fakes, fcm, fcm_credential):
    scripted = {
        "t1": (Fault("t1", 404, "UNREGISTERED"), TokenGone("UNREGISTERED")),
        "t2": (Fault("t2", 403, "SENDER_ID_MISMATCH"),
               TokenGone("SENDER_ID_MISMATCH", is_ambiguous=True)),
        "t3": (Fault("t3", 429, "QUOTA_EXCEEDED", retry_after=9),
               Deferred("QUOTA_EXCEEDED", timedelta(seconds=9), is_ours=True)),
        "t4": (Fault("t4", 503, "UNAVAILABLE"), Deferred("UNAVAILABLE", timedelta(seconds=10))),
        "t5": (Fault("t5", 401, "UNAUTHENTICATED"), RefreshCredential("UNAUTHENTICATED")),
        "t6": (Fault("t6", 400, "INVALID_ARGUMENT", field="message.android.ttl"),
               Rejected("INVALID_ARGUMENT: message.android.ttl")),
        "t7": (Fault("t7", 502), Deferred("HTTP 502", timedelta(seconds=10))),
        "t8": (Fault("t8", 401, "THIRD_PARTY_AUTH_ERROR"),
               Misconfigured("THIRD_PARTY_AUTH_ERROR", FaultScope.TARGET)),
        "t9": (Fault("t9", 403, "PERMISSION_DENIED"), Misconfigured("PERMISSION_DENIED")),
    }  # fmt: skip
    for fault, _ in scripted.values():
        fakes.faults.add(fault)
    tokens = ["t1", "no token!", *list(scripted)[1:]]

    outcomes = await fcm.send(batch_of(fcm_credential, *map(target, tokens)), now=NOW)

    expected = {token: outcome for token, (_, outcome) in scripted.items()}
    expected["no token!"] = TokenGone("INVALID_ARGUMENT", is_ambiguous=True)
    assert outcomes == [expected[token] for token in tokens]


async def test_a_wrong_project_is_misconfigured(fcm, fcm_credential):
    wrong = replace(fcm_credential.secret, project_id="someone-elses")

    outcomes = await fcm.send(
        batch_of(replace(fcm_credential, secret=wrong), target("tok")), now=NOW
    )

    assert outcomes == [Misconfigured("PERMISSION_DENIED")]


async def test_pages_share_one_access_token_for_most_of_an_hour(fakes, fcm, fcm_credential, clock):
    fakes.faults.add(Fault(TOKEN_ENDPOINT, 200))
    fakes.faults.add(Fault(TOKEN_ENDPOINT, 500))
    pages = [batch_of(fcm_credential, target(f"t{number}")) for number in range(5)]

    results = await asyncio.gather(*(fcm.send(page, now=NOW) for page in pages))
    clock.advance(timedelta(minutes=50))
    late = await fcm.send(batch_of(fcm_credential, target("t")), now=clock.now())
    clock.advance(timedelta(minutes=6))
    kept = await fcm.send(batch_of(fcm_credential, target("t")), now=clock.now())

    assert {type(outcome) for (outcome,) in [*results, late, kept]} == {Accepted}


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [
        (
            Fault(TOKEN_ENDPOINT, 400, "invalid_grant"),
            Misconfigured("token endpoint: invalid_grant: This is scripted."),
        ),
        (
            Fault(TOKEN_ENDPOINT, 503, "down", retry_after=4),
            Deferred("token endpoint: down", timedelta(seconds=4)),
        ),
    ],
)
async def test_the_token_endpoints_trouble_is_every_targets(
    fakes, fcm, fcm_credential, fault, outcome
):
    fakes.faults.add(fault)
    batch = batch_of(fcm_credential, target("t1"), target("t2"))

    refused = await fcm.send(batch, now=NOW)
    again = await fcm.send(batch, now=NOW)

    assert refused == [outcome] * 2
    assert {type(each) for each in again} == {Accepted}


async def test_a_new_version_of_a_credential_replaces_the_formers_connection(
    fakes, fcm, fcm_credential
):
    newer = replace(fcm_credential, id=new_id(NOW + timedelta(seconds=1)))
    await fcm.send(batch_of(fcm_credential, target("t")), now=NOW)
    before = fakes.fcm.connection_count

    outcomes = await fcm.send(batch_of(newer, target("t")), now=NOW)

    assert [type(outcome) for outcome in outcomes] == [Accepted]
    await until(lambda: fakes.fcm.connection_count == before)


async def test_a_credential_of_another_environment_replaces_nothing(fakes, fcm, fcm_credential):
    other = replace(
        fcm_credential, id=new_id(NOW + timedelta(seconds=1)), environment=Environment.SANDBOX
    )
    await fcm.send(batch_of(fcm_credential, target("t")), now=NOW)
    before = fakes.fcm.connection_count

    await fcm.send(batch_of(other, target("t")), now=NOW)
    await fcm.send(batch_of(fcm_credential, target("t")), now=NOW)

    assert fakes.fcm.connection_count == before + 1


async def test_once_a_message_went_through_the_unknown_entity_is_the_token(
    fakes, fcm, fcm_credential
):
    newer = replace(fcm_credential, id=new_id(NOW + timedelta(seconds=1)))
    fakes.faults.add(Fault("old", 404, times=4))
    misconfigured = Misconfigured("NOT_FOUND")
    gone = TokenGone("NOT_FOUND", is_ambiguous=True)

    first = await fcm.send(batch_of(fcm_credential, target("old")), now=NOW)
    among_others = await fcm.send(batch_of(fcm_credential, target("old"), target("t")), now=NOW)
    later = await fcm.send(batch_of(fcm_credential, target("old")), now=NOW)
    of_another_project = await fcm.send(batch_of(newer, target("old")), now=NOW)

    assert (first, among_others[0], later) == ([misconfigured], gone, [gone])
    assert of_another_project == [misconfigured]


async def test_a_refused_access_token_is_replaced(fakes, fcm, fcm_credential, clock):
    await fcm.send(batch_of(fcm_credential, target("t")), now=NOW)
    clock.advance(timedelta(minutes=2))
    await fcm.refresh(fcm_credential)
    fakes.faults.add(Fault(TOKEN_ENDPOINT, 400, "invalid_grant"))

    outcomes = await fcm.send(batch_of(fcm_credential, target("t")), now=clock.now())

    assert outcomes == [Misconfigured("token endpoint: invalid_grant: This is scripted.")]


async def test_a_foreign_account_is_misconfigured(fcm, fcm_credential):
    stranger = replace(fcm_credential.secret, client_email="nobody@example.com")

    outcomes = await fcm.send(
        batch_of(replace(fcm_credential, secret=stranger), target("t")), now=NOW
    )

    said = "token endpoint: invalid_grant: Invalid grant: account not found"
    assert outcomes == [Misconfigured(said)]


async def test_a_clock_that_is_wrong_is_named(fakes, fcm_credential):
    late = FakeClock()
    late.advance(timedelta(minutes=30))
    settings = Fcm(url=fakes.fcm.url, ca_file=fakes.ca_file)
    provider = FcmProvider(settings, late, request_timeout_s=10)

    (outcome,) = await provider.send(batch_of(fcm_credential, target("t")), now=late.now())
    await provider.close()

    assert isinstance(outcome, Misconfigured)
    assert outcome.detail.endswith("this server's clock is 1800 s ahead of the endpoint's")


async def test_fcm_saying_goodbye_loses_and_doubles_nothing(fakes, fcm, fcm_credential):
    fakes.faults.add(Fault("t30", action=Action.GOAWAY))
    targets = [target(f"t{number}") for number in range(300)]

    outcomes = await fcm.send(batch_of(fcm_credential, *targets), now=NOW)

    assert {type(outcome) for outcome in outcomes} == {Accepted}
    assert fakes.inbox.total == 300


async def test_closing_ends_what_is_under_way(fakes, fcm, fcm_credential):
    fakes.faults.add(Fault("t", action=Action.HANG))
    sending = asyncio.ensure_future(fcm.send(batch_of(fcm_credential, target("t")), now=NOW))
    await until(lambda: fakes.fcm.connection_count > 0)

    await fcm.close()

    assert isinstance((await sending)[0], Deferred)


async def test_what_was_not_begun_when_we_closed_is_deferred(fakes, fcm, fcm_credential):
    await fcm.send(batch_of(fcm_credential, target("t")), now=NOW)
    targets = [target(f"t{number}") for number in range(300)]
    sending = asyncio.ensure_future(fcm.send(batch_of(fcm_credential, *targets), now=NOW))
    await asyncio.sleep(0)

    await fcm.close()

    outcomes = await sending
    assert outcomes == [Deferred("the server is stopping", AT_ONCE)] * 300
    assert fakes.inbox.total == 1
