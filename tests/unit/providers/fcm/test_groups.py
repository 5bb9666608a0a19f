import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heliograph.providers.fcm.groups import condition_problem, topic_name, topic_problem

NAMES = st.text("abzAZ09-_.~%", min_size=1, max_size=20)


@pytest.mark.parametrize("name", ["news", "/topics/news", "a-b_c.d~e%f", "x" * 900, "T"])
def test_a_topics_name_is_taken(name):
    assert topic_problem(name) is None


@pytest.mark.parametrize("name", ["", "/topics/", "a b", "a/b", "ä", "x" * 901, "a\n", "'a'"])
def test_another_name_is_not(name):
    assert topic_problem(name) == "a topic is 1 to 900 letters, digits or -_.~%"


@pytest.mark.parametrize("text", ["news", "/topics/news"])
def test_old_clients_prefix_is_left_out(text):
    assert topic_name(text) == "news"


@pytest.mark.parametrize(
    "condition",
    [
        "'a' in topics",
        '"a" in topics',
        "!('a' in topics)",
        "!'a' in topics",
        "'a' in topics && ('b' in topics || !('c' in topics))",
        "'a' in topics&&'b' in topics||'c' in topics",
        "((('T' in topics)))",
        " || ".join(f"'{letter}' in topics" for letter in "abcde"),
        "'a'\tin  topics",
    ],
)
def test_a_condition_is_taken(condition):
    assert condition_problem(condition) is None


@pytest.mark.parametrize(
    "condition",
    [
        "",
        "news",
        "T",
        "'a' in topics T",
        "'a' in topic",
        "'a b' in topics",
        "'a' in topics and 'b' in topics",
        "'a' in topics & 'b' in topics",
        "'a' in topics & & 'b' in topics",
        "a in topics",
        "''  in topics",
    ],
)
def test_words_that_no_condition_has_are_refused(condition):
    problem = "a condition is 'name' in topics, joined by &&, ||, ! and parentheses"
    assert condition_problem(condition) == problem


@pytest.mark.parametrize(
    "condition",
    [
        "'a' in topics &&",
        "&& 'a' in topics",
        "'a' in topics 'b' in topics",
        "('a' in topics",
        "'a' in topics)",
        "()'a' in topics",
        "'a' in topics !&& 'b' in topics",
    ],
)
def test_parts_that_dont_fit_are_refused(condition):
    assert condition_problem(condition) == "the parts of the condition don't fit together"


def test_a_sixth_topic_is_one_too_many():
    condition = " && ".join(f"'t{number}' in topics" for number in range(6))

    assert condition_problem(condition) == "a condition names at most 5 topics, not 6"


def test_a_hostile_condition_costs_little():
    began = time.process_time()

    problem = condition_problem("!" * 4000 + "'a' in topics")

    assert problem == "a condition has at most 100 operators"
    assert time.process_time() - began < 1


CONDITIONS = st.recursive(
    NAMES.map(lambda name: (f"'{name}' in topics", 1)),
    lambda inner: (
        inner.map(lambda part: (f"!({part[0]})", part[1]))
        | st.tuples(inner, st.sampled_from(["&&", " || "]), inner).map(
            lambda parts: (f"({parts[0][0]}){parts[1]}({parts[2][0]})", parts[0][1] + parts[2][1])
        )
    ),
    max_leaves=5,
)


@given(CONDITIONS)
def test_whatever_is_built_by_the_rules_is_taken(condition):
    text, topics = condition

    assert topics <= 5
    assert condition_problem(text) is None
