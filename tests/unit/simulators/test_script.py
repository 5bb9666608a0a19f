import json
import re
from pathlib import Path

import pytest

from heliograph.core.errors import InvalidRequest, ProblemKind
from heliograph.simulators.faults import Action, Fault, Listener, Rule
from heliograph.simulators.script import read_fault, read_script, schema


def problems(read, body):
    with pytest.raises(InvalidRequest) as caught:
        read(body)
    return [(problem.field, problem.kind, problem.expected) for problem in caught.value.problems]


def test_a_fault_is_read_with_its_defaults():
    fault = read_fault({"token": "ab", "status": 410, "reason": "Unregistered"})

    assert fault == Fault("ab", 410, "Unregistered")
    assert (fault.times, fault.action, fault.delay_ms) == (1, Action.REPLY, 0)


def test_a_fault_is_read_with_everything_a_reply_may_have():
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

    fault = read_fault(said)

    assert fault == Fault(
        "*", 410, "Unregistered", 1_700_000_000_000, 3, 30, 5, Action.REPLY, "message.token"
    )


def test_null_counts_as_absent():
    assert read_fault({"token": "ab", "status": 500, "reason": None}) == Fault("ab", 500)


@pytest.mark.parametrize(
    ("said", "field", "expected"),
    [
        ([], "", "an object"),
        ({"status": 500}, "token", "present"),
        ({"token": "", "status": 500}, "token", "1 or more characters"),
        ({"token": 5, "status": 500}, "token", "a string"),
        ({"token": "ab"}, "", "with a status, which a reply needs"),
        ({"token": "ab", "status": 600}, "status", "at most 599"),
        ({"token": "ab", "status": True}, "status", "an integer"),
        ({"token": "ab", "status": 500, "times": -1}, "times", "at least 0"),
        ({"token": "ab", "status": 500, "delay_ms": 1.5}, "delay_ms", "an integer"),
        (
            {"token": "ab", "status": 500, "timestamp": 5},
            "",
            "free of timestamp: it goes with status 410 only",
        ),
        (
            {"token": "ab", "status": 410, "timestamp": 5, "died_s_ago": 1},
            "",
            "free of timestamp or of died_s_ago",
        ),
        (
            {"token": "ab", "action": "hang", "delay_ms": 5},
            "",
            "free of delay_ms: it goes with the action reply",
        ),
        (
            {"token": "ab", "status": 500, "last_stream_id": 5},
            "",
            "free of last_stream_id: it goes with the action goaway",
        ),
        ({"token": "ab", "action": "squeeze"}, "", "with max_streams or window_bytes"),
        ({"token": "ab", "status": 500, "colour": 1}, "colour", "absent"),
    ],
)
def test_a_wrong_fault_names_its_problem(said, field, expected):
    ((named, _, told),) = problems(read_fault, said)

    assert (named, told) == (field, expected)


def test_an_unknown_action_is_answered_with_those_there_are():
    ((field, kind, expected),) = problems(read_fault, {"token": "ab", "action": "explode"})

    assert (field, kind) == ("action", ProblemKind.NOT_ALLOWED)
    assert all(action.value in expected for action in Action)


def test_every_problem_is_named_at_once():
    assert len(problems(read_fault, {"status": 1, "times": "x", "colour": 1})) == 4


@pytest.mark.parametrize("action", [each for each in Action if each not in {"reply", "squeeze"}])
def test_only_a_reply_needs_a_status(action):
    fault = read_fault({"token": "ab", "action": action.value})

    assert fault.status is None
    assert not fault.takes_push


def test_a_rule_says_which_and_what():
    (rule,) = read_script(
        {
            "rules": [
                {
                    "listener": "apns",
                    "first": 10,
                    "last": 20,
                    "every": 2,
                    "share": 0.5,
                    "of_pushes": True,
                    "seed": 7,
                    "by_connection": True,
                    "times": 3,
                    "action": "rst",
                    "reason": "CANCEL",
                }
            ]
        }
    )

    assert rule == Rule(
        Fault("*", reason="CANCEL", action=Action.RST),
        listener=Listener.APNS,
        first=10,
        last=20,
        every=2,
        share=0.5,
        of_pushes=True,
        seed=7,
        by_connection=True,
        left=3,
    )


def test_a_delay_alone_delays_what_would_be_answered_anyhow():
    (rule,) = read_script({"rules": [{"token": "*", "delay_ms": 20}]})

    assert rule == Rule(Fault("*", 200, delay_ms=20))


@pytest.mark.parametrize(
    ("rule", "field", "expected"),
    [
        ({"nht": 3, "status": 500}, "rules.0.nht", "absent"),
        ({"nth": 0, "status": 500}, "rules.0.nth", "at least 1"),
        (
            {"nth": 1, "every": 2, "status": 500},
            "rules.0",
            "free of first, last and every with nth",
        ),
        ({"first": 3, "last": 2, "status": 500}, "rules.0", "with last no smaller than first"),
        ({"share": 0, "status": 500}, "rules.0.share", "greater than 0.0"),
        ({"nth": 1}, "rules.0", "with a status, which a reply needs"),
    ],
)
def test_a_wrong_rule_names_its_problem(rule, field, expected):
    ((named, _, told),) = problems(read_script, {"rules": [rule]})

    assert (named, told) == (field, expected)


def test_the_schema_names_every_key_and_no_other():
    said = schema()
    rule = said["$defs"]["RuleBody"]

    assert said["additionalProperties"] is rule["additionalProperties"] is False
    assert {"nth", "share", "seed", "action", "max_streams", "died_s_ago"} <= set(
        rule["properties"]
    )


DOCUMENT = Path(__file__).parents[3] / "docs" / "simulators.md"


def test_every_example_of_the_document_is_a_rule_and_no_action_lacks_one():
    table = DOCUMENT.read_text().partition("| fault | example of a rule |")[2]
    examples = [json.loads(found) for found in re.findall(r"\| `(\{.*\})` \|", table)]

    rules = read_script({"rules": examples})

    assert {rule.fault.action for rule in rules} == set(Action)


def test_every_key_of_a_rule_is_in_the_document():
    text = DOCUMENT.read_text().partition("## Scripts")[2]

    assert [
        key for key in schema()["$defs"]["RuleBody"]["properties"] if f"`{key}`" not in text
    ] == []
