"""What Layer's bodies share: they are open, and an empty text says nothing."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, ConfigDict

from heliograph.core.errors import ProblemKind
from heliograph.web.schemas import Label, Schema, Text, custom_error

IDENTITY = "layer:///identities/"
"""What later versions write before a user's id."""


class Body(Schema):
    """A body. Unknown properties are ignored: newer clients send more than older pages list."""

    model_config = ConfigDict(extra="ignore")


def _none_for_empty(value: object) -> object:
    return None if value == "" else value


def _of_somebody(text: str) -> str:
    if text == IDENTITY:
        raise custom_error(ProblemKind.TOO_SHORT, f"a user's id, or {IDENTITY} and one")
    return text


UserId = Annotated[Label, AfterValidator(_of_somebody)]
"""A user's id, bare or as an identity's."""

OptionalLabel = Annotated[Label | None, BeforeValidator(_none_for_empty)]
"""A label, or nothing: absent, null, or the empty text of a client that has none to give."""

OptionalText = Annotated[Text | None, BeforeValidator(_none_for_empty)]
"""Free text, or nothing."""
