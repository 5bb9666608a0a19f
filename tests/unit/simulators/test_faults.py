import pytest

from heliograph.simulators.faults import ANY_TOKEN, TOKEN_ENDPOINT, Action, Fault, FaultBook


def test_a_fault_is_read_with_its_defaults():
    fault = Fault.from_json({"token": "ab", "status": 410, "reason": "Unregistered"})

    assert fault == Fault("ab", 410, "Unregistered")
    assert (fault.times, fault.action, fault.delay_ms) == (1, Action.REPLY, 0)


def test_a_fault_is_read_with_everything():
    said = {
        "token": "*",
        "status": 410,
        "reason": "Unregistered",
        "timestamp": 1_700_000_000_000,
        "times": 3,
        "retry_after": 30,
        "delay_ms": 5,
        "action": "reply",
        "field": "message.token",
    }

    fault = Fault.from_json(said)

    assert fault == Fault(
        "*", 410, "Unregistered", 1_700_000_000_000, 3, 30, 5, Action.REPLY, "message.token"
    )


def test_null_counts_as_absent():
    assert Fault.from_json({"token": "ab", "status": 500, "reason": None}) == Fault("ab", 500)


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        ([], "a fault must be an object"),
        ({"status": 500}, "token: missing"),
        ({"token": "", "status": 500}, "token: must be a non-empty string"),
        ({"token": 5, "status": 500}, "token: must be a non-empty string"),
        ({"token": "ab"}, "status: missing"),
        ({"token": "ab", "status": 600}, "status: must be a whole number from 200 to 599"),
        ({"token": "ab", "status": True}, "status: must be a whole number from 200 to 599"),
        ({"token": "ab", "status": 500, "reason": 1}, "reason: must be a non-empty string"),
        ({"token": "ab", "status": 500, "times": -1}, "times: must be a whole number from 0"),
        ({"token": "ab", "status": 500, "retry_after": "5"}, "retry_after: must be a whole"),
        ({"token": "ab", "status": 500, "delay_ms": 1.5}, "delay_ms: must be a whole number"),
        ({"token": "ab", "status": 500, "timestamp": 5}, "timestamp: goes with status 410 only"),
        ({"token": "ab", "status": 500, "action": "explode"}, "action: must be one of reply,"),
        ({"token": "ab", "action": "hang", "delay_ms": 5}, "delay_ms: goes with the action reply"),
        ({"token": "ab", "status": 500, "color": 1}, "color: unknown field"),
    ],
)
def test_a_wrong_fault_names_its_problem(said, problem):
    with pytest.raises(ValueError) as caught:
        Fault.from_json(said)

    assert problem in str(caught.value)


def test_a_wrong_fault_names_every_problem():
    with pytest.raises(ValueError) as caught:
        Fault.from_json({"status": 1, "times": "x", "colour": 1})

    assert len(str(caught.value).split("; ")) == 4


@pytest.mark.parametrize("action", ["goaway", "rst", "hang", "close"])
def test_only_a_reply_needs_a_status(action):
    fault = Fault.from_json({"token": "ab", "action": action})

    assert fault.status is None
    assert not fault.takes_push


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

    book.add(Fault.from_json({"token": "ab", "times": 0}))

    assert book.take("ab") is None
    assert book.take("cd") is not None


def test_clear_clears_all():
    book = FaultBook()
    book.add(Fault("ab", 410))

    book.clear()

    assert book.take("ab") is None
