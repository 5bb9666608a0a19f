"""Use cases of receipts."""

from __future__ import annotations

from datetime import timedelta

import pytest

from heliograph.core.errors import InvalidRequest, NotFound, NotPermitted
from heliograph.core.ids import new_id
from heliograph.core.model.application import Application
from heliograph.core.model.delivery import Delivery, DeliveryState
from heliograph.core.model.identity import (
    ALL_SCOPES,
    ApiClient,
    ClientPrincipal,
    Scope,
    Session,
    SessionForm,
    SessionPrincipal,
)
from heliograph.core.model.receipt import Receipt, ReceiptCounters, ReceiptKind
from heliograph.core.model.registration import ProviderName
from heliograph.core.notifications.receipts import MAX_DETAIL_CHARS, Receipts
from heliograph.core.stores.webhooks import MessagePlace

pytestmark = pytest.mark.anyio


class Shelf:
    """Keeps receipts in memory; knows one delivery."""

    def __init__(self, target_id):
        self.target_id = target_id
        self.receipts = []
        self.place = None

    async def add_receipt(self, receipt):
        if receipt.target_id not in (self.target_id, None):
            return None
        is_new = not any(each.kind is receipt.kind for each in self.receipts)
        self.receipts.append(receipt)
        return is_new

    async def place_of(self, application_id, provider, provider_message_id):
        return self.place if provider_message_id == "msg-1" else None

    async def counters(self, notification_id):
        return ReceiptCounters(opened=len(self.receipts))

    async def of_deliveries(self, notification_id, targets):
        return {(0, self.target_id): {each.kind: each.at for each in self.receipts}}


class OwnRegistrations:
    """Finds one registration for whoever asks."""

    def __init__(self, registration_id):
        self.registration_id = registration_id

    async def get(self, principal, application, registration_id):
        if registration_id != self.registration_id:
            raise NotFound("registration", "reg_")


@pytest.fixture
def application(clock):
    return Application(new_id(clock.now()), new_id(clock.now()), "an app", clock.now())


@pytest.fixture
def target_id(clock):
    return new_id(clock.now())


@pytest.fixture
def shelf(target_id):
    return Shelf(target_id)


@pytest.fixture
def receipts(shelf, target_id, clock):
    return Receipts(shelf, OwnRegistrations(target_id), clock)


def back_end(application, *scopes):
    now = application.created
    rights = frozenset(scopes) or ALL_SCOPES
    client = ApiClient(new_id(now), application.account_id, "back end", rights, now)
    return ClientPrincipal(client)


def device(application):
    now = application.created
    return SessionPrincipal(
        Session(
            new_id(now),
            application.account_id,
            application.id,
            new_id(now),
            new_id(now),
            SessionForm.NATIVE,
            now,
            now + timedelta(days=1),
        )
    )


def said(application, clock, **rest):
    values = {"kind": ReceiptKind.OPENED, "at": clock.now()} | rest
    return Receipt(application.id, new_id(clock.now()), **values)


async def test_a_receipt_is_new_once(receipts, application, clock, target_id):
    opened = said(application, clock, target_id=target_id)

    for principal, is_new in ((back_end(application), True), (device(application), False)):
        assert await receipts.record(principal, application, opened) is is_new


async def test_a_time_to_come_is_taken_as_now(receipts, shelf, application, clock, target_id):
    early = said(application, clock, target_id=target_id, at=clock.now() + timedelta(days=1))

    await receipts.record(back_end(application), application, early)

    assert shelf.receipts[0].at == clock.now()


async def test_a_session_reports_for_its_own_registrations(receipts, application, clock):
    with pytest.raises(NotFound, match="registration"):
        await receipts.record(
            device(application), application, said(application, clock, target_id=bytes(16))
        )
    with pytest.raises(InvalidRequest) as caught:
        await receipts.record(
            device(application), application, said(application, clock, recipient=1)
        )
    assert caught.value.problems[0].field == "registration_id"


async def test_what_was_never_sent_there_is_not_found(receipts, shelf, application, clock):
    stranger = said(application, clock, target_id=bytes(16))
    shelf.target_id = None

    with pytest.raises(NotFound, match="to reg_0"):
        await receipts.record(back_end(application), application, stranger)
    shelf.add_receipt = _nothing
    with pytest.raises(NotFound, match="to recipient 3"):
        await receipts.record(
            back_end(application), application, said(application, clock, recipient=3)
        )


async def _nothing(receipt):
    return None


async def test_a_detail_has_a_bound(receipts, application, clock, target_id):
    long = said(application, clock, target_id=target_id, detail="x" * (MAX_DETAIL_CHARS + 1))

    with pytest.raises(InvalidRequest) as caught:
        await receipts.record(back_end(application), application, long)

    assert caught.value.problems[0].field == "detail"


async def test_a_network_reports_by_its_own_id(receipts, shelf, application, clock, target_id):
    shelf.place = MessagePlace(new_id(clock.now()), target_id, 4)
    report = receipts.of_provider

    first = await report(
        application.id, ProviderName.SMS, "msg-1", ReceiptKind.DELIVERED, detail="DELIVRD" * 99
    )
    unknown = await report(application.id, ProviderName.SMS, "msg-2", ReceiptKind.FAILED)

    assert (first, unknown) == (True, None)
    [kept] = shelf.receipts
    assert (kept.recipient, kept.at, len(kept.detail)) == (4, clock.now(), MAX_DETAIL_CHARS)


async def test_receipts_stand_beside_deliveries_in_their_order(
    receipts, application, clock, target_id
):
    await receipts.record(
        back_end(application), application, said(application, clock, target_id=target_id)
    )
    rows = [
        Delivery(
            new_id(clock.now()),
            target,
            target[-1],
            0,
            DeliveryState.ACCEPTED,
            ProviderName.FCM,
            1,
            clock.now(),
            is_registered=True,
        )
        for target in (bytes(16), target_id)
    ]

    found = await receipts.of_deliveries(back_end(application), application, rows)

    assert list(found) == [{}, {ReceiptKind.OPENED: clock.now()}]
    assert await receipts.of_deliveries(back_end(application), application, []) == ()
    counted = await receipts.counters(back_end(application), application, rows[0].notification_id)
    assert counted == ReceiptCounters(opened=1)


async def test_each_use_case_needs_its_right(receipts, application, clock, target_id):
    stranger = back_end(application, Scope.APPLICATIONS_READ)

    for call in (
        receipts.record(stranger, application, said(application, clock, target_id=target_id)),
        receipts.counters(stranger, application, new_id(clock.now())),
        receipts.of_deliveries(stranger, application, []),
    ):
        with pytest.raises(NotPermitted):
            await call
