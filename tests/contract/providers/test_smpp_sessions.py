"""SMPP sessions that end while messages are under way: none of them is sent twice for it."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from tests.contract.providers.pages import NOW, batch_of, target, until
from tests.contract.providers.smpp_accounts import NUMBER, Sink, account_of, numbers, provider_of

from heliograph.core.ids import new_id
from heliograph.core.model.outcome import Accepted, Deferred
from heliograph.simulators.faults import SMPP_BIND, Fault

pytestmark = pytest.mark.anyio

SECONDS = timedelta(seconds=1)


@pytest.fixture
async def sms(clock):
    provider = provider_of(clock, Sink())
    yield provider
    await provider.close()


def newer_of(account):
    return replace(account, id=new_id(NOW + SECONDS))


async def test_a_newer_account_lets_the_formers_messages_be_answered(fakes, sms):
    account = account_of(fakes)
    fakes.faults.add(Fault(NUMBER, 200, delay_ms=200))
    under_way = asyncio.create_task(sms.send(batch_of(account, target(NUMBER)), now=NOW))
    await until(lambda: fakes.smpp.submitted)

    (other,) = await sms.send(batch_of(newer_of(account), target(numbers(1)[0])), now=NOW)

    (outcome,) = await under_way
    assert isinstance(outcome, Accepted)
    assert isinstance(other, Accepted)
    await until(lambda: fakes.smpp.connection_count == 1)


async def test_what_a_replaced_account_has_not_sent_yet_is_left_to_the_newer_one(fakes, sms):
    account = account_of(fakes, window=1)
    fakes.faults.add(Fault(NUMBER, 200, delay_ms=200))
    batch = batch_of(account, target(NUMBER), *map(target, numbers(2)))
    under_way = asyncio.create_task(sms.send(batch, now=NOW))
    await until(lambda: fakes.smpp.submitted)

    await sms.send(batch_of(newer_of(account), target("+4915112345678")), now=NOW)

    first, *others = await under_way
    assert isinstance(first, Accepted)
    assert others == [Deferred("the session is being ended")] * 2
    assert [part.number for part in fakes.smpp.submitted] == ["491701234567", "4915112345678"]


async def test_a_page_of_a_replaced_account_opens_no_session_any_more(fakes, sms):
    account = account_of(fakes)
    await sms.send(batch_of(newer_of(account), target(NUMBER)), now=NOW)

    (outcome,) = await sms.send(batch_of(account, target(NUMBER)), now=NOW)

    assert outcome == Deferred("the account was replaced", timedelta(0))
    assert fakes.smpp.binds == fakes.smpp.connection_count == 1


async def test_an_account_that_is_replaced_while_it_binds_leaves_no_session_behind(fakes, sms):
    account = account_of(fakes)
    fakes.faults.add(Fault(SMPP_BIND, 200, delay_ms=200))
    under_way = asyncio.create_task(sms.send(batch_of(account, target(NUMBER)), now=NOW))
    await until(lambda: fakes.smpp.binds == 1)

    await sms.send(batch_of(newer_of(account), target(NUMBER)), now=NOW)

    (outcome,) = await under_way
    assert isinstance(outcome, Deferred)
    await until(lambda: fakes.smpp.binds == 2 and fakes.smpp.connection_count == 1)


async def test_a_session_in_the_wrong_state_answers_what_is_under_way_before_it_ends(fakes, sms):
    account = account_of(fakes)
    slow, late = numbers(2)
    fakes.faults.add(Fault(NUMBER, 400, "ESME_RINVBNDSTS"))
    fakes.faults.add(Fault(slow, 200, delay_ms=200))
    under_way = asyncio.create_task(sms.send(batch_of(account, target(slow)), now=NOW))
    await until(lambda: fakes.smpp.submitted)

    await sms.send(batch_of(account, target(NUMBER)), now=NOW)
    (other,) = await sms.send(batch_of(account, target(late)), now=NOW)

    (outcome,) = await under_way
    assert isinstance(outcome, Accepted)
    assert isinstance(other, Accepted)
    assert fakes.smpp.binds == 2


async def test_a_centre_that_ends_session_after_session_is_not_hammered(fakes, sms):
    account = account_of(fakes)
    await sms.send(batch_of(account, target(NUMBER)), now=NOW)
    fakes.smpp.drop()
    await until(lambda: fakes.smpp.binds == 2 and fakes.smpp.connection_count == 1)
    fakes.smpp.drop()
    await until(lambda: fakes.smpp.connection_count == 0)

    (outcome,) = await sms.send(batch_of(account, target(NUMBER)), now=NOW)

    assert outcome == Deferred("the SMS centre ended the last session at once")
    assert fakes.smpp.binds == 2
