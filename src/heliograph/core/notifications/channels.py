"""Use cases of broadcast channels, which APNs keeps for Live Activities."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from heliograph.core import access
from heliograph.core.errors import InvalidRequest, NotFound, Problem, ProblemKind, Unavailable
from heliograph.core.model.channel import AskedPlace, Channel, ChannelPlace, ChannelStorage
from heliograph.core.model.identity import Scope
from heliograph.core.model.registration import ProviderName

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from heliograph.core.applications.applications import Applications
    from heliograph.core.model.application import Application, ProviderCredential
    from heliograph.core.model.identity import Principal
    from heliograph.core.ports import ChannelCarrier

_is_bundle_id: Final = re.compile(r"(?=.{1,155}\Z)[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*").fullmatch
_is_channel_id: Final = re.compile(r"[A-Za-z0-9+/_-]{1,1024}={0,2}").fullmatch
_ITS_OWN: Final = AskedPlace()


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
        asked: AskedPlace = _ITS_OWN,
    ) -> Channel:
        """Make a channel; Conflict where the app has as many as it may have."""
        way = await self._way(principal, Scope.NOTIFICATIONS_SEND, application, asked)
        return await self._carrier.create(*way, storage)

    async def all_of(
        self,
        principal: Principal,
        application: Application,
        asked: AskedPlace = _ITS_OWN,
    ) -> tuple[ChannelPlace, Sequence[str]]:
        """List the ids of an app's channels, and where they are."""
        credential, place = await self._way(principal, Scope.NOTIFICATIONS_READ, application, asked)
        return place, await self._carrier.all_of(credential, place)

    async def get(
        self,
        principal: Principal,
        application: Application,
        channel_id: str,
        asked: AskedPlace = _ITS_OWN,
    ) -> Channel:
        """Show a channel; raises NotFound."""
        way = await self._way(principal, Scope.NOTIFICATIONS_READ, application, asked, channel_id)
        return await self._carrier.get(*way, channel_id)

    async def delete(
        self,
        principal: Principal,
        application: Application,
        channel_id: str,
        asked: AskedPlace = _ITS_OWN,
    ) -> None:
        """Delete a channel for good; raises NotFound."""
        way = await self._way(principal, Scope.NOTIFICATIONS_SEND, application, asked, channel_id)
        await self._carrier.delete(*way, channel_id)

    async def _way(
        self,
        principal: Principal,
        scope: Scope,
        application: Application,
        asked: AskedPlace,
        channel_id: str | None = None,
    ) -> tuple[ProviderCredential, ChannelPlace]:
        """Let a caller pass who has the right; answer by which credential to ask where."""
        access.require(principal, scope, application)
        place = place_of(application, asked)
        if channel_id is not None and not _is_channel_id(channel_id):
            # What can't be a channel's id names nothing.
            raise NotFound("channel", channel_id)
        return await self._credential_of(application, place), place

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


def place_of(application: Application, asked: AskedPlace) -> ChannelPlace:
    """Complete where a channel is from the application's defaults; raises InvalidRequest."""
    chosen = asked.bundle_id or application.defaults.bundle_id
    if chosen is None:
        expected = "given, for the application has no default"
        raise InvalidRequest([Problem(("bundle_id",), ProblemKind.MISSING, expected)])
    if not _is_bundle_id(chosen):
        raise InvalidRequest([Problem(("bundle_id",), ProblemKind.MALFORMED, "a bundle id")])
    return ChannelPlace(asked.environment or application.defaults.environment, chosen)
