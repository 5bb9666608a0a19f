"""The page says what the code does."""

from pathlib import Path

import pytest

from heliograph.core.errors import ProblemKind
from heliograph.core.model.registration import Attribute, ProviderName
from heliograph.dialects.native import DIALECT
from heliograph.dialects.native.errors import TABLE

PAGE = (Path(__file__).parents[4] / "docs/dialects/native.md").read_text(encoding="utf-8")
HEADINGS = {line[3:].lower() for line in PAGE.splitlines() if line.startswith("## ")}


@pytest.mark.parametrize("route", DIALECT.routes, ids=lambda r: f"{r.method} {r.path}")
def test_every_route_is_on_the_page_with_its_answers(route):
    answers = ", ".join(str(status) for status in route.answers)

    assert f"| `{route.method} {route.path}` | {answers} |" in PAGE


@pytest.mark.parametrize("route", DIALECT.routes, ids=lambda r: f"{r.method} {r.path}")
def test_every_source_is_a_heading_of_the_page(route):
    page, _, heading = route.source.partition("#")

    assert page == "docs/dialects/native.md"
    assert heading in HEADINGS


@pytest.mark.parametrize("reply", TABLE.values(), ids=lambda reply: reply.code)
def test_every_reply_code_is_on_the_page(reply):
    assert f"| {reply.status} | `{reply.code}` |" in PAGE


@pytest.mark.parametrize("word", [*ProblemKind, *Attribute, *ProviderName])
def test_every_word_of_the_api_is_on_the_page(word):
    assert f"`{word}`" in PAGE
