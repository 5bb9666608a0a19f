from hypothesis import given
from hypothesis.strategies import floats, integers

from heliograph.simulators.faults import (
    ANY_TOKEN,
    TOKEN_ENDPOINT,
    Fault,
    FaultBook,
    Listener,
    Tally,
    is_among,
)
from heliograph.simulators.script import read_script


def test_a_fault_is_used_up():
    book = FaultBook()
    fault = Fault("ab", 500, times=2)
    book.add(fault)

    taken = [book.take("ab") for _ in range(3)]

    assert taken == [fault, fault, None]


def test_faults_of_a_token_come_in_their_order():
    book = FaultBook()
    for status in (500, 503):
        book.add(Fault("ab", status))

    assert [book.take("ab").status for _ in range(2)] == [500, 503]


def test_a_tokens_own_fault_comes_before_the_wildcard():
    book = FaultBook()
    book.add(Fault(ANY_TOKEN, 500))
    book.add(Fault("ab", 410))

    assert book.take("ab").status == 410
    assert book.take("ab").status == 500
    assert book.take("ab") is None


def test_a_fault_of_another_token_stays():
    book = FaultBook()
    book.add(Fault("ab", 410))

    assert book.take("cd") is None
    assert book.take("ab") is not None


def test_the_wildcard_spares_the_token_endpoint():
    book = FaultBook()
    book.add(Fault(ANY_TOKEN, 500))

    assert book.take(TOKEN_ENDPOINT) is None


def test_zero_times_clears_a_token():
    book = FaultBook()
    book.add(Fault("ab", 410, times=5))
    book.add(Fault("cd", 410))

    book.add(Fault("ab", times=0))

    assert book.take("ab") is None
    assert book.take("cd") is not None


def test_clear_clears_all():
    book = FaultBook()
    book.add(Fault("ab", 410))

    book.clear()

    assert book.take("ab") is None


def rules(*said):
    book = FaultBook()
    book.play(read_script({"rules": list(said)}))
    return book


def test_a_tokens_own_fault_comes_before_a_rule():
    book = rules({"status": 500})
    book.add(Fault("ab", 410))

    assert [book.take("ab", Tally(Listener.APNS)).status for _ in range(2)] == [410, 500]


def test_no_rule_is_about_a_call_that_is_no_push():
    assert rules({"status": 500}).take(TOKEN_ENDPOINT) is None


def test_pushes_are_counted_by_listener_from_when_the_script_was_given():
    book = rules({"nth": 2, "status": 500})
    first, second = Tally(Listener.APNS), Tally(Listener.APNS)
    other = Tally(Listener.FCM)

    taken = [book.take("ab", tally) for tally in (first, other, second)]
    book.play(read_script({"rules": [{"nth": 1, "by_connection": True, "status": 503}]}))
    again = [book.take("ab", tally) for tally in (first, second, second)]

    assert [fault and fault.status for fault in taken] == [None, None, 500]
    assert [fault and fault.status for fault in again] == [503, 503, None]


def test_a_script_without_rules_and_faults_used_up_leave_nothing_to_ask():
    book = rules({"status": 500})
    book.add(Fault("ab", 410))

    book.play([])
    before = book.is_empty
    book.take("ab")

    assert (before, book.is_empty) == (False, True)


@given(share=floats(0.05, 0.95), seed=integers(0, 2**32 - 1))
def test_a_share_of_many_tokens_is_about_that_share(share, seed):
    tokens = [f"{number * 7919:064x}" for number in range(2000)]

    chosen = sum(is_among(token, share, seed) for token in tokens)

    assert abs(chosen / len(tokens) - share) < 0.1


def test_a_relative_death_is_dated_when_it_is_told():
    fault = Fault("ab", 410, died_s_ago=60)

    assert fault.at(1_000_000).timestamp == 940_000
    assert Fault("ab", 410, timestamp=5).at(1_000_000).timestamp == 5
