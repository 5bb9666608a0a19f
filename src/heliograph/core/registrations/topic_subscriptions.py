"""Use cases of providers' own topics: who gets what is sent to one.

A topic is kept by its provider, who also knows devices that are not
registered here; a tag is ours. Nothing about topics is stored.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from heliograph.core import access
from heliograph.core.errors import InvalidRequest, NotFound, Problem, ProblemKind, Unavailable
from heliograph.core.model.identity import Scope
from heliograph.core.model.outcome import Misconfigured, Outcome, RefreshCredential, Rejected
from heliograph.core.model.registration import Environment
from heliograph.core.registrations.registrations import check_token

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from heliograph.core.applications.applications import Applications
    from heliograph.core.ids import Id
    from heliograph.core.model.application import Application, ProviderCredential
    from heliograph.core.model.identity import Principal
    from heliograph.core.model.registration import ProviderName
    from heliograph.core.ports import Clock, TopicService
    from heliograph.core.registrations.registrations import Registrations

MAX_MEMBERS = 1000
"""Devices that one request may name. Source: docs/providers/fcm.md, "Topic subscriptions"."""


@dataclass(frozen=True, slots=True)
class Members:
    """Devices that join or leave a topic: registrations, or bare tokens of the provider."""

    registration_ids: tuple[Id, ...] = ()
    tokens: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TopicChange:
    """A wish to change who is in a topic. is_joining: False takes the members out."""

    provider: ProviderName
    topic: str
    members: Members
    is_joining: bool


class TopicSubscriptions:
    """Lets devices join and leave providers' topics, at the provider's own word."""

    def __init__(
        self,
        applications: Applications,
        registrations: Registrations,
        services: Mapping[ProviderName, TopicService],
        clock: Clock,
    ) -> None:
        self._applications = applications
        self._registrations = registrations
        self._services = services
        self._clock = clock

    async def change(
        self, principal: Principal, application: Application, change: TopicChange
    ) -> Sequence[Outcome]:
        """Change who is in a topic; one outcome per member: registrations first, then tokens.

        Nothing is forgotten here: a token that turns out to be gone is, at the
        next notification. Raises InvalidRequest naming every problem,
        NotPermitted, NotFound for an application without a credential of the
        provider, and Unavailable where this process has no such provider.
        """
        access.require(principal, Scope.REGISTRATIONS_WRITE, application)
        members = change.members
        if members.tokens:
            # Whose a bare token is nobody can say, so it is nobody's.
            access.require_ownership(principal, None)
        service = self._services.get(change.provider)
        if service is None:
            raise Unavailable(change.provider)
        _check(members)
        service.check_topic(change.topic)
        credential = await self._credential(application, change.provider)
        outcomes: dict[int, Outcome] = {}
        # One device may be named more than once; its provider is asked once.
        positions: dict[str, list[int]] = {}
        for position, registration_id in enumerate(members.registration_ids):
            token = await self._token_of(principal, application, registration_id, change.provider)
            if isinstance(token, Rejected):
                outcomes[position] = token
            else:
                positions.setdefault(token, []).append(position)
        for position, token in enumerate(members.tokens, len(members.registration_ids)):
            positions.setdefault(token, []).append(position)
        answers = await self._ask(service, credential, change, [*positions])
        for places, outcome in zip(positions.values(), answers, strict=True):
            outcomes |= dict.fromkeys(places, outcome)
        return [outcomes[position] for position in sorted(outcomes)]

    async def _ask(
        self,
        service: TopicService,
        credential: ProviderCredential,
        change: TopicChange,
        tokens: list[str],
    ) -> list[Outcome]:
        """Ask the provider, and once more where a fresh credential may cure it."""
        if not tokens:
            return []
        now = self._clock.now()
        topic, subscribe = change.topic, change.is_joining
        outcomes = [
            *await service.change_topic(credential, topic, tokens, subscribe=subscribe, now=now)
        ]
        stale = [place for place, o in enumerate(outcomes) if isinstance(o, RefreshCredential)]
        if stale:
            await service.refresh(credential)
            left = [tokens[place] for place in stale]
            again = await service.change_topic(
                credential, topic, left, subscribe=subscribe, now=now
            )
            for place, outcome in zip(stale, again, strict=True):
                if isinstance(outcome, RefreshCredential):
                    outcomes[place] = Misconfigured(outcome.reason)
                else:
                    outcomes[place] = outcome
        return outcomes

    async def _credential(
        self, application: Application, provider: ProviderName
    ) -> ProviderCredential:
        for credential in await self._applications.credentials_of(application.id):
            key = (credential.provider, credential.environment)
            if key == (provider, Environment.PRODUCTION):
                return credential
        raise NotFound("credential", provider)

    async def _token_of(
        self,
        principal: Principal,
        application: Application,
        registration_id: Id,
        provider: ProviderName,
    ) -> str | Rejected:
        try:
            registration = await self._registrations.get(principal, application, registration_id)
        except NotFound:
            return Rejected("there is no such registration")
        if registration.provider is not provider:
            return Rejected(f"the registration is of {registration.provider}")
        return registration.token


def _check(members: Members) -> None:
    """Refuse too few or too many members, and tokens that nobody can have."""
    count = len(members.registration_ids) + len(members.tokens)
    if not count:
        raise InvalidRequest([Problem((), ProblemKind.TOO_SHORT, "one registration or more")])
    if count > MAX_MEMBERS:
        expected = f"at most {MAX_MEMBERS} registrations and tokens"
        raise InvalidRequest([Problem((), ProblemKind.TOO_MANY, expected)])
    problems = []
    for place, token in enumerate(members.tokens):
        try:
            check_token(token)
        except InvalidRequest as error:
            problems += [
                Problem(("tokens", place), found.kind, found.expected) for found in error.problems
            ]
    if problems:
        raise InvalidRequest(problems)
