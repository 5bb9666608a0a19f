"""What a device is told of the notification itself, so that its app can report on it. Pure.

Source: docs/dialects/native.md, "Receipts".
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from heliograph.core.ids import spell

if TYPE_CHECKING:
    from heliograph.core.ids import Id
    from heliograph.core.model.notification import Content, Options

ID_KEY = "heliograph_id"
"""The key of the data that holds a notification's id."""


def identified(content: Content, options: Options, notification_id: Id) -> Content:
    """Put a notification's id into its data, where its sender asked for receipts.

    One id for all targets, so that it is rendered once: which registration it
    is, the app knows.
    """
    if not options.has_receipts:
        return content
    return replace(content, data={**content.data, ID_KEY: spell("notification", notification_id)})
