"""Use cases of tags: labels that registrations subscribe to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from heliograph.core import access
from heliograph.core.errors import InvalidRequest, NotFound, Problem, ProblemKind
from heliograph.core.ids import Id, spell
from heliograph.core.model.identity import Scope
from heliograph.core.tokens import has_control_characters

if TYPE_CHECKING:
    from collections.abc import Sequence

    from heliograph.core.model.application import Application
    from heliograph.core.model.identity import Principal
    from heliograph.core.ports import Clock, TagStore
    from heliograph.core.registrations import Registrations

MAX_LABEL_CHARS = 256


class Tags:
    """Subscribes registrations to labels; a label exists from its first subscription."""

    def __init__(self, store: TagStore, registrations: Registrations, clock: Clock) -> None:
        self._store = store
        self._registrations = registrations
        self._clock = clock

    async def subscribe(
        self, principal: Principal, application: Application, registration_id: Id, label: str
    ) -> None:
        """Subscribe a registration; twice is once. Raises NotFound, InvalidRequest."""
        access.require(principal, Scope.REGISTRATIONS_WRITE, application)
        check_label(label)
        await self._registrations.get(principal, application, registration_id)
        if not await self._store.subscribe(
            application.id, registration_id, label, now=self._clock.now()
        ):
            raise NotFound("registration", spell("registration", registration_id))

    async def unsubscribe(
        self, principal: Principal, application: Application, registration_id: Id, label: str
    ) -> None:
        """End a subscription; raises NotFound where there is no such registration."""
        access.require(principal, Scope.REGISTRATIONS_WRITE, application)
        await self._registrations.get(principal, application, registration_id)
        await self._store.unsubscribe(application.id, registration_id, label)

    async def labels_of(
        self, principal: Principal, application: Application, registration_id: Id
    ) -> Sequence[str]:
        """List a registration's labels in alphabetical order; raises NotFound."""
        await self._registrations.get(principal, application, registration_id)
        return await self._store.labels_of(application.id, registration_id)


def check_label(label: str) -> None:
    """Refuse what can't be a tag; raises InvalidRequest."""
    if not label or len(label) > MAX_LABEL_CHARS or has_control_characters(label):
        expected = f"1 to {MAX_LABEL_CHARS} printable characters"
        raise InvalidRequest([Problem(("tag",), ProblemKind.MALFORMED, expected)])
