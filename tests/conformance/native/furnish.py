"""An application with an APNs key, and an APNs that keeps its channels."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from heliograph.core.errors import NotFound
from heliograph.core.ids import spell
from heliograph.core.model.application import ApnsCredential, Defaults
from heliograph.core.model.breaker import Breaker, BreakerCause, BreakerKey, BreakerState
from heliograph.core.model.channel import Channel
from heliograph.core.model.delivery import Shard, ShardSource
from heliograph.core.model.registration import Environment, ProviderName

if TYPE_CHECKING:
    from heliograph.core.ids import Id
    from heliograph.core.model.application import ProviderCredential
    from heliograph.core.model.channel import ChannelPlace, ChannelStorage
    from heliograph.wiring import Stack


class ChannelShelf:
    """Keeps channels in memory, as APNs would elsewhere."""

    def __init__(self) -> None:
        self._channels: dict[tuple[ChannelPlace, str], Channel] = {}

    async def create(
        self, credential: ProviderCredential, place: ChannelPlace, storage: ChannelStorage
    ) -> Channel:
        number = len(self._channels) + 1
        # Ids of APNs' kind, with what has to be escaped in a path.
        channel_id = base64.b64encode(b"\xfb\xef\xff" * 5 + bytes([number])).decode()
        channel = self._channels[place, channel_id] = Channel(channel_id, place, storage)
        return channel

    async def get(
        self, credential: ProviderCredential, place: ChannelPlace, channel_id: str
    ) -> Channel:
        try:
            return self._channels[place, channel_id]
        except KeyError:
            raise NotFound("channel", channel_id) from None

    async def all_of(self, credential: ProviderCredential, place: ChannelPlace) -> list[str]:
        return [channel_id for there, channel_id in self._channels if there == place]

    async def delete(
        self, credential: ProviderCredential, place: ChannelPlace, channel_id: str
    ) -> None:
        channel = await self.get(credential, place, channel_id)
        del self._channels[place, channel.id]


async def furnish_native(stack: Stack) -> dict[str, str]:
    """Make the application that the cases call `{apns_app}`."""
    core = stack.core
    account = await core.applications.account()
    application = await core.applications.create(
        account.id, "live", Defaults(bundle_id="com.example.live")
    )
    key = ec.generate_private_key(ec.SECP256R1())
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    secret = ApnsCredential("KEY1234567", "TEAM123456", pem)
    await core.applications.set_credential(application, Environment.PRODUCTION, secret)
    await _hold_back(stack, application.id)
    return {"apns_app": spell("application", application.id)}


async def _hold_back(stack: Stack, application_id: Id) -> None:
    """Open the breaker of FCM for it, as a worker would."""
    opened_at = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    breaker = Breaker(
        key=BreakerKey(application_id, ProviderName.FCM, Environment.PRODUCTION),
        state=BreakerState.OPEN,
        cause=BreakerCause.CREDENTIAL,
        reason="no fcm credential for production",
        credential_id=None,
        opened_at=opened_at,
        changed_at=opened_at,
        probe_at=opened_at + timedelta(minutes=1),
    )
    shard = Shard(application_id, application_id, application_id, ShardSource.QUERY, 0, 0, 0, None)
    await stack.store.ledger.hold(shard, until=breaker.probe_at, breakers=[breaker])
