"""Use cases of tags: labels that registrations subscribe to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from heliograph.core import access
from heliograph.core.errors import Conflict, InvalidRequest, NotFound, Problem, ProblemKind
from heliograph.core.ids import Id, new_id, spell
from heliograph.core.model.identity import Scope
from heliograph.core.model.listing import Listed, Window
from heliograph.core.model.tag import Subscribed, Subscription, Tag
from heliograph.core.registrations.tokens import has_control_characters
from heliograph.core.registrations.totals import Totals

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from heliograph.core.model.application import Application
    from heliograph.core.model.identity import Principal
    from heliograph.core.model.listing import Condition
    from heliograph.core.model.registration import ProviderName
    from heliograph.core.ports import Clock
    from heliograph.core.registrations.registrations import Registrations
    from heliograph.core.stores.registry import TagStore

MAX_LABEL_CHARS = 256

_TAGS = "tags of the application"


class Tags:
    """Subscribes registrations to labels; a label exists from its first subscription."""

    def __init__(self, store: TagStore, registrations: Registrations, clock: Clock) -> None:
        self._store = store
        self._registrations = registrations
        self._clock = clock
        self._totals = Totals(clock)

    async def subscribe(
        self, principal: Principal, application: Application, registration_id: Id, label: str
    ) -> bool:
        """Subscribe a registration; twice is once, and answers False.

        Raises NotFound, InvalidRequest.
        """
        access.require(principal, Scope.REGISTRATIONS_WRITE, application)
        check_label(label)
        await self._registrations.get(principal, application, registration_id)
        subscribed = await self._store.subscribe(
            application.id, registration_id, label, now=self._clock.now()
        )
        if subscribed is Subscribed.NO_REGISTRATION:
            raise NotFound("registration", spell("registration", registration_id))
        return subscribed is Subscribed.NEW

    async def unsubscribe(
        self, principal: Principal, application: Application, registration_id: Id, label: str
    ) -> bool:
        """End a subscription; False where there was none.

        Raises NotFound where there is no such registration.
        """
        access.require(principal, Scope.REGISTRATIONS_WRITE, application)
        await self._registrations.get(principal, application, registration_id)
        return await self._store.unsubscribe(
            application.id, registration_id, label, now=self._clock.now()
        )

    async def labels_of(
        self, principal: Principal, application: Application, registration_id: Id
    ) -> Sequence[str]:
        """List a registration's labels in alphabetical order; raises NotFound."""
        await self._registrations.get(principal, application, registration_id)
        return await self._store.labels_of(application.id, registration_id)

    async def create(
        self,
        principal: Principal,
        application: Application,
        label: str,
        description: str | None = None,
    ) -> Tag:
        """Make a tag; raises Conflict where the label is taken, InvalidRequest."""
        access.require(principal, Scope.REGISTRATIONS_WRITE, application)
        access.require_back_end(principal, _TAGS)
        check_label(label)
        now = self._clock.now()
        tag = Tag(new_id(now), application.id, label, description, now, now)
        if not await self._store.add_tag(tag):
            raise Conflict("tag", label)
        return tag

    async def get(self, principal: Principal, application: Application, label: str) -> Tag:
        """Read a tag; raises NotFound."""
        access.require(principal, Scope.REGISTRATIONS_READ, application)
        tag = await self._store.tag(application.id, label) if is_label(label) else None
        if tag is None:
            raise NotFound("tag", label)
        return tag

    async def describe(
        self, principal: Principal, application: Application, label: str, description: str | None
    ) -> Tag:
        """Describe a tag anew; raises NotFound."""
        access.require(principal, Scope.REGISTRATIONS_WRITE, application)
        access.require_back_end(principal, _TAGS)
        tag = None
        if is_label(label):
            now = self._clock.now()
            tag = await self._store.change_tag(application.id, label, description, now=now)
        if tag is None:
            raise NotFound("tag", label)
        return tag

    async def remove(self, principal: Principal, application: Application, label: str) -> None:
        """Delete a tag with its subscriptions; raises NotFound."""
        access.require(principal, Scope.REGISTRATIONS_WRITE, application)
        access.require_back_end(principal, _TAGS)
        if not is_label(label) or not await self._store.remove_tag(application.id, label):
            raise NotFound("tag", label)

    async def page(
        self,
        principal: Principal,
        application: Application,
        conditions: Sequence[Condition],
        window: Window,
    ) -> Listed[Tag]:
        """List tags by age; their keys are their ids."""
        access.require(principal, Scope.REGISTRATIONS_READ, application)
        part = await self._store.tags(application.id, conditions, window)
        return Listed(part.items, part.has_more, part.total or 0)

    async def subscriptions(
        self,
        principal: Principal,
        application: Application,
        conditions: Sequence[Condition],
        window: Window,
    ) -> Listed[Subscription]:
        """List subscriptions by their registrations' age; their keys are `Subscription.key`."""
        access.require(principal, Scope.REGISTRATIONS_READ, application)
        part = await self._store.subscriptions(application.id, conditions, window)
        return await self._totals.listed(
            part,
            window,
            (application.id, conditions),
            lambda: self._store.count_subscriptions(application.id, conditions),
        )

    async def subscription_of(
        self,
        principal: Principal,
        application: Application,
        conditions: Sequence[Condition],
    ) -> Subscription | None:
        """Read the oldest subscription that meets all conditions."""
        access.require(principal, Scope.REGISTRATIONS_READ, application)
        window = Window(offset=0, limit=1)
        part = await self._store.subscriptions(application.id, conditions, window)
        return part.items[0] if part.items else None

    async def subscribers(
        self, principal: Principal, application: Application, tags: Sequence[Tag]
    ) -> Mapping[Id, Mapping[ProviderName, int]]:
        """Count the subscriptions to each tag by provider; a tag without any is left out."""
        access.require(principal, Scope.REGISTRATIONS_READ, application)
        return await self._store.subscribers(application.id, [tag.id for tag in tags])

    async def subscription(
        self, principal: Principal, application: Application, tag_id: Id, registration_id: Id
    ) -> Subscription:
        """Read one subscription by its tag's and its registration's id; raises NotFound."""
        access.require(principal, Scope.REGISTRATIONS_READ, application)
        found = await self._store.subscription(application.id, tag_id, registration_id)
        if found is None:
            raise NotFound("subscription", spell("registration", registration_id))
        return found


def is_label(label: str) -> bool:
    """Say whether a text can be a tag; not every database can look for one that can't."""
    return 0 < len(label) <= MAX_LABEL_CHARS and not has_control_characters(label)


def check_label(label: str) -> None:
    """Refuse what can't be a tag; raises InvalidRequest."""
    if not is_label(label):
        expected = f"1 to {MAX_LABEL_CHARS} printable characters"
        raise InvalidRequest([Problem(("tag",), ProblemKind.MALFORMED, expected)])
