from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.delivery.scripted import (
    APPLICATION,
    NOW,
    PRODUCTION,
    SANDBOX,
    ScriptedProvider,
    credential,
    notification,
    target,
)

from heliograph.core.model.application import Defaults
from heliograph.core.model.outcome import (
    ACCEPTED,
    Accepted,
    Deferred,
    Misconfigured,
    Outcome,
    RefreshCredential,
    Rejected,
    TokenGone,
)
from heliograph.core.model.registration import ProviderName
from heliograph.delivery.sending import WRONG_WORLD, Sending

if TYPE_CHECKING:
    from heliograph.core.model.application import Application, ProviderCredential
    from heliograph.core.model.delivery import Target
    from heliograph.delivery.sending import Sent

pytestmark = pytest.mark.anyio

APNS, FCM = ProviderName.APNS, ProviderName.FCM
LOST = TokenGone(WRONG_WORLD, is_ambiguous=True)
HELLO = notification()
BOTH_WORLDS = [credential(APNS, PRODUCTION), credential(APNS, SANDBOX)]


async def send(
    targets: list[Target],
    *providers: ScriptedProvider,
    credentials: list[ProviderCredential] | None = None,
    application: Application = APPLICATION,
) -> Sent:
    sending = Sending({each.name: each for each in providers})
    known = [credential(FCM)] if credentials is None else credentials
    return await sending.send(targets, HELLO, application, known, now=NOW)


async def test_a_page_is_grouped_by_provider_and_environment() -> None:
    apns, fcm = ScriptedProvider(APNS), ScriptedProvider(FCM)
    page = [
        target("a1", provider=APNS),
        target("f1"),
        target("s1", provider=APNS, environment=SANDBOX),
        target("a2", provider=APNS, environment=PRODUCTION),
        target("f2", environment=SANDBOX),
    ]

    sent = await send(page, apns, fcm, credentials=[credential(FCM), *BOTH_WORLDS])

    assert sent.outcomes == [ACCEPTED] * 5
    assert apns.tokens == [["a1", "a2"], ["s1"]]
    assert fcm.tokens == [["f1", "f2"]]
    assert [batch.credential for batch in apns.batches] == BOTH_WORLDS


async def test_a_batch_carries_what_a_message_needs() -> None:
    fcm = ScriptedProvider()

    await send([target()], fcm)

    (batch,) = fcm.batches
    assert (batch.notification_id, batch.content, batch.options) == (
        HELLO.id,
        HELLO.content,
        HELLO.options,
    )
    assert (batch.expires_at, batch.default_bundle_id) == (HELLO.expires_at, "com.example")


async def test_an_unknown_environment_is_the_applications_default() -> None:
    apns = ScriptedProvider(APNS)
    sandboxed = replace(APPLICATION, defaults=Defaults(None, SANDBOX))

    await send([target(provider=APNS)], apns, credentials=BOTH_WORLDS, application=sandboxed)

    assert [batch.credential.environment for batch in apns.batches] == [SANDBOX]


async def test_without_a_credential_nobody_is_called() -> None:
    fcm = ScriptedProvider()

    sent = await send([target()], fcm, credentials=[])

    assert sent.outcomes == [Misconfigured("no fcm credential for production")]
    assert fcm.batches == []


async def test_a_provider_that_is_not_there_is_misconfigured() -> None:
    sent = await send([target()], credentials=[credential(FCM)])

    assert sent.outcomes == [Misconfigured("no fcm credential for production")]


async def test_a_stale_credential_is_refreshed_once_and_the_push_repeated() -> None:
    fcm = ScriptedProvider()
    fcm.script("stale", RefreshCredential("expired"), ACCEPTED)
    known = credential(FCM)

    sent = await send([target("good"), target("stale")], fcm, credentials=[known])

    assert sent.outcomes == [ACCEPTED, ACCEPTED]
    assert fcm.refreshed == [known]
    assert fcm.tokens == [["good", "stale"], ["stale"]]


async def test_a_credential_that_stays_stale_is_misconfigured() -> None:
    fcm = ScriptedProvider(otherwise=RefreshCredential("expired"))

    sent = await send([target("A"), target("B")], fcm)

    assert sent.outcomes == [Misconfigured("expired")] * 2
    assert (len(fcm.batches), len(fcm.refreshed)) == (2, 1)


async def test_a_token_of_the_other_environment_is_found_and_remembered() -> None:
    apns = ScriptedProvider(APNS)
    apns.script("T", LOST, environment=PRODUCTION)
    phone, other = target("T", provider=APNS), target("U", provider=APNS)

    sent = await send([other, phone], apns, credentials=BOTH_WORLDS)

    assert sent.outcomes == [ACCEPTED, ACCEPTED]
    assert sent.environments == [(phone.id, phone.token_hash, SANDBOX)]
    assert apns.tokens == [["U", "T"], ["T"]]


async def test_an_address_is_tried_in_both_environments_and_not_remembered() -> None:
    apns = ScriptedProvider(APNS)
    apns.script("T", LOST, environment=PRODUCTION)
    address = target("T", provider=APNS, is_registered=False)

    sent = await send([address], apns, credentials=BOTH_WORLDS)

    assert (sent.outcomes, sent.environments) == ([ACCEPTED], [])


@pytest.mark.parametrize(
    "second", [LOST, Rejected("no"), TokenGone("Unregistered"), TokenGone("x", is_ambiguous=True)]
)
async def test_a_token_that_neither_environment_takes_keeps_its_first_answer(
    second: Outcome,
) -> None:
    apns = ScriptedProvider(APNS)
    apns.script("T", LOST, environment=PRODUCTION)
    apns.script("T", second, environment=SANDBOX)

    sent = await send([target("T", provider=APNS)], apns, credentials=BOTH_WORLDS)

    assert (sent.outcomes, sent.environments) == ([LOST], [])


@pytest.mark.parametrize("second", [Deferred("busy"), Misconfigured("bad key")], ids=str)
async def test_a_token_is_not_dead_while_the_other_environment_cannot_be_asked(
    second: Outcome,
) -> None:
    apns = ScriptedProvider(APNS)
    apns.script("T", LOST, environment=PRODUCTION)
    apns.script("T", second, environment=SANDBOX)

    sent = await send([target("T", provider=APNS)], apns, credentials=BOTH_WORLDS)

    assert (sent.outcomes, sent.environments) == ([second], [])


async def test_the_other_environments_credential_is_refreshed_too() -> None:
    apns = ScriptedProvider(APNS)
    apns.script("T", LOST, environment=PRODUCTION)
    apns.script("T", RefreshCredential("expired"), ACCEPTED, environment=SANDBOX)

    sent = await send([target("T", provider=APNS)], apns, credentials=BOTH_WORLDS)

    assert sent.outcomes == [ACCEPTED]
    assert apns.refreshed == [BOTH_WORLDS[1]]


@pytest.mark.parametrize(
    ("phone", "answer", "credentials"),
    [
        (target("T", provider=APNS, environment=PRODUCTION), LOST, BOTH_WORLDS),
        (target("T", provider=APNS), TokenGone("Unregistered"), BOTH_WORLDS),
        (target("T", provider=APNS), LOST, BOTH_WORLDS[:1]),
    ],
    ids=["known environment", "another reason", "one environment"],
)
async def test_the_other_environment_is_not_asked_in_vain(
    phone: Target, answer: Outcome, credentials: list[ProviderCredential]
) -> None:
    apns = ScriptedProvider(APNS, otherwise=answer)

    sent = await send([phone], apns, credentials=credentials)

    assert sent.outcomes == [answer]
    assert len(apns.batches) == 1


@given(
    st.lists(
        st.tuples(st.sampled_from([APNS, FCM]), st.sampled_from([None, PRODUCTION, SANDBOX])),
        max_size=30,
    )
)
async def test_outcomes_stand_in_the_order_of_their_targets(
    kinds: list[tuple[ProviderName, object]],
) -> None:
    apns, fcm = ScriptedProvider(APNS), ScriptedProvider(FCM)
    page = []
    for number, (provider, environment) in enumerate(kinds):
        token = f"T{number}"
        page.append(target(token, provider=provider, environment=environment))
        first = [Accepted(token), Rejected(token), RefreshCredential(token)][number % 3]
        for each in (apns, fcm):
            each.script(token, first, Accepted(token))

    sent = await send(page, apns, fcm, credentials=[credential(FCM), *BOTH_WORLDS])

    expected = [
        Rejected(each.token) if number % 3 == 1 else Accepted(each.token)
        for number, each in enumerate(page)
    ]
    assert sent.outcomes == expected
