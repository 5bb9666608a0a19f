"""Use cases that look before anything is sent: whom it would reach, and as which bytes.

Nothing is stored, sent or minted here.

Source: docs/decisions/0017-dry-runs.md.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from heliograph.core import access
from heliograph.core.errors import InvalidRequest, Problem, ProblemKind
from heliograph.core.ids import new_id
from heliograph.core.model.audience import Address, Addresses, Recipients, Registrations
from heliograph.core.model.delivery import Target
from heliograph.core.model.identity import Scope
from heliograph.core.model.registration import token_hash
from heliograph.core.notifications.checks import audience_problems, problems_of
from heliograph.core.notifications.identified import identified
from heliograph.core.notifications.notifications import without_repeats
from heliograph.core.notifications.sender_choice import at_home_in
from heliograph.core.notifications.templating import FilledContent, simplified
from heliograph.core.ports import Batch, TemplateRefused
from heliograph.core.worlds import world_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from heliograph.core.applications.applications import Applications
    from heliograph.core.applications.credential_shelf import CredentialShelf
    from heliograph.core.model.application import Application, ProviderCredential
    from heliograph.core.model.audience import Audience, Reach
    from heliograph.core.model.identity import Principal
    from heliograph.core.model.notification import Content, Options
    from heliograph.core.model.registration import Environment, ProviderName
    from heliograph.core.ports import Clock, Preview, Previewer, Templates
    from heliograph.core.stores.notifications import AudienceStore
    from heliograph.core.worlds import World

MAX_SAMPLES = 10
DEFAULT_SAMPLES = 3

_NOBODY = "00"
"""A token that stands for any: what is measured doesn't depend on it."""

SURELY_SMALL_BYTES = 1024
"""Content that every provider takes, however it renders it: a text message may have 1,400 bytes."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One target of an audience, and what its provider would get for it.

    message: None where nothing could be rendered. problem: why this target
    would not be sent to; None if it would be.
    """

    target: Target
    environment: Environment
    message: Preview | None
    problem: str | None

    @property
    def is_too_large(self) -> bool:
        """Whether the message is past its provider's limit."""
        return self.message is not None and self.message.size_bytes > self.message.limit_bytes


class DryRuns:
    """Counts audiences and renders samples. previewer_of: a provider, where there is one."""

    def __init__(
        self,
        store: AudienceStore,
        applications: Applications,
        clock: Clock,
        previewer_of: Callable[[ProviderName], Previewer | None],
        *,
        shelf: CredentialShelf | None = None,
        templates: Templates | None = None,
    ) -> None:
        self._store = store
        self._applications = applications
        self._clock = clock
        self._previewer_of = previewer_of
        self._shelf = shelf
        self._templates = templates

    async def reach(
        self, principal: Principal, application: Application, audience: Audience
    ) -> Reach:
        """Count whom an audience reaches now; raises InvalidRequest naming every problem."""
        access.require(principal, Scope.NOTIFICATIONS_SEND, application)
        problems = audience_problems(audience)
        if problems:
            raise InvalidRequest(problems)
        return await self._store.reach(
            application.id, without_repeats(audience), now=self._clock.now()
        )

    async def preview(
        self,
        principal: Principal,
        application: Application,
        audience: Audience,
        content: Content,
        options: Options,
        *,
        per_provider: int = DEFAULT_SAMPLES,
    ) -> Sequence[Sample]:
        """Render what some targets of each provider would be sent.

        Shows tokens, and so needs the right to read registrations as well.
        Raises InvalidRequest naming every problem.
        """
        access.require(principal, Scope.NOTIFICATIONS_SEND, application)
        access.require(principal, Scope.REGISTRATIONS_READ, application)
        now = self._clock.now()
        content = simplified(content)
        problems = problems_of(audience, content, options, now=now)
        if problems:
            raise InvalidRequest(problems)
        return await self._samples(application, audience, content, options, per_provider, now)

    async def size_problems(
        self, application: Application, audience: Audience, content: Content, options: Options
    ) -> Sequence[Problem]:
        """Name what is too large for every provider that it could go to.

        One target of each provider stands for all; of an audience that is
        looked up when it starts, a made-up one of each provider that the
        application has a credential for. Where a provider can't be asked, or
        takes it, there is no problem: deliveries say the rest.
        """
        if _is_surely_small(content):
            return []
        now = self._clock.now()
        if isinstance(audience, Addresses | Registrations | Recipients):
            samples = await self._samples(application, audience, content, options, 1, now)
        else:
            samples = await self._made_up(application, audience.providers, content, options, now)
        if not samples or not all(sample.is_too_large for sample in samples):
            return []
        found = ", ".join(
            sorted(
                f"{sample.message.limit_bytes} bytes for {sample.target.provider}"
                f" (it has {sample.message.size_bytes})"
                for sample in samples
                if sample.message is not None
            )
        )
        return [Problem(("content",), ProblemKind.TOO_LARGE, f"at most {found}")]

    async def _samples(
        self,
        application: Application,
        audience: Audience,
        content: Content,
        options: Options,
        per_provider: int,
        now: datetime,
    ) -> list[Sample]:
        audience = without_repeats(audience)
        targets: list[Target] = []
        if isinstance(audience, Addresses):
            targets = _first_of_each([*enumerate(audience.addresses, start=1)], per_provider)
        elif isinstance(audience, Recipients):
            listed = enumerate(audience.items, start=1)
            addresses = [(n, each.address) for n, each in listed if each.address is not None]
            targets = _first_of_each(addresses, per_provider)
        if not isinstance(audience, Addresses):
            targets += [
                *await self._store.sample(
                    application.id, audience, options.kind, per_provider=per_provider, now=now
                )
            ]
        own = await self._credentials_of(application, options)
        if isinstance(audience, Recipients):
            application = at_home_in(application, own)
        credentials = {(each.provider, each.environment): each for each in own}
        contents = self._contents_for(content, audience, targets)
        groups: dict[World, list[Target]] = {}
        for target in targets:
            groups.setdefault(world_of(target, application), []).append(target)
        samples: list[Sample] = []
        for (name, environment), group in groups.items():
            provider, credential = self._previewer_of(name), credentials.get((name, environment))
            if provider is None or credential is None:
                missing = f"no {name} credential for {environment}"
                samples += [Sample(target, environment, None, missing) for target in group]
                continue
            for made, some in _by_content(contents, group):
                if isinstance(made, str):
                    samples += [Sample(target, environment, None, made) for target in some]
                    continue
                batch = _batch(credential, application, made, options, some, now)
                samples += [
                    Sample(target, environment, message, message.problem)
                    for target, message in zip(some, provider.preview(batch), strict=True)
                ]
        return samples

    async def _made_up(
        self,
        application: Application,
        wanted: Sequence[ProviderName],
        content: Content,
        options: Options,
        now: datetime,
    ) -> list[Sample]:
        """Render for a target of each provider that nobody has."""
        own = {each.provider: each for each in await self._credentials_of(application, options)}
        samples = []
        for name, credential in own.items():
            provider = self._previewer_of(name)
            if provider is None or (wanted and name not in wanted):
                continue
            [target] = _first_of_each([(0, Address(name, _NOBODY))], 1)
            batch = _batch(credential, application, content, options, [target], now)
            [message] = provider.preview(batch)
            samples.append(Sample(target, credential.environment, message, message.problem))
        return samples

    async def _credentials_of(
        self, application: Application, options: Options
    ) -> Sequence[ProviderCredential]:
        if self._shelf is not None:
            return await self._shelf.sent_by(application.id, options)
        return await self._applications.credentials_of(application.id)

    def _contents_for(
        self, content: Content, audience: Audience, targets: Sequence[Target]
    ) -> dict[Target, Content | str]:
        """Say what each target would be sent, or why it can't be; raises InvalidRequest."""
        if not content.is_template or self._templates is None:
            return dict.fromkeys(targets, content)
        filled = FilledContent(self._templates, content)
        contents: dict[Target, Content | str] = {}
        for target in targets:
            listed = audience.items if isinstance(audience, Recipients) else ()
            variables = listed[target.recipient - 1].variables if listed else {}
            try:
                contents[target] = filled.fill_in(variables)
            except TemplateRefused as error:
                contents[target] = f"template: must be {error}"
        return contents


def _batch(
    credential: ProviderCredential,
    application: Application,
    content: Content,
    options: Options,
    targets: Sequence[Target],
    now: datetime,
) -> Batch:
    notification_id = new_id(now)
    return Batch(
        credential=credential,
        notification_id=notification_id,
        content=identified(content, options, notification_id),
        options=options,
        expires_at=max(now, options.send_at or now) + timedelta(seconds=options.ttl_s),
        default_bundle_id=application.defaults.bundle_id,
        targets=targets,
    )


def _by_content(
    contents: Mapping[Target, Content | str], targets: Sequence[Target]
) -> list[tuple[Content | str, list[Target]]]:
    groups: dict[int, tuple[Content | str, list[Target]]] = {}
    for target in targets:
        groups.setdefault(id(contents[target]), (contents[target], []))[1].append(target)
    return [*groups.values()]


def _is_surely_small(content: Content) -> bool:
    texts = (content.title, content.body, content.sound)
    rest = json.dumps([dict(content.data), dict(content.overrides)])
    return sum(len(json.dumps(text)) for text in texts) + len(rest) <= SURELY_SMALL_BYTES


def _first_of_each(addresses: Sequence[tuple[int, Address]], per_provider: int) -> list[Target]:
    """Make targets of the first addresses of each provider, as the engine would."""
    found: dict[ProviderName, list[Target]] = {}
    for ordinal, address in addresses:
        some = found.setdefault(address.provider, [])
        if len(some) < per_provider:
            digest = token_hash(address.provider, address.token)
            some.append(
                Target(
                    id=digest,
                    bucket=digest[-1],
                    recipient=ordinal,
                    provider=address.provider,
                    environment=None,
                    token=address.token,
                    token_hash=digest,
                    attributes="{}",
                    refreshed_ms=0,
                    attempts=0,
                    is_registered=False,
                    form=address.form,
                )
            )
    return [target for some in found.values() for target in some]
