"""The token endpoint's scope, split and joined."""

from __future__ import annotations

import re

from heliograph.dialects.mobilefirst.auth import scopes, tokens
from heliograph.dialects.mobilefirst.schemas.token import AccessToken

_BETWEEN = re.compile(r"[ +]+")
"""Blanks; a published sample sends plus signs that were meant to be some."""


def to_elements(scope: str) -> tuple[str, ...]:
    """Split a scope into its elements, each once; without any it is the default one."""
    elements = dict.fromkeys(part for part in _BETWEEN.split(scope) if part)
    return tuple(elements) or (scopes.DEFAULT,)


def from_token(text: str, elements: tuple[str, ...]) -> AccessToken:
    """Answer a token."""
    return AccessToken(
        access_token=text,
        token_type="Bearer",  # noqa: S106 - a scheme's name, which one client puts before the token
        expires_in=int(tokens.LIFE.total_seconds()),
        scope=" ".join(elements),
    )
