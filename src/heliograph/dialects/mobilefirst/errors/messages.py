"""The messages that people read, by language and code; the texts are data files.

Source: docs/dialects/mobilefirst.md, "Languages".
"""

from __future__ import annotations

import json
from importlib.resources import files
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

DEFAULT_LANGUAGE = "en-US"

LANGUAGES = (
    DEFAULT_LANGUAGE,
    "de",
    "es",
    "fr",
    "it",
    "ja",
    "ko",
    "pt-BR",
    "zh-Hans",
    "zh-Hant",
)

_TEXTS = {
    language: json.loads(
        files(__package__).joinpath("texts", f"{language}.json").read_text(encoding="utf-8")
    )
    for language in LANGUAGES
}

KINDS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {language: texts.pop("kinds") for language, texts in _TEXTS.items()}
)
"""Language -> what the core calls a thing -> what people do."""

MESSAGES: Mapping[str, Mapping[str, str]] = MappingProxyType(_TEXTS)
"""Language -> code -> text."""

# Chinese is asked for by place as often as by script.
_KNOWN_AS: Mapping[str, str] = MappingProxyType(
    {
        **{language.lower(): language for language in LANGUAGES},
        "en": DEFAULT_LANGUAGE,
        "pt": "pt-BR",
        "zh": "zh-Hans",
        "zh-cn": "zh-Hans",
        "zh-sg": "zh-Hans",
        "zh-tw": "zh-Hant",
        "zh-hk": "zh-Hant",
        "zh-mo": "zh-Hant",
    }
)
_MOST_RANGES = 50


def language_of(accepted: Sequence[str]) -> str:
    """Choose the language that a caller likes best, of those there are.

    accepted: its `Accept-Language` headers. What can't be read is passed
    over; a caller of other languages gets the default one. Source: RFC 4647,
    "Lookup".
    """
    ranges = ",".join(accepted).split(",")[:_MOST_RANGES]
    by_weight = sorted((_weight_of(each) for each in ranges), key=lambda pair: -pair[0])
    for weight, tag in by_weight:
        if weight <= 0:
            break
        if (found := _known(tag)) is not None:
            return found
    return DEFAULT_LANGUAGE


def message_of(code: str, facts: Mapping[str, str], *, language: str = DEFAULT_LANGUAGE) -> str:
    """Say what a code means in a language, or in the default one where we don't speak it."""
    language = language if language in MESSAGES else DEFAULT_LANGUAGE
    kind = facts.get("kind", "")
    return MESSAGES[language][code].format_map({**facts, "kind": KINDS[language].get(kind, kind)})


def _weight_of(text: str) -> tuple[float, str]:
    tag, _, parameters = text.partition(";")
    name, _, value = parameters.strip().partition("=")
    weight = 1.0
    if name.strip().lower() == "q":
        try:
            weight = float(value)
        except ValueError:
            weight = 0.0
    return weight, tag.strip().lower().replace("_", "-")


def _known(tag: str) -> str | None:
    """Find a language by a tag, shortened from its end until it is one."""
    while tag:
        if tag in _KNOWN_AS:
            return _KNOWN_AS[tag]
        tag = tag.rpartition("-")[0]
    return None
