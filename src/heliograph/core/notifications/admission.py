"""What a notification must pass before it is accepted, beyond its own form.

Its users and credentials have to be there, its templates have to be
templates, what it says in a provider's own words has to be theirs, its
addresses have to be some, and its size has to be one that some provider takes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

from heliograph.core.errors import Problem, ProblemKind
from heliograph.core.model.audience import Addresses, Recipients
from heliograph.core.notifications.templating import template_problems

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from heliograph.core.applications.credential_shelf import CredentialShelf
    from heliograph.core.model.application import Application
    from heliograph.core.model.audience import Audience
    from heliograph.core.model.notification import Content, Options
    from heliograph.core.model.registration import ProviderName
    from heliograph.core.notifications.dry_runs import DryRuns
    from heliograph.core.ports import Clock, ContentCheck, TargetCheck, Templates
    from heliograph.core.stores.notifications import AudienceStore


@dataclass(frozen=True, slots=True)
class ProviderRules:
    """What each provider never takes, known before it is asked. Providers without a rule: all."""

    contents: Mapping[ProviderName, ContentCheck] = field(
        default_factory=lambda: MappingProxyType({})
    )
    addresses: Mapping[ProviderName, TargetCheck] = field(
        default_factory=lambda: MappingProxyType({})
    )


class Admission:
    """Names what is wrong with notifications that somebody asks for."""

    def __init__(
        self,
        store: AudienceStore,
        dry_runs: DryRuns,
        shelf: CredentialShelf,
        templates: Templates,
        clock: Clock,
        rules: ProviderRules,
    ) -> None:
        self._store = store
        self._dry_runs = dry_runs
        self._shelf = shelf
        self._templates = templates
        self._clock = clock
        self._rules = rules

    async def problems_of(
        self, application: Application, audience: Audience, content: Content, options: Options
    ) -> Sequence[Problem]:
        """Name every problem; of the size only if there is no other."""
        problems: list[Problem] = []
        if isinstance(audience, Recipients):
            problems += await self._stranger_problems(application, audience)
        if content.is_template:
            recipients = audience.items if isinstance(audience, Recipients) else ()
            problems += template_problems(self._templates, content, recipients)
        else:
            problems += self._override_problems(content, options)
        if options.credentials:
            problems += await self._credential_problems(application, options)
        if problems:
            return problems
        return await self._dry_runs.size_problems(application, audience, content, options)

    def _override_problems(self, content: Content, options: Options) -> list[Problem]:
        now = self._clock.now()
        starts_at = max(now, options.send_at or now)
        problems = []
        for provider, said in content.overrides.items():
            check = self._rules.contents.get(provider)
            wrong = check(content, options, starts_at=starts_at) if said and check else None
            if wrong is not None:
                path = ("content", "overrides", provider.value)
                expected = f"what {provider} takes ({wrong})"
                problems.append(Problem(path, ProblemKind.NOT_ALLOWED, expected))
        return problems

    def address_problems(self, audience: Audience) -> Sequence[Problem]:
        """Name every bare address that its provider could never reach."""
        if not isinstance(audience, Addresses):
            return []
        problems = []
        for place, address in enumerate(audience.addresses):
            check = self._rules.addresses.get(address.provider)
            expected = None if check is None else check(address)
            if expected is not None:
                path = ("audience", "addresses", place, "token")
                problems.append(Problem(path, ProblemKind.MALFORMED, expected))
        return problems

    async def _stranger_problems(
        self, application: Application, audience: Recipients
    ) -> list[Problem]:
        named = {each.user_id for each in audience.items if each.user_id is not None}
        if not named:
            return []
        known = await self._store.known_users(application.account_id, sorted(named))
        return [
            Problem(
                ("audience", "recipients", place, "user_id"),
                ProblemKind.NOT_ALLOWED,
                "the id of a user",
            )
            for place, each in enumerate(audience.items)
            if each.user_id is not None and each.user_id not in known
        ]

    async def _credential_problems(
        self, application: Application, options: Options
    ) -> list[Problem]:
        own = {each.id: each.provider for each in await self._shelf.of(application.id)}
        return [
            Problem(
                ("options", "credentials", provider.value),
                ProblemKind.NOT_ALLOWED,
                f"the id of a credential for {provider}",
            )
            for provider, credential_id in options.credentials
            if own.get(credential_id) is not provider
        ]
