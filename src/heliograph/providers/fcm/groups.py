"""FCM's own groups of devices: topics by name, and conditions over topics.

Source: docs/providers/fcm.md, "Targets".
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from heliograph.core.model.audience import AddressForm
from heliograph.providers.fcm.settings import MAX_CONDITION_TOPICS, MAX_TOPIC_CHARS

if TYPE_CHECKING:
    from heliograph.core.model.audience import Address

_PREFIX: Final = "/topics/"
_NAME: Final = rf"[a-zA-Z0-9\-_.~%]{{1,{MAX_TOPIC_CHARS}}}"
_is_name: Final = re.compile(_NAME).fullmatch
_TERM: Final = re.compile(rf"(?:'{_NAME}'|\"{_NAME}\")\s+in\s+topics\b")
_OPERATOR: Final = re.compile(r"\s*(&&|\|\||[!()T])\s*")
_is_skeleton: Final = re.compile(r"(?:&&|\|\||[!()T])+").fullmatch
# Five topics need no more; without a bound, parentheses could be made to cost seconds.
_MOST_OPERATORS: Final = 100
# A term, negated or in parentheses, is a term again; so are two of them joined.
_REDUCIBLE: Final = re.compile(r"!T|\(T\)|T&&T|T\|\|T")


def topic_name(text: str) -> str:
    """Take a topic's name as FCM wants it: without `/topics/`, which old clients put before it."""
    return text.removeprefix(_PREFIX)


def check_target(address: Address) -> str | None:
    """Complete "must be …" for what is no topic or condition; tokens are Google's to judge."""
    match address.form:
        case AddressForm.TOPIC if topic_problem(address.token) is not None:
            return f"1 to {MAX_TOPIC_CHARS} letters, digits or -_.~%"
        case AddressForm.CONDITION:
            problem = condition_problem(address.token)
            return problem and f"a condition that FCM can read ({problem})"
        case _:
            return None


def topic_problem(text: str) -> str | None:
    """Say what is wrong with a topic's name; None for a good one."""
    if _is_name(topic_name(text)):
        return None
    return f"a topic is 1 to {MAX_TOPIC_CHARS} letters, digits or -_.~%"


def condition_problem(text: str) -> str | None:
    """Say what is wrong with a condition; None for a good one.

    text: `'a' in topics && ('b' in topics || !('c' in topics))`, at most 5 topics.
    """
    skeleton, topics = _TERM.subn("T", text)
    if topics > MAX_CONDITION_TOPICS:
        return f"a condition names at most {MAX_CONDITION_TOPICS} topics, not {topics}"
    skeleton = _OPERATOR.sub(r"\1", skeleton)
    # A letter T in the text itself would pass for a term.
    if not _is_skeleton(skeleton) or not topics or skeleton.count("T") != topics:
        return "a condition is 'name' in topics, joined by &&, ||, ! and parentheses"
    if len(skeleton) > _MOST_OPERATORS:
        return f"a condition has at most {_MOST_OPERATORS} operators"
    reduced = -1
    while reduced:
        skeleton, reduced = _REDUCIBLE.subn("T", skeleton)
    return None if skeleton == "T" else "the parts of the condition don't fit together"
