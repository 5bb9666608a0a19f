"""How commands speak: a table for people, JSON for machines, a sentence for trouble."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]


def show(rows: Sequence[Mapping[str, Any]], *, as_json: bool, empty: str) -> None:
    """Print a list; `empty` is the sentence for no rows."""
    if as_json:
        print(json.dumps(list(rows), ensure_ascii=False, indent=2))
        return
    if not rows:
        print(empty)
        return
    table = Table(*rows[0])
    for row in rows:
        # Text, not str: square brackets in a name are no markup.
        table.add_row(*(Text(_shown(value)) for value in row.values()))
    # Ids and tokens are there to be copied: wide lines wrap nowhere.
    Console(width=max(200, Console().width)).print(table, soft_wrap=True)


def show_one(row: Mapping[str, Any], *, as_json: bool, next_step: str = "") -> None:
    """Print one new thing, and what to do with it."""
    if as_json:
        print(json.dumps(dict(row), ensure_ascii=False, indent=2))
        return
    width = max(map(len, row))
    for name, value in row.items():
        print(f"{name:<{width}}  {_shown(value)}")
    if next_step:
        print(f"\n{next_step}")


def complain(sentence: str) -> None:
    """Tell the operator what is wrong, on standard error."""
    print(f"heliograph: {_shown(sentence)}", file=sys.stderr)


def _shown(value: object) -> str:
    """Spell a value for a terminal, which must obey none of its control characters."""
    text = "" if value is None else str(value)
    if text.isprintable():
        return text
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode()
        for letter in text
    )
