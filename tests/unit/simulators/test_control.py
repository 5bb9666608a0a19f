from datetime import UTC, datetime

import pytest

from heliograph.simulators.control import inbox_json, script_fault
from heliograph.simulators.faults import Fault, FaultBook
from heliograph.simulators.inbox import Inbox, ReceivedPush


def test_the_inbox_is_listed_for_one_token_or_all():
    inbox = Inbox()
    for token in ("aa", "bb"):
        inbox.add(ReceivedPush("apns", token, {}, b"{}", datetime(2026, 5, 4, tzinfo=UTC)))

    assert [push["token"] for push in inbox_json(inbox, None)] == ["aa", "bb"]
    assert [push["token"] for push in inbox_json(inbox, "bb")] == ["bb"]


def test_a_scripted_fault_is_said_back_with_its_defaults():
    faults = FaultBook()

    said = script_fault(faults, {"token": "aa", "status": 410, "reason": "Unregistered"})

    assert said == {
        "token": "aa",
        "status": 410,
        "reason": "Unregistered",
        "times": 1,
        "delay_ms": 0,
        "action": "reply",
    }
    assert faults.take("aa") == Fault("aa", 410, "Unregistered")


def test_a_wrong_fault_is_refused_and_not_added():
    faults = FaultBook()

    with pytest.raises(ValueError):
        script_fault(faults, {"token": "aa", "status": 9})

    assert faults.take("aa") is None
