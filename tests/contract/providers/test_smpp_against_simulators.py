"""The SMS provider against the fake of an SMS centre, over real sockets."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from tests.contract.providers.pages import NOW, batch_of, target, until
from tests.contract.providers.smpp_accounts import NUMBER, Sink, account_of, numbers, provider_of
from tests.contract.providers.smpp_statuses import STATUSES

from heliograph.core.ids import new_id
from heliograph.core.model.application import FcmCredential
from heliograph.core.model.audience import AddressForm
from heliograph.core.model.notification import Content, Options
from heliograph.core.model.outcome import Accepted, Deferred, Misconfigured, Rejected
from heliograph.core.model.receipt import ReceiptKind
from heliograph.core.model.registration import ProviderName
from heliograph.outbound.guard import Guard
from heliograph.providers.sms.response import BAD_BIND, KNOWN_STATUSES, TAKEN, WRONG_STATE
from heliograph.simulators.faults import SMPP_BIND, Action, Fault

pytestmark = pytest.mark.anyio

SECONDS = timedelta(seconds=1)


def outcome_text(status):
    outcome = STATUSES[status]
    return outcome.detail if isinstance(outcome, Misconfigured) else outcome.reason


@pytest.fixture
def sink():
    return Sink()


@pytest.fixture
async def sms(clock, sink):
    provider = provider_of(clock, sink)
    yield provider
    await provider.close()


@pytest.fixture
def account(fakes):
    return account_of(fakes)


def text(said, **overrides):
    return Content(overrides={ProviderName.SMS: {"text": said, **overrides}})


async def test_a_page_arrives_and_every_message_has_its_own_id(fakes, sms, account):
    batch = batch_of(account, *map(target, numbers(200)))

    outcomes = await sms.send(batch, now=NOW)

    assert len({outcome.provider_message_id for outcome in outcomes}) == 200
    assert {push.token for push in fakes.inbox.received()} == set(numbers(200))
    assert fakes.smpp.binds == 1
    (push,) = fakes.inbox.received(numbers(1)[0])
    assert push.payload == {"text": "Hello\nGrüße", "from": "Acme", "parts": 1, "coding": 0}


@pytest.mark.parametrize(
    ("said", "parts", "coding"),
    [
        ("a" * 160, 1, 0),
        ("a" * 161, 2, 0),
        ("€" * 80, 1, 0),
        ("a" * 152 + "€" * 80, 3, 0),
        ("ж" * 70, 1, 8),
        ("ж" * 71, 2, 8),
        ("ж" * 66 + "😀" * 40, 3, 8),
        ("[{~}]^|\\€\f Ωà@", 1, 0),
    ],
)
async def test_a_long_text_comes_in_parts_and_is_whole_again(
    fakes, sms, account, said, parts, coding
):
    await sms.send(batch_of(account, target(NUMBER), content=text(said)), now=NOW)

    (push,) = fakes.inbox.received(NUMBER)
    assert push.payload["text"] == said.replace("\f", "")
    assert (push.payload["parts"], push.payload["coding"]) == (parts, coding)
    assert all(part.octets <= (153 if coding == 0 else 134) for part in fakes.smpp.submitted[:-1])
    assert [part.wants_receipt for part in fakes.smpp.submitted] == [False] * (parts - 1) + [True]


async def test_a_text_of_2000_characters_is_refused_by_name(fakes, sms, account):
    batch = batch_of(account, target(NUMBER), content=text("a" * 2000))

    (outcome,) = await sms.send(batch, now=NOW)
    (preview,) = sms.preview(batch)

    assert outcome == Rejected("2000 characters are 14 parts in gsm7, at most 10 are sent")
    assert preview.problem == outcome.reason
    assert preview.size_bytes > preview.limit_bytes
    assert fakes.smpp.submitted == []


async def test_the_preview_says_how_long_it_is(sms, account):
    batch = batch_of(account, target(NUMBER), content=text("a" * 200, sender="+4930123456"))

    (preview,) = sms.preview(batch)

    assert dict(preview.headers) == {
        "to": NUMBER,
        "from": "+4930123456",
        "sms-coding": "gsm7",
        "sms-characters": "200",
        "sms-units": "200",
        "sms-segments": "2",
    }
    assert preview.size_bytes == 140 + 6 + 42
    assert preview.body == b"a" * 200
    assert preview.problem is None


async def test_only_numbers_in_international_form_are_sent_to(fakes, sms, account):
    wrong = ["491701234567", "+0491701234567", "+49 170 1234567", "+49", "alice", "+" + "1" * 16]
    targets = [*map(target, wrong), target(NUMBER)._replace(form=AddressForm.TOPIC)]

    outcomes = await sms.send(batch_of(account, *targets), now=NOW)

    assert {type(outcome) for outcome in outcomes} == {Rejected}
    assert fakes.smpp.submitted == []


async def test_statuses_become_outcomes_in_order(fakes, sms, account):
    own = ((0x402, "deferred"), (0x403, "gone"), (0x404, "misconfigured"), (0x405, "rejected"))
    account = replace(account, secret=replace(account.secret, vendor_statuses=own))
    for number, reason in zip(numbers(99), STATUSES, strict=False):
        fakes.faults.add(Fault(number, 400, reason))

    outcomes = await sms.send(batch_of(account, *map(target, numbers(len(STATUSES)))), now=NOW)

    assert dict(zip(STATUSES, outcomes, strict=True)) == STATUSES
    assert fakes.smpp.binds == 1


def test_every_status_of_the_table_is_asked_for():
    asked = {int(outcome_text(each).rpartition("0x")[2].rstrip(")"), 16) for each in STATUSES}

    assert asked >= KNOWN_STATUSES - TAKEN - WRONG_STATE - BAD_BIND


async def test_an_unexplained_failure_is_given_up_in_the_end(fakes, sms, account):
    fakes.faults.add(Fault(NUMBER, 400, "ESME_RSUBMITFAIL"))

    (outcome,) = await sms.send(batch_of(account, target(NUMBER)._replace(attempts=2)), now=NOW)

    assert outcome == Rejected("ESME_RSUBMITFAIL (0x45)")


@pytest.mark.parametrize("status", ["ESME_RINVBNDSTS", "ESME_RALYBND"])
async def test_a_session_in_the_wrong_state_is_replaced(fakes, sms, account, status):
    fakes.faults.add(Fault(NUMBER, 400, status))

    (outcome,) = await sms.send(batch_of(account, target(NUMBER)), now=NOW)
    (again,) = await sms.send(batch_of(account, target(NUMBER)), now=NOW)

    assert isinstance(outcome, Deferred)
    assert isinstance(again, Accepted)
    assert fakes.smpp.binds == 2


@pytest.mark.parametrize(
    ("secret", "outcome"),
    [
        ({"password": "wrong"}, Misconfigured("bind: ESME_RINVPASWD (0x0E)")),
        ({"system_id": "wrong"}, Misconfigured("bind: ESME_RINVSYSID (0x0F)")),
        ({"port": 1}, Deferred("cannot connect: Connection refused")),
        ({"has_tls": True}, Deferred("cannot connect: ConnectionResetError")),
    ],
)
async def test_a_refused_bind_is_every_messages(fakes, sms, account, secret, outcome):
    wrong = replace(account, secret=replace(account.secret, **secret))

    outcomes = await sms.send(batch_of(wrong, *map(target, numbers(3))), now=NOW)
    at_once = await sms.send(batch_of(wrong, *map(target, numbers(3))), now=NOW)

    assert outcomes == at_once == [outcome] * 3
    assert fakes.smpp.submitted == []


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [
        (Fault(SMPP_BIND, 400, "ESME_RBINDFAIL"), Misconfigured("bind: ESME_RBINDFAIL (0x0D)")),
        (Fault(SMPP_BIND, 400, "ESME_RINVSYSTYP"), Misconfigured("bind: ESME_RINVSYSTYP (0x53)")),
        (
            Fault(SMPP_BIND, 400, "ESME_RTHROTTLED"),
            Deferred("bind: ESME_RTHROTTLED (0x58)", 10 * SECONDS),
        ),
        (Fault(SMPP_BIND, action=Action.CLOSE), Deferred("bind: no answer in time")),
        (Fault(SMPP_BIND, action=Action.BAD_FRAME), Deferred("bind: no answer in time")),
    ],
)
async def test_trouble_at_the_bind(fakes, clock, sink, account, fault, outcome):
    sms = provider_of(clock, sink, timeout_s=1.0)
    fakes.faults.add(fault)

    assert await sms.send(batch_of(account, target(NUMBER)), now=NOW) == [outcome]
    await sms.close()


async def test_in_tls_everything_goes_as_it_does_without(fakes, clock, sink, account):
    sms = provider_of(clock, sink, ca_file=fakes.ca_file, enquire_link_s=0.05)
    secure = replace(account.secret, port=fakes.smpp.tls_port, has_tls=True)
    batch = batch_of(replace(account, secret=secure), target(NUMBER), content=text("ж" * 200))

    (outcome,) = await sms.send(batch, now=NOW)

    assert isinstance(outcome, Accepted)
    assert fakes.inbox.received(NUMBER)[0].payload["text"] == "ж" * 200
    await until(lambda: len(sink.receipts) == 1 and fakes.smpp.enquiries > 0)
    fakes.smpp.drop()
    await until(lambda: fakes.smpp.binds == 2)
    await sms.close()
    await until(lambda: fakes.smpp.connection_count == 0)


async def test_a_centre_that_nobody_vouches_for_gets_no_password(fakes, clock, sink, account):
    sms = provider_of(clock, sink)
    secure = replace(account.secret, port=fakes.smpp.tls_port, has_tls=True)

    outcomes = await sms.send(batch_of(replace(account, secret=secure), target(NUMBER)), now=NOW)

    said = "the SMS centre's certificate: unable to get local issuer certificate"
    assert outcomes == [Misconfigured(said)]
    assert fakes.smpp.binds == 0
    await sms.close()


async def test_a_dropped_connection_defers_what_was_under_way_and_is_replaced(fakes, sms, account):
    fakes.faults.add(Fault(NUMBER, action=Action.CLOSE))

    (lost,) = await sms.send(batch_of(account, target(NUMBER)), now=NOW)
    (again,) = await sms.send(batch_of(account, target(NUMBER)), now=NOW)

    assert lost == Deferred("the connection was lost")
    assert isinstance(again, Accepted)
    assert fakes.smpp.binds == 2


async def test_a_silent_centre_costs_a_message_its_time_and_no_more(fakes, clock, sink, account):
    sms = provider_of(clock, sink, timeout_s=0.2)
    fakes.faults.add(Fault(NUMBER, action=Action.HANG))

    (silent,) = await sms.send(batch_of(account, target(NUMBER)), now=NOW)
    (again,) = await sms.send(batch_of(account, target(NUMBER)), now=NOW)

    assert silent == Deferred("no answer in time")
    assert isinstance(again, Accepted)
    assert fakes.smpp.binds == 1
    await sms.close()


async def test_a_session_is_asked_whether_it_lives_and_replaced_when_it_does_not(
    fakes, clock, sink, account
):
    sms = provider_of(clock, sink, timeout_s=0.2, enquire_link_s=0.05)
    await sms.send(batch_of(account, target(NUMBER)), now=NOW)
    await until(lambda: fakes.smpp.enquiries >= 2)
    fakes.faults.add(Fault(NUMBER, action=Action.FREEZE))

    await sms.send(batch_of(account, target(NUMBER)), now=NOW)

    await until(lambda: fakes.smpp.binds == 2)
    await sms.close()


async def test_a_lost_session_is_bound_again_without_being_asked(fakes, sms, account):
    await sms.send(batch_of(account, target(NUMBER)), now=NOW)

    fakes.smpp.drop()

    await until(lambda: fakes.smpp.binds == 2 and fakes.smpp.connection_count == 1)


async def test_a_receipt_finds_its_delivery_though_its_id_is_spelled_otherwise(
    fakes, sms, sink, account
):
    fakes.faults.add(Fault("+4917" + "0" * 7 + "1", 200, "UNDELIV"))
    batch = batch_of(account, *map(target, numbers(2)))

    outcomes = await sms.send(batch, now=NOW)

    await until(lambda: len(sink.receipts) == 2)
    told = {receipt.message_ids: receipt for receipt in sink.receipts}
    good, bad = (told[outcome.provider_message_id,] for outcome in outcomes)
    assert (good.kind, good.detail) == (ReceiptKind.DELIVERED, "DELIVRD")
    assert (bad.kind, bad.detail) == (ReceiptKind.FAILED, "UNDELIV err:001")
    assert (good.was_reached, bad.was_reached) == (True, False)
    assert good.application_id == account.application_id
    await until(lambda: fakes.smpp.answers == [0, 0])


async def test_a_receipt_that_cant_be_kept_now_is_asked_for_again(fakes, sms, sink, account):
    sink.refusals = 1

    await sms.send(batch_of(account, target(NUMBER)), now=NOW)

    await until(lambda: fakes.smpp.answers == [0x64])


async def test_a_repeated_message_keeps_its_reference(fakes, sms, account):
    batch = batch_of(account, target(NUMBER), content=text("a" * 200))

    await sms.send(batch, now=NOW)
    await sms.send(batch, now=NOW)

    assert len({part.reference for part in fakes.smpp.submitted}) == 1


async def test_a_short_life_travels_and_an_unlimited_one_does_not(fakes, sms, account):
    await sms.send(batch_of(account, target(NUMBER), options=Options(ttl_s=7200)), now=NOW)
    await sms.send(batch_of(account, target(NUMBER)), now=NOW)

    assert [part.validity for part in fakes.smpp.submitted] == ["000000020000000R", ""]


async def test_a_newer_account_replaces_the_formers_session(fakes, sms, account):
    newer = replace(account, id=new_id(NOW + SECONDS))
    await sms.send(batch_of(account, target(NUMBER)), now=NOW)

    await sms.send(batch_of(newer, target(NUMBER)), now=NOW)

    await until(lambda: fakes.smpp.connection_count == 1)
    assert fakes.smpp.binds == 2


async def test_no_session_leads_into_the_operators_own_network(fakes, clock, sink, account):
    sms = provider_of(clock, sink, guard=Guard())

    outcomes = await sms.send(batch_of(account, target(NUMBER)), now=NOW)

    assert outcomes == [Misconfigured("the SMS centre's address may not be reached")]
    assert fakes.smpp.connection_count == 0
    await sms.close()


async def test_another_providers_credential_is_ours_to_fix(sms, account):
    foreign = replace(account, secret=FcmCredential("p", "e@x", "k", "key"))
    batch = batch_of(foreign, target(NUMBER))

    assert await sms.send(batch, now=NOW) == [Misconfigured("not an SMS gateway or SMPP account")]
    assert sms.preview(batch)[0].problem == "not an SMS gateway or SMPP account"


async def test_a_closed_provider_sends_nothing_and_says_goodbye(fakes, sms, account):
    await sms.send(batch_of(account, target(NUMBER)), now=NOW)
    await sms.close()

    outcomes = await sms.send(batch_of(account, target(NUMBER)), now=NOW)

    assert outcomes == [Deferred("the server is stopping", timedelta(0))]
    await until(lambda: fakes.smpp.connection_count == 0)
