"""Use cases of broadcast channels, which APNs keeps for Live Activities."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from heliograph.core import access
from heliograph.core.errors import InvalidRequest, NotFound, Problem, ProblemKind, Unavailable
from heliograph.core.model.channel import Channel, ChannelPlace, ChannelStorage
from heliograph.core.model.identity import Scope
from heliograph.core.model.registration import Environment, ProviderName

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from heliograph.core.applications.applications import Applications
    from heliograph.core.model.application import Application, ProviderCredential
    from heliograph.core.model.identity import Principal
    from heliograph.core.ports import ChannelCarrier

_is_bundle_id: Final = re.compile(r"(?=.{1,155}\Z)[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*").fullmatch
_is_channel_id: Final = re.compile(r"[A-Za-z0-9+/_-]{1,1024}={0,2}").fullmatch


class Channels:
    """Makes, shows and deletes channels; the provider alone keeps them.

    Whoever may send may also make and delete channels: a back end makes one
    for each event that it reports on. Every method raises NotPermitted,
    InvalidRequest where the application lacks a credential or bundle id,
    Conflict for what the provider refuses, RateLimited and Unavailable.
    """

    def __init__(
        self, applications: Applications, carriers: Mapping[ProviderName, ChannelCarrier]
    ) -> None:
        self._applications = applications
        self._carriers = carriers

    @property
    def _carrier(self) -> ChannelCarrier:
        carrier = self._carriers.get(ProviderName.APNS)
        if carrier is None:
            raise Unavailable("APNs")
        return carrier

    async def create(
        self,
        principal: Principal,
        application: Application,
        storage: ChannelStorage,
        *,
        environment: Environment | None = None,
        bundle_id: str | None = None,
    ) -> Channel:
        """Make a channel; Conflict where the app has as many as it may have."""
        access.require(principal, Scope.NOTIFICATIONS_SEND, application)
        place = place_of(application, environment, bundle_id)
        credential = await self._credential_of(application, place)
        return await self._carrier.create(credential, place, storage)

    async def all_of(
        self,
        principal: Principal,
        application: Application,
        *,
        environment: Environment | None = None,
        bundle_id: str | None = None,
    ) -> tuple[ChannelPlace, Sequence[str]]:
        """List the ids of an app's channels, and where they are."""
        access.require(principal, Scope.NOTIFICATIONS_READ, application)
        place = place_of(application, environment, bundle_id)
        credential = await self._credential_of(application, place)
        return place, await self._carrier.all_of(credential, place)

    async def get(
        self,
        principal: Principal,
        application: Application,
        channel_id: str,
        *,
        environment: Environment | None = None,
        bundle_id: str | None = None,
    ) -> Channel:
        """Show a channel; raises NotFound."""
        access.require(principal, Scope.NOTIFICATIONS_READ, application)
        place = place_of(application, environment, bundle_id)
        _check_id(channel_id)
        credential = await self._credential_of(application, place)
        return await self._carrier.get(credential, place, channel_id)

    async def delete(
        self,
        principal: Principal,
        application: Application,
        channel_id: str,
        *,
        environment: Environment | None = None,
        bundle_id: str | None = None,
    ) -> None:
        """Delete a channel for good; raises NotFound."""
        access.require(principal, Scope.NOTIFICATIONS_SEND, application)
        place = place_of(application, environment, bundle_id)
        _check_id(channel_id)
        credential = await self._credential_of(application, place)
        await self._carrier.delete(credential, place, channel_id)

    async def _credential_of(
        self, application: Application, place: ChannelPlace
    ) -> ProviderCredential:
        for credential in await self._applications.credentials_of(application.id):
            if (credential.provider, credential.environment) == (
                ProviderName.APNS,
                place.environment,
            ):
                return credential
        expected = "one that the application has an APNs credential for"
        raise InvalidRequest([Problem(("environment",), ProblemKind.NOT_ALLOWED, expected)])


def place_of(
    application: Application, environment: Environment | None, bundle_id: str | None
) -> ChannelPlace:
    """Complete where a channel is from the application's defaults; raises InvalidRequest."""
    chosen = bundle_id or application.defaults.bundle_id
    if chosen is None:
        expected = "given, for the application has no default"
        raise InvalidRequest([Problem(("bundle_id",), ProblemKind.MISSING, expected)])
    if not _is_bundle_id(chosen):
        raise InvalidRequest([Problem(("bundle_id",), ProblemKind.MALFORMED, "a bundle id")])
    return ChannelPlace(environment or application.defaults.environment, chosen)


def _check_id(channel_id: str) -> None:
    """Let pass what can be a channel's id: what can't names nothing."""
    if not _is_channel_id(channel_id):
        raise NotFound("channel", channel_id)
