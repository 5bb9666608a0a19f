"""Brings templates in with the first one that somebody sends.

Their engine takes seven megabytes, which a server that is asked for none
does not need.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from heliograph.core.ports import Template, Templates


class LateTemplates:
    """Liquid templates, as `heliograph.rendering.liquid` reads them."""

    @cached_property
    def _templates(self) -> Templates:
        from heliograph.rendering.liquid import LiquidTemplates

        return LiquidTemplates()

    def compile(self, text: str) -> Template:
        """Read a template; raises TemplateRefused."""
        return self._templates.compile(text)
