"""The SMS provider against the fake of an HTTP gateway, over real sockets."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from tests.contract.providers.pages import NOW, batch_of, target, until
from tests.contract.providers.smpp_accounts import NUMBER, Sink, numbers, provider_of
from tests.contract.providers.test_smpp_against_simulators import text

from heliograph.core.ids import new_id
from heliograph.core.model.application import (
    GatewayParameter,
    ProviderCredential,
    SmsGateway,
)
from heliograph.core.model.outcome import Accepted, Deferred, Misconfigured, Rejected, TokenGone
from heliograph.core.model.registration import Environment, ProviderName
from heliograph.outbound.guard import Guard
from heliograph.simulators.faults import Action, Fault
from heliograph.simulators.sms.gateway import PASSWORD, USERNAME

pytestmark = pytest.mark.anyio

LOGIN = (GatewayParameter("username", USERNAME), GatewayParameter("password", PASSWORD))


@pytest.fixture
async def sms(clock):
    provider = provider_of(clock, Sink())
    yield provider
    await provider.close()


@pytest.fixture
def gateway(fakes):
    """A gateway's credential, with further parameters."""

    def make(*parameters):
        named = tuple(GatewayParameter(*each) for each in parameters)
        place = fakes.sms_gateway
        secret = SmsGateway(place.host, place.port, "cgi-bin/sendsms", "demo", (*LOGIN, *named))
        return ProviderCredential(
            new_id(NOW), new_id(NOW), ProviderName.SMS, Environment.PRODUCTION, secret
        )

    return make


async def test_a_page_arrives_in_mobilefirsts_terms(fakes, sms, gateway):
    batch = batch_of(gateway(), *map(target, numbers(100)))

    outcomes = await sms.send(batch, now=NOW)

    assert outcomes == [Accepted()] * 100
    (push,) = fakes.inbox.received(numbers(1)[0])
    assert push.payload == {"to": numbers(1)[0], "text": "Hello\nGrüße"}


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_text_and_number_go_where_the_placeholders_are(fakes, sms, gateway, method):
    credential = gateway(
        ("method", method),
        ("text", "<{text}>"),
        ("to", "{to}"),
        ("msisdn", "00{digits}"),
        ("coding", "{coding}"),
        ("sender", "{from}"),
        ("ready", "a%20b%26", False),
        ("mixed", "%5B{text}%5D", False),
    )
    said = 'a&b="c"#+%20 {to}\n€😀'

    await sms.send(
        batch_of(credential, target(NUMBER), content=text(said, sender="Ac me")), now=NOW
    )

    (push,) = fakes.inbox.received(NUMBER)
    assert push.payload == {
        "text": f"<{said}>",
        "to": NUMBER,
        "msisdn": "00" + NUMBER[1:],
        "coding": "2",
        "sender": "Ac me",
        "ready": "a b&",
        "mixed": f"[{said}]",
    }


async def test_a_gateway_with_other_names_is_told_them(fakes, sms, gateway):
    credential = gateway(
        ("toParamName", "to"), ("textParamName", "text"), ("fromParamName", "from"),
        ("httpsEnabled", "false"),
    )  # fmt: skip

    await sms.send(batch_of(credential, target(NUMBER), content=text("x", sender="Me")), now=NOW)

    (push,) = fakes.inbox.received(NUMBER)
    assert push.payload == {"to": NUMBER, "text": "x", "from": "Me"}


async def test_answers_become_outcomes_in_order(fakes, sms, gateway):
    ten = timedelta(seconds=10)
    scripted = [
        (Fault("", 200, "id: 17 ok"), Accepted("17")),
        (Fault("", 200, "ERROR: no"), Rejected("HTTP 202: ERROR: no")),
        (Fault("", 200, "what"), Rejected("HTTP 202: what")),
        (Fault("", 400, "bad"), Rejected("HTTP 400: bad")),
        (Fault("", 404, "bad"), Rejected("HTTP 404: bad")),
        (Fault("", 405, "bad"), Rejected("HTTP 405: bad")),
        (Fault("", 413, "bad"), Rejected("HTTP 413: bad")),
        (Fault("", 422, "bad"), Rejected("HTTP 422: bad")),
        (Fault("", 418, "tea"), Rejected("HTTP 418: tea")),
        (Fault("", 401, "who"), Misconfigured("HTTP 401: who")),
        (Fault("", 402, "pay"), Misconfigured("HTTP 402: pay")),
        (Fault("", 403, "no"), Misconfigured("HTTP 403: no")),
        (Fault("", 407, "no"), Misconfigured("HTTP 407: no")),
        (Fault("", 302, "go"), Misconfigured("HTTP 302: go")),
        (Fault("", 408, "slow"), Deferred("HTTP 408: slow", ten)),
        (Fault("", 425, "soon"), Deferred("HTTP 425: soon", ten)),
        (
            Fault("", 429, "slow", retry_after=5),
            Deferred("HTTP 429: slow", timedelta(seconds=5), is_ours=True),
        ),
        (Fault("", 500, "oh"), Deferred("HTTP 500: oh", ten)),
        (Fault("", 503, "oh"), Deferred("HTTP 503: oh", ten)),
        (
            Fault("", 400, "Unknown Subscriber"),
            TokenGone("HTTP 400: Unknown Subscriber", is_ambiguous=True),
        ),
        (
            Fault("", 200, "unknown subscriber"),
            TokenGone("HTTP 202: unknown subscriber", is_ambiguous=True),
        ),
        (Fault("", action=Action.BAD_FRAME), Deferred("ClientResponseError")),
    ]
    for number, (fault, _) in zip(numbers(99), scripted, strict=False):
        fakes.faults.add(replace(fault, token=number))
    credential = gateway(
        ("successText", "OK"),
        ("failureText", "error"),
        ("unknownNumberText", "unknown subscriber"),
        ("messageIdAfter", "id:"),
    )

    outcomes = await sms.send(batch_of(credential, *map(target, numbers(len(scripted)))), now=NOW)

    assert outcomes == [outcome for _, outcome in scripted]


async def test_a_silent_gateway_is_a_later_try(fakes, clock, gateway):
    sms = provider_of(clock, Sink(), timeout_s=0.1)
    fakes.faults.add(Fault(NUMBER, action=Action.HANG))

    outcomes = await sms.send(batch_of(gateway(), target(NUMBER)), now=NOW)

    assert outcomes == [Deferred("no reply in time")]
    await sms.close()


async def test_a_gateway_that_hangs_holds_up_no_other(fakes, clock, gateway):
    sms = provider_of(clock, Sink(), connections=1)
    callers = []
    silent = await asyncio.start_server(lambda *each: callers.append(each), "127.0.0.1", 0)
    port = silent.sockets[0].getsockname()[1]
    hanging = replace(gateway(), secret=replace(gateway().secret, port=port))
    held_up = asyncio.create_task(
        sms.send(batch_of(hanging, *map(target, numbers(3))), now=NOW),
    )
    await until(lambda: callers)

    outcomes = await asyncio.wait_for(
        sms.send(batch_of(gateway(), target(NUMBER)), now=NOW), timeout=2
    )

    assert outcomes == [Accepted()]
    assert len(callers) == 1
    held_up.cancel()
    await asyncio.gather(held_up, return_exceptions=True)
    await sms.close()
    for _, writer in callers:
        writer.close()
    silent.close()


async def test_a_wrong_password_is_ours_to_fix(sms, gateway):
    credential = gateway()
    wrong = replace(credential.secret, parameters=(GatewayParameter("username", "x"),))

    outcomes = await sms.send(batch_of(replace(credential, secret=wrong), target(NUMBER)), now=NOW)

    assert outcomes == [Misconfigured("HTTP 403: Authorization failed for sendsms")]


async def test_no_gateway_leads_into_the_operators_own_network(fakes, clock, gateway):
    sms = provider_of(clock, Sink(), guard=Guard())

    (outcome,) = await sms.send(batch_of(gateway(), target(NUMBER)), now=NOW)

    assert isinstance(outcome, Deferred)
    assert fakes.sms_gateway.connection_count == 0
    await sms.close()


async def test_a_preview_shows_the_request_without_its_secrets(sms, gateway):
    credential = gateway(("from", "Acme"), ("text", "{text}"))

    (preview,) = sms.preview(batch_of(credential, target(NUMBER), content=text("ж" * 71)))

    assert PASSWORD not in preview.path
    assert preview.path.startswith("/cgi-bin/sendsms?username=%E2%80%A6&password=%E2%80%A6&")
    assert preview.path.endswith(f"&to=%2B{NUMBER[1:]}")
    assert dict(preview.headers)["sms-segments"] == "2"
    assert preview.problem is None


async def test_a_message_whose_answer_was_lost_is_not_sent_twice_behind_the_engines_back(
    fakes, sms, gateway
):
    fakes.faults.add(Fault(NUMBER, 200, action=Action.CLOSE))

    outcomes = await sms.send(batch_of(gateway(), target(NUMBER)), now=NOW)

    assert outcomes == [Deferred("ServerDisconnectedError")]
    assert len(fakes.inbox.received(NUMBER)) == 1
