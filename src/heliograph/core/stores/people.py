"""What the domain asks about users, and about credentials that an application has several of.

Every method may raise `Unavailable`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from heliograph.core.ids import Id
    from heliograph.core.model.application import ShelvedCredential
    from heliograph.core.model.identity import User
    from heliograph.core.stores.applications import SealedCredential


class CredentialStore(Protocol):
    """The credentials of applications that have several for one provider.

    Of each provider and environment one is the application's own, and stands
    where `IdentityStore.credentials` finds it; the others are spare.
    """

    async def shelf(self, application_id: Id) -> Sequence[ShelvedCredential]:
        """List an application's credentials by age, own and spare."""
        ...

    async def spare(self, application_id: Id) -> Sequence[SealedCredential]: ...
    async def add_spare(
        self, application_id: Id, credential: SealedCredential, *, now: datetime
    ) -> None: ...

    async def make_own(self, application_id: Id, credential_id: Id, *, now: datetime) -> None:
        """Let a spare credential and the own one of its kind change places."""
        ...

    async def remove_credential(self, application_id: Id, credential_id: Id) -> None: ...


class PeopleStore(Protocol):
    """Users, seen from the account that has them."""

    async def recent(
        self, account_id: Id, application_id: Id | None, *, before: Id | None, limit: int
    ) -> Sequence[User]:
        """List an account's users, or an application's, newest first."""
        ...

    async def user(self, account_id: Id, application_id: Id | None, user_id: Id) -> User | None: ...

    async def remove(self, account_id: Id, user_id: Id, *, now: datetime) -> bool:
        """Delete a user with all that is theirs; False where there is none."""
        ...

    async def forget_registrations(
        self, application_id: Id, origin: str, *, now: datetime, limit: int
    ) -> int:
        """Forget some of what was registered through one dialect; answer how many."""
        ...
