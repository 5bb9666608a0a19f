from __future__ import annotations

from pathlib import Path
from string import Formatter
from typing import TYPE_CHECKING

import pytest

from heliograph.dialects.mobilefirst.errors import table
from heliograph.dialects.mobilefirst.errors.messages import (
    DEFAULT_LANGUAGE,
    MESSAGES,
    message_of,
)

if TYPE_CHECKING:
    from heliograph.web.dialect import Reply

PAGE = (Path(__file__).parents[4] / "docs/dialects/mobilefirst.md").read_text()
REPLIES = [*table.TABLE.values(), *table.FINER]


@pytest.mark.parametrize("reply", REPLIES, ids=lambda reply: reply.code)
def test_every_reply_has_its_row_on_the_page(reply: Reply) -> None:
    assert f"| {reply.status} | `{reply.code}` |" in PAGE


@pytest.mark.parametrize("reply", [*table.TOKEN_TABLE.values(), table.UNSUPPORTED_GRANT])
def test_every_error_of_the_token_endpoint_is_on_the_page(reply: Reply) -> None:
    assert f"`{reply.code}`" in PAGE
    assert str(reply.status) in PAGE


def test_every_code_has_its_text_and_every_text_its_code() -> None:
    assert set(MESSAGES) == {reply.code for reply in REPLIES}
    assert all(DEFAULT_LANGUAGE in texts for texts in MESSAGES.values())


def test_a_code_tells_the_same_facts_in_every_language() -> None:
    for texts in MESSAGES.values():
        facts = [{name for _, name, _, _ in Formatter().parse(text)} for text in texts.values()]
        assert all(each == facts[0] for each in facts)


def test_both_tables_answer_the_same_errors() -> None:
    assert set(table.TOKEN_TABLE) == set(table.TABLE)


def test_a_language_without_a_text_gets_the_default_one() -> None:
    facts = {"kind": "device", "id": "{x}"}

    assert message_of("FPWSE0001E", facts, language="tlh") == "The device '{x}' does not exist."
