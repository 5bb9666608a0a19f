"""Use cases of webhooks: where a customer's back end is told what happened."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from heliograph.core import access
from heliograph.core.errors import InvalidRequest, NotFound, Problem, ProblemKind
from heliograph.core.ids import Id, new_id, spell
from heliograph.core.model.identity import Scope
from heliograph.core.model.webhook import (
    NOTHING,
    EventKind,
    FormerSecret,
    Webhook,
    WebhookForm,
    WebhookSecrets,
    WebhookState,
)
from heliograph.core.registrations.tokens import has_control_characters
from heliograph.core.stores.webhooks import ReplayRange
from heliograph.core.webhooks.signatures import check_secret, new_secret, pack, unpack

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from heliograph.core.model.application import Application
    from heliograph.core.model.identity import Principal
    from heliograph.core.model.webhook import Attempt
    from heliograph.core.ports import Clock, Sealer
    from heliograph.core.stores.webhooks import WebhookPost, WebhookStore

MAX_WEBHOOKS = 20
"""Of one application: each multiplies what is written with every change."""

MAX_NAME_CHARS = 255
MAX_REPLAYED = 10_000
"""Events of one replay by time; a further one goes on where it ended."""

DEFAULT_OVERLAP = timedelta(hours=24)
MAX_OVERLAP = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class WebhookDraft:
    """A webhook as asked for.

    secret: the customer's own, where one moves here; None makes a new one. basic:
    `user:password` for HTTP Basic.
    """

    url: str
    kinds: frozenset[EventKind]
    name: str | None = None
    form: WebhookForm = WebhookForm.STANDARD
    secret: str | None = field(default=None, repr=False)
    basic: str | None = field(default=None, repr=False)
    settings: Mapping[str, Any] = field(default_factory=lambda: NOTHING)


@dataclass(frozen=True, slots=True)
class WebhookChanges:
    """What may be changed; None leaves a value as it is."""

    url: str | None = None
    kinds: frozenset[EventKind] | None = None
    name: str | None = None
    basic: str | None = field(default=None, repr=False)
    settings: Mapping[str, Any] | None = None


class Webhooks:
    """Keeps webhooks; `delivery/` sends what they are owed."""

    def __init__(
        self, store: WebhookStore, posts: WebhookPost, sealer: Sealer, clock: Clock
    ) -> None:
        self._store = store
        self._posts = posts
        self._sealer = sealer
        self._clock = clock

    async def create(
        self, principal: Principal, application: Application, draft: WebhookDraft
    ) -> tuple[Webhook, str]:
        """Make a webhook; second, its secret, which is not shown again.

        Raises InvalidRequest naming every problem, Conflict for a name that is taken.
        """
        access.require(principal, Scope.APPLICATIONS_WRITE, application)
        now = self._clock.now()
        problems = _problems_of(draft.name, draft.kinds)
        url = self._checked(draft.url, draft.form, problems)
        secret = draft.secret
        if secret is not None:
            try:
                check_secret(secret)
            except InvalidRequest as error:
                problems += error.problems
        if problems:
            raise InvalidRequest(problems)
        webhook = Webhook(
            id=new_id(now),
            application_id=application.id,
            url=url,
            kinds=draft.kinds,
            created=now,
            updated=now,
            name=draft.name,
            form=draft.form,
            settings=draft.settings,
        )
        held = WebhookSecrets(secret or new_secret(), basic=draft.basic)
        await self._store.add_webhook(webhook, self._seal(webhook, held), limit=MAX_WEBHOOKS)
        return webhook, held.secret

    async def all_of(self, principal: Principal, application: Application) -> Sequence[Webhook]:
        """List an application's webhooks by age."""
        access.require(principal, Scope.APPLICATIONS_READ, application)
        return await self._store.webhooks(application.id)

    async def get(self, principal: Principal, application: Application, webhook_id: Id) -> Webhook:
        """Read a webhook; raises NotFound."""
        access.require(principal, Scope.APPLICATIONS_READ, application)
        return (await self._find(application, webhook_id))[0]

    async def named(self, principal: Principal, application: Application, name: str) -> Webhook:
        """Read a webhook by the customer's name for it; raises NotFound."""
        for webhook in await self.all_of(principal, application):
            if webhook.name == name:
                return webhook
        raise NotFound("webhook", name)

    async def change(
        self,
        principal: Principal,
        application: Application,
        webhook_id: Id,
        changes: WebhookChanges,
    ) -> Webhook:
        """Change a webhook. Another URL is tried at once with what is owed.

        Raises NotFound, InvalidRequest naming every problem, Conflict for a
        name that is taken.
        """
        access.require(principal, Scope.APPLICATIONS_WRITE, application)
        webhook, sealed = await self._find(application, webhook_id)
        problems = _problems_of(changes.name, changes.kinds)
        url = webhook.url
        if changes.url is not None:
            url = self._checked(changes.url, webhook.form, problems)
        if problems:
            raise InvalidRequest(problems)
        changed = replace(
            webhook,
            url=url,
            kinds=webhook.kinds if changes.kinds is None else changes.kinds,
            name=webhook.name if changes.name is None else changes.name,
            settings=webhook.settings if changes.settings is None else changes.settings,
            updated=self._clock.now(),
        )
        held: WebhookSecrets | None = None
        if changes.basic is not None:
            held = replace(self._unseal(webhook, sealed), basic=changes.basic or None)
        is_fresh = url != webhook.url
        if is_fresh:
            changed = replace(changed, failing_since=None, failures=0)
        await self._write(changed, held, is_fresh=is_fresh)
        return changed

    async def remove(self, principal: Principal, application: Application, webhook_id: Id) -> None:
        """Delete a webhook and what it is owed; raises NotFound."""
        access.require(principal, Scope.APPLICATIONS_WRITE, application)
        if not await self._store.remove_webhook(application.id, webhook_id):
            raise _not_found(webhook_id)

    async def rotate(
        self,
        principal: Principal,
        application: Application,
        webhook_id: Id,
        overlap: timedelta = DEFAULT_OVERLAP,
    ) -> str:
        """Give a webhook a new secret, and answer it: it is not shown again.

        overlap: how long calls are signed by the former one as well. Raises
        NotFound, InvalidRequest.
        """
        access.require(principal, Scope.APPLICATIONS_WRITE, application)
        if not timedelta(0) <= overlap <= MAX_OVERLAP:
            expected = f"from 0 to {int(MAX_OVERLAP.total_seconds())} seconds"
            kind = ProblemKind.TOO_SMALL if overlap < timedelta(0) else ProblemKind.TOO_LARGE
            raise InvalidRequest([Problem(("overlap_s",), kind, expected)])
        webhook, sealed = await self._find(application, webhook_id)
        now = self._clock.now()
        held = self._unseal(webhook, sealed)
        former = FormerSecret(held.secret, now + overlap) if overlap else None
        held = WebhookSecrets(new_secret(), former, held.basic)
        await self._write(replace(webhook, updated=now), held, is_fresh=False)
        return held.secret

    async def enable(
        self, principal: Principal, application: Application, webhook_id: Id
    ) -> Webhook:
        """Send to a disabled webhook again; what it is still owed comes first. Raises NotFound."""
        access.require(principal, Scope.APPLICATIONS_WRITE, application)
        webhook, _ = await self._find(application, webhook_id)
        enabled = replace(
            webhook,
            state=WebhookState.ENABLED,
            disabled_reason=None,
            failing_since=None,
            failures=0,
            updated=self._clock.now(),
        )
        await self._write(enabled, None, is_fresh=True)
        return enabled

    async def disable(
        self, principal: Principal, application: Application, webhook_id: Id
    ) -> Webhook:
        """Send nothing more to a webhook until it is enabled again; raises NotFound."""
        access.require(principal, Scope.APPLICATIONS_WRITE, application)
        webhook, _ = await self._find(application, webhook_id)
        reason = webhook.disabled_reason or "disabled by hand"
        disabled = replace(
            webhook,
            state=WebhookState.DISABLED,
            disabled_reason=reason,
            updated=self._clock.now(),
        )
        await self._write(disabled, None, is_fresh=False)
        return disabled

    async def attempts(
        self,
        principal: Principal,
        application: Application,
        webhook_id: Id,
        *,
        before: Id | None,
        limit: int,
    ) -> tuple[Sequence[Attempt], Id | None]:
        """List the calls of a webhook, newest first; second, where the next part begins.

        Raises NotFound.
        """
        access.require(principal, Scope.APPLICATIONS_READ, application)
        await self._find(application, webhook_id)
        rows = await self._store.attempts(webhook_id, before=before, limit=limit + 1)
        return rows[:limit], rows[limit - 1].id if len(rows) > limit else None

    async def replay(
        self,
        principal: Principal,
        application: Application,
        webhook_id: Id,
        *,
        event_ids: Sequence[Id] = (),
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> int:
        """Send events again, under their own ids, and answer how many.

        By id, or by time with `since`; at most `MAX_REPLAYED`, and only events
        that are kept and that the webhook wants. Raises NotFound, InvalidRequest.
        """
        access.require(principal, Scope.APPLICATIONS_WRITE, application)
        webhook, _ = await self._find(application, webhook_id)
        now = self._clock.now()
        if bool(event_ids) == (since is not None):
            expected = "given either as `event_ids` or as `since`"
            raise InvalidRequest([Problem(("event_ids",), ProblemKind.NOT_ALLOWED, expected)])
        wanted = event_ids if since is None else ReplayRange(since, until or now)
        return await self._store.replay(webhook, wanted, now=now, limit=MAX_REPLAYED)

    def _checked(self, url: str, form: WebhookForm, problems: list[Problem]) -> str:
        """Let a URL pass; a problem is added for one that may not be called."""
        try:
            # What we call by our own specification is new, and can have TLS.
            return self._posts.check_url(url, allows_http=form is not WebhookForm.STANDARD)
        except InvalidRequest as error:
            problems += error.problems
            return ""

    async def _find(self, application: Application, webhook_id: Id) -> tuple[Webhook, bytes]:
        found = await self._store.webhook(application.id, webhook_id)
        if found is None:
            raise _not_found(webhook_id)
        return found

    async def _write(
        self, webhook: Webhook, held: WebhookSecrets | None, *, is_fresh: bool
    ) -> None:
        sealed = None if held is None else self._seal(webhook, held)
        if not await self._store.change_webhook(webhook, sealed, is_fresh=is_fresh):
            raise _not_found(webhook.id)

    def _seal(self, webhook: Webhook, held: WebhookSecrets) -> bytes:
        return self._sealer.seal(pack(held), webhook.id)

    def _unseal(self, webhook: Webhook, sealed: bytes) -> WebhookSecrets:
        return unpack(self._sealer.unseal(sealed, webhook.id))


def _problems_of(name: str | None, kinds: frozenset[EventKind] | None) -> list[Problem]:
    problems = []
    if kinds is not None and not kinds:
        problems.append(Problem(("events",), ProblemKind.TOO_SHORT, "one event or more"))
    if name is not None and (not 0 < len(name) <= MAX_NAME_CHARS or has_control_characters(name)):
        expected = f"1 to {MAX_NAME_CHARS} printable characters"
        problems.append(Problem(("name",), ProblemKind.MALFORMED, expected))
    return problems


def _not_found(webhook_id: Id) -> NotFound:
    return NotFound("webhook", spell("webhook", webhook_id))
