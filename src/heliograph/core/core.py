"""The use cases in one place, as dialects, console and commands hold them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from heliograph.core.aliases import Aliases
    from heliograph.core.applications import Applications
    from heliograph.core.identity import Identity
    from heliograph.core.nonces import Nonces
    from heliograph.core.notifications import Notifications
    from heliograph.core.ports import Clock, Signer
    from heliograph.core.registrations import Registrations
    from heliograph.core.tags import Tags


@dataclass(frozen=True, slots=True)
class Core:
    """All that can be asked of Heliograph."""

    applications: Applications
    identity: Identity
    registrations: Registrations
    notifications: Notifications
    nonces: Nonces
    tags: Tags
    aliases: Aliases
    signer: Signer
    clock: Clock
