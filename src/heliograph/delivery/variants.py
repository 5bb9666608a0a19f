"""One page's content for each recipient, where a notification has places to fill in.

Equal variables make one variant. Filling in is a stranger's program at work:
it goes in slices, so that the loop is never held for long, and what fails or
takes too much is that recipient's trouble alone.

Source: docs/decisions/0022-templates.md.
"""

from __future__ import annotations

import asyncio
import json
import time
from typing import TYPE_CHECKING, Final

from heliograph.core.errors import InvalidRequest
from heliograph.core.model.outcome import Rejected
from heliograph.core.notifications.templating import FilledContent
from heliograph.core.ports import TemplateRefused

if TYPE_CHECKING:
    from collections.abc import Sequence

    from heliograph.core.model.delivery import Page
    from heliograph.core.model.notification import Content
    from heliograph.core.ports import Templates

SLICE_S: Final = 0.005
"""How long the loop may be held; then others have their turn."""

_NONE: Final = "{}"


class Variants:
    """Fills in content. slice_s: seconds after which others have their turn."""

    def __init__(self, templates: Templates, *, slice_s: float = SLICE_S) -> None:
        self._templates = templates
        self._slice_s = slice_s

    async def of(self, content: Content, page: Page) -> list[Content | Rejected]:
        """Answer each target's content, in order; or why there is none."""
        texts = [page.variables.get(target.recipient, _NONE) for target in page.targets]
        try:
            filled = FilledContent(self._templates, content)
        except InvalidRequest as error:
            # Accepted by a release that understood more.
            return [Rejected(f"template: {error}")] * len(texts)
        made: dict[str, Content | Rejected] = {}
        until = time.monotonic() + self._slice_s
        for text in texts:
            if text in made:
                continue
            made[text] = _fill_in(filled, text)
            if time.monotonic() > until:
                await asyncio.sleep(0)
                until = time.monotonic() + self._slice_s
        return [made[text] for text in texts]


def by_content(
    contents: Sequence[Content | Rejected], places: Sequence[int]
) -> list[tuple[Content | Rejected, list[int]]]:
    """Group some places of a page by what is sent there: variants are told apart by identity."""
    groups: dict[int, tuple[Content | Rejected, list[int]]] = {}
    for place in places:
        content = contents[place]
        groups.setdefault(id(content), (content, []))[1].append(place)
    return [*groups.values()]


def _fill_in(filled: FilledContent, text: str) -> Content | Rejected:
    try:
        return filled.fill_in(json.loads(text))
    except TemplateRefused as error:
        return Rejected(f"template: must be {error}")
