"""What every part of the settings is."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """A part of the settings: frozen, and without any unknown key."""

    model_config = ConfigDict(frozen=True, extra="forbid")
