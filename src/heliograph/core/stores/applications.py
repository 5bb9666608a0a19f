"""What is asked of the store about whole applications, and how it keeps their credentials.

Every method may raise `Unavailable`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from heliograph.core.ids import Id
    from heliograph.core.model.application import Defaults
    from heliograph.core.model.registration import Environment, ProviderName


@dataclass(frozen=True, slots=True)
class SealedCredential:
    """A provider credential as stored."""

    id: Id
    provider: ProviderName
    environment: Environment
    sealed: bytes


class ApplicationStore(Protocol):
    """What applications assume, and their end."""

    async def change_defaults(self, application_id: Id, defaults: Defaults) -> None:
        """Write what an application assumes."""
        ...

    async def forget_some(self, application_id: Id, *, limit: int) -> int:
        """Delete some of what an application has, itself excepted; answer how many rows."""
        ...

    async def remove(self, application_id: Id) -> None:
        """Delete an application with whatever it still has."""
        ...
