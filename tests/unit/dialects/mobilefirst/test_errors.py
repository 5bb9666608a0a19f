from __future__ import annotations

from pathlib import Path
from string import Formatter
from typing import TYPE_CHECKING

import pytest

from heliograph.dialects.mobilefirst.errors import table
from heliograph.dialects.mobilefirst.errors.messages import (
    KINDS,
    LANGUAGES,
    MESSAGES,
    language_of,
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


def test_every_language_has_every_text_and_no_other() -> None:
    assert set(MESSAGES) == set(LANGUAGES)
    for texts in MESSAGES.values():
        assert set(texts) == {reply.code for reply in REPLIES}


def test_a_code_tells_the_same_facts_in_every_language() -> None:
    for reply in REPLIES:
        texts = [texts[reply.code] for texts in MESSAGES.values()]
        facts = [{name for _, name, _, _ in Formatter().parse(text)} for text in texts]
        assert all(each == facts[0] for each in facts)


def test_every_language_names_the_same_things() -> None:
    assert len({frozenset(names) for names in KINDS.values()}) == 1


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ([], "en-US"),
        ([""], "en-US"),
        (["tlh"], "en-US"),
        (["de"], "de"),
        (["DE-at"], "de"),
        (["tlh, fr;q=0.5, de;q=0.7"], "de"),
        (["tlh", "it"], "it"),
        (["pt"], "pt-BR"),
        (["pt_BR"], "pt-BR"),
        (["zh-TW"], "zh-Hant"),
        (["zh-Hant-HK"], "zh-Hant"),
        (["zh"], "zh-Hans"),
        (["ja;q=0, ko;q=0.1"], "ko"),
        (["ja;q=nonsense, ko;q=0.1"], "ko"),
        (["en-GB, de"], "en-US"),
        (["*"], "en-US"),
        ([",;=,;q=;;"], "en-US"),
    ],
)
def test_the_language_that_a_caller_likes_best(accepted: list[str], language: str) -> None:
    assert language_of(accepted) == language


def test_a_thing_is_named_in_the_language() -> None:
    facts = {"kind": "device", "id": "x"}

    assert message_of("FPWSE0001E", facts, language="de") == "Nicht vorhanden: Gerät 'x'."


def test_both_tables_answer_the_same_errors() -> None:
    assert set(table.TOKEN_TABLE) == set(table.TABLE)


def test_a_language_without_a_text_gets_the_default_one() -> None:
    facts = {"kind": "device", "id": "{x}"}

    assert message_of("FPWSE0001E", facts, language="tlh") == "The device '{x}' does not exist."
