"""What the domain asks about registrations, and about the labels that they are subscribed to.

Every method may raise `Unavailable`; the others it raises are named.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from heliograph.core.ids import Id
    from heliograph.core.model.listing import Condition, Part, RegistrationFilter, Window
    from heliograph.core.model.registration import (
        Changes,
        Draft,
        Owner,
        ProviderName,
        Registration,
        Slot,
    )
    from heliograph.core.model.tag import Subscribed, Subscription, Tag


class RegistryStore(Protocol):
    """Registrations, their slots and their tokens' holders."""

    async def register(self, draft: Draft) -> Registration:
        """Write a draft durably; answer what now fills its slot.

        Raises Conflict where the draft refuses an occupied slot,
        NotAuthenticated where its session has ended meanwhile, and Suspended
        where that is a key, and its user was shut out.
        """
        ...

    async def unregister(
        self,
        application_id: Id,
        slot: Slot,
        owner: Owner | None,
        *,
        provider: ProviderName | None,
        token: str | None,
        now: datetime,
    ) -> Registration | None:
        """Empty a slot; answer what filled it. provider, token: for slots by token."""
        ...

    async def remove(
        self, application_id: Id, registration_id: Id, *, now: datetime
    ) -> Registration | None:
        """Forget one registration; answer it, None if there is none."""
        ...

    async def change(
        self, application_id: Id, registration_id: Id, changes: Changes, *, now: datetime
    ) -> Registration | None:
        """Change one registration in place; None if there is none."""
        ...

    async def get(self, application_id: Id, registration_id: Id) -> Registration | None:
        """Read one registration."""
        ...

    async def find(
        self,
        application_id: Id,
        wanted: RegistrationFilter,
        *,
        after: Id | None,
        limit: int,
    ) -> Sequence[Registration]:
        """List registrations in the order of (bucket, id), behind `after`."""
        ...

    async def page(
        self, application_id: Id, wanted: RegistrationFilter, window: Window
    ) -> Part[Registration]:
        """List registrations by age; their keys are their ids."""
        ...

    async def count(self, application_id: Id, wanted: RegistrationFilter) -> int:
        """Count registrations."""
        ...

    async def synchronize(
        self, drafts: Sequence[Draft], *, is_exact: bool
    ) -> Sequence[Registration]:
        """Write drafts in one piece; raises as `register` does, and then writes none.

        Left out are those whose owner revoked their leave meanwhile. is_exact:
        whoever else holds their token, as one of the same kind, loses it.
        """
        ...

    async def remove_of_member(
        self, application_id: Id, member_id: Id, origin: str, *, now: datetime
    ) -> int:
        """Forget what a member registered through one dialect; answer how many."""
        ...


class TagStore(Protocol):
    """Labels and the registrations subscribed to them."""

    async def add_tag(self, tag: Tag) -> bool:
        """Write a tag; False where the label is taken."""
        ...

    async def tag(self, application_id: Id, label: str) -> Tag | None: ...
    async def change_tag(
        self, application_id: Id, label: str, description: str | None, *, now: datetime
    ) -> Tag | None: ...
    async def remove_tag(self, application_id: Id, label: str) -> bool:
        """Delete a tag with its subscriptions; False where there is none."""
        ...

    async def tags(
        self, application_id: Id, conditions: Sequence[Condition], window: Window
    ) -> Part[Tag]:
        """List tags by age; their keys are their ids."""
        ...

    async def subscriptions(
        self, application_id: Id, conditions: Sequence[Condition], window: Window
    ) -> Part[Subscription]:
        """List subscriptions by their registrations' age; their keys are `Subscription.key`."""
        ...

    async def count_subscriptions(self, application_id: Id, conditions: Sequence[Condition]) -> int:
        """Count subscriptions."""
        ...

    async def subscription(
        self, application_id: Id, tag_id: Id, registration_id: Id
    ) -> Subscription | None: ...

    async def subscribers(
        self, application_id: Id, tag_ids: Sequence[Id]
    ) -> Mapping[Id, Mapping[ProviderName, int]]:
        """Count the subscriptions to each tag by provider; who has none is left out."""
        ...

    async def subscribe(
        self, application_id: Id, registration_id: Id, label: str, *, now: datetime
    ) -> Subscribed:
        """Add a subscription, making the tag if it is new."""
        ...

    async def unsubscribe(
        self, application_id: Id, registration_id: Id, label: str, *, now: datetime
    ) -> bool:
        """Take a subscription away; False where there was none."""
        ...

    async def labels_of(self, application_id: Id, registration_id: Id) -> Sequence[str]:
        """List a registration's labels in alphabetical order."""
        ...
