"""The messages that people read, by code and language; the texts are a data file."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

DEFAULT_LANGUAGE = "en-US"

MESSAGES: Mapping[str, Mapping[str, str]] = json.loads(
    files(__package__).joinpath("messages.json").read_text(encoding="utf-8")
)
"""Code -> language -> text. Every code has one in the default language; a test counts them."""


def message_of(code: str, facts: Mapping[str, str], *, language: str = DEFAULT_LANGUAGE) -> str:
    """Say what a code means in a language, or in the default one where it has no text."""
    texts = MESSAGES[code]
    return texts.get(language, texts[DEFAULT_LANGUAGE]).format_map(facts)
