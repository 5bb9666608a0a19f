"""What Layer's bodies share: they are open, and an empty text says nothing."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, ConfigDict

from heliograph.web.schemas import Label, Schema, Text


class Body(Schema):
    """A body. Unknown properties are ignored: newer clients send more than older pages list."""

    model_config = ConfigDict(extra="ignore")


def _none_for_empty(value: object) -> object:
    return None if value == "" else value


OptionalLabel = Annotated[Label | None, BeforeValidator(_none_for_empty)]
"""A label, or nothing: absent, null, or the empty text of a client that has none to give."""

OptionalText = Annotated[Text | None, BeforeValidator(_none_for_empty)]
"""Free text, or nothing."""
