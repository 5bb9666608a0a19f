from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.contract.providers.pages import NOW

from heliograph.core.errors import Unavailable
from heliograph.core.ids import new_id
from heliograph.core.model.receipt import ReceiptKind
from heliograph.outbound.smpp.pdus import BrokenPdu, Deliver, read_deliver
from heliograph.providers.sms.evidence import ReceiptDesk, Recent, SmsReceipt
from heliograph.providers.sms.receipts import read_receipt, spellings

APPLICATION = new_id(NOW)


def deliver(text="", esm_class=4, **parameters):
    tags = {"id": 0x001E, "state": 0x0427, "payload": 0x0424}
    given = {tags[name]: value for name, value in parameters.items()}
    return Deliver(esm_class, "491701234567", text.encode("latin-1"), given)


@pytest.mark.parametrize(
    ("said", "kind", "detail"),
    [
        ("DELIVRD", ReceiptKind.DELIVERED, "DELIVRD"),
        ("ACCEPTD", None, "ACCEPTD"),
        ("ENROUTE", None, "ENROUTE"),
        ("EXPIRED", ReceiptKind.FAILED, "EXPIRED"),
        ("DELETED", ReceiptKind.FAILED, "DELETED"),
        ("REJECTD", ReceiptKind.FAILED, "REJECTD"),
        ("UNKNOWN", ReceiptKind.FAILED, "UNKNOWN"),
        ("UNDELIV", ReceiptKind.FAILED, "UNDELIV"),
        ("WHATEVER", None, "WHATEVER"),
    ],
)
def test_every_stat_of_the_page(said, kind, detail):
    dates = "submit date:2603011200 done date:2603011201"
    text = f"id:0123 sub:001 dlvrd:001 {dates} stat:{said} err:000 text:x"

    receipt = read_receipt(deliver(text))

    assert (receipt.kind, receipt.detail) == (kind, detail)
    assert receipt.number == "491701234567"


@pytest.mark.parametrize(
    "text",
    [
        "id:7a sub:001 submit date:260301120000 done date:260301120001 stat:DELIVRD err:000 text:",
        "id:7a stat:DELIVRD err:00A",
        "ID: 7a STAT: delivrd",
        "stat:DELIVRD id:7a",
        "Text: hello id:7a stat:DELIVRD",
    ],
)
def test_centres_spell_their_receipts_as_they_like(text):
    receipt = read_receipt(deliver(text))

    assert receipt.kind is ReceiptKind.DELIVERED
    assert "7a" in receipt.message_ids


def test_a_receipt_may_have_no_text_at_all():
    receipt = read_receipt(deliver(id=b"7a\0", state=b"\x05"))

    assert receipt.kind is ReceiptKind.FAILED
    assert receipt.message_ids[0] == "7a"


@pytest.mark.parametrize(
    ("stat", "was_reached"),
    [
        ("DELIVRD", True),
        ("UNDELIV", False),
        ("EXPIRED", None),
        ("UNKNOWN", None),
        ("ENROUTE", None),
    ],
)
def test_some_reports_say_something_of_the_phone(stat, was_reached):
    assert read_receipt(deliver(f"id:1 stat:{stat}")).was_reached is was_reached


def test_an_error_that_is_one_is_told():
    assert read_receipt(deliver("id:1 stat:UNDELIV err:034")).detail == "UNDELIV err:034"


@pytest.mark.parametrize(
    "said",
    [deliver("hello", esm_class=0), deliver(""), deliver("stat:DELIVRD"), deliver(id=b"\x01")],
)
def test_what_is_no_receipt_is_none(said):
    assert read_receipt(said) is None


@given(st.integers(0, 2**32 - 1))
def test_an_id_is_found_however_it_is_spelled(number):
    for submitted in (f"{number:x}", f"{number:X}", f"{number:08x}", str(number)):
        for reported in (str(number), f"{number:010d}"):
            assert submitted in spellings(reported) or submitted.lstrip("0") in spellings(reported)
    assert str(number) in spellings(f"{number:x}")


@given(st.binary(max_size=200))
def test_no_octets_do_more_than_break_a_pdu(body):
    with suppress(BrokenPdu):
        read_receipt(read_deliver(body))


class Ledger:
    def __init__(self, known, trouble=0):
        self.known = known
        self.trouble = trouble
        self.asked = []

    async def of_provider(
        self, application_id, provider, message_id, kind, *, at, detail, was_reached
    ):
        self.asked.append(message_id)
        self.trouble -= 1
        if self.trouble == 0:
            raise Unavailable("database")
        return True if message_id in self.known else None


def receipt(*message_ids):
    return SmsReceipt(APPLICATION, message_ids, ReceiptKind.DELIVERED, NOW, "DELIVRD")


@pytest.mark.anyio
async def test_a_receipt_waits_for_the_page_that_is_being_written():
    ledger = Ledger(set())

    class Later(Ledger):
        async def of_provider(self, *said, **more):
            found = await Ledger.of_provider(self, *said, **more)
            self.known = {"1f"} if len(self.asked) >= 4 else set()
            return found

    ledger = Later(set())
    taken = await ReceiptDesk(ledger, pauses_s=(0, 0, 0)).take(receipt("31", "1f"))

    assert taken
    assert ledger.asked == ["31", "1f"] * 3


@pytest.mark.anyio
async def test_a_receipt_that_nobody_knows_is_asked_for_once_more_and_then_let_go():
    desk = ReceiptDesk(Ledger(set()), pauses_s=())

    assert [await desk.take(receipt("1")) for _ in range(2)] == [False, True]


@pytest.mark.anyio
async def test_a_receipt_stays_with_the_centre_while_the_store_is_away():
    desk = ReceiptDesk(Ledger({"1"}, trouble=1), pauses_s=())

    assert [await desk.take(receipt("1")) for _ in range(2)] == [False, True]


def test_only_so_many_ids_are_remembered():
    recent = Recent(size=2)

    for message_id in "abc":
        recent.note(APPLICATION, message_id)

    assert recent.find(APPLICATION, ["a"]) is None
    assert recent.find(APPLICATION, ["a", "c"]) == "c"
    assert recent.find(new_id(NOW), ["c"]) is None
