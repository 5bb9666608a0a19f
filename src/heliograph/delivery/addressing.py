"""Who of a listed page can be sent to at all. Pure.

A broadcast waits for a credential that is missing: it is ours to add. Who
lists recipients one by one wants to hear at once whom nothing can reach.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from heliograph.core.model.delivery import Cursor, Dropped
from heliograph.delivery.sending import by_credential, missing_credential

if TYPE_CHECKING:
    from collections.abc import Sequence

    from heliograph.core.model.application import Application, ProviderCredential
    from heliograph.core.model.delivery import Page


def addressable(
    page: Page, application: Application, credentials: Sequence[ProviderCredential]
) -> Page:
    """Leave out the targets for which there is no credential; their deliveries end here."""
    known = {(each.provider, each.environment) for each in credentials}
    missing = {
        place: missing_credential(key)
        for key, places in by_credential(page.targets, application).items()
        if key not in known
        for place in places
    }
    if not missing:
        return page
    dropped = [
        Dropped(Cursor(target.bucket, target.recipient, target.id), target.attempts, missing[place])
        for place, target in enumerate(page.targets)
        if place in missing
    ]
    kept = [target for place, target in enumerate(page.targets) if place not in missing]
    return replace(page, targets=kept, dropped=[*page.dropped, *dropped])
