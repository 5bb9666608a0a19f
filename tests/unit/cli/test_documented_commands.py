"""Commands as the dialects' pages write them: each exists, with every option that it is given."""

from __future__ import annotations

import re
import shlex
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.unit.cli.conftest import Command

PAGES = Path(__file__).parents[3] / "docs/dialects"
_WORD = re.compile("[a-z-]+")


def documented() -> Iterator[str]:
    for page in sorted(PAGES.glob("*.md")):
        text = page.read_text(encoding="utf-8")
        yield from re.findall(r"^heliograph .*$", text, re.MULTILINE)
        yield from re.findall(r"`(heliograph [^`\n]+)`", text)


COMMANDS = sorted(set(documented()))


def test_there_are_some() -> None:
    assert len(COMMANDS) > 5


@pytest.mark.parametrize("line", COMMANDS)
def test_a_documented_command_is_there(command: Command, line: str) -> None:
    _, *words = shlex.split(line)
    named = list(takewhile(_WORD.fullmatch, words))[:2]

    explained = command(*named, "--help")

    assert explained.status == 0, explained.err
    assert " ".join(["heliograph", *named]) in explained.out
    for word in words:
        if word.startswith("--"):
            assert re.search(rf"{word}\b", explained.out), word
