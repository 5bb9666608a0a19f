"""Broadcast channels: made, read, listed and deleted at APNs.

Source: docs/providers/apns.md, "Channels".
"""

from __future__ import annotations

import json
import uuid
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, Never

from heliograph.core.errors import Conflict, NotFound, RateLimited, Unavailable
from heliograph.core.model.channel import Channel, ChannelStorage
from heliograph.core.model.outcome import Misconfigured
from heliograph.outbound.http2.messages import Lost, Request
from heliograph.outbound.json_object import read_object
from heliograph.outbound.retry_after import retry_after_of
from heliograph.providers.apns.response import GONE_CHANNEL, STALE_CREDENTIAL, reason_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from heliograph.core.model.application import ProviderCredential
    from heliograph.core.model.channel import ChannelPlace
    from heliograph.core.model.registration import Environment
    from heliograph.core.ports import Clock
    from heliograph.outbound.http2.messages import Headers, Reply
    from heliograph.outbound.http2.sender import Origin
    from heliograph.providers.apns.lines import ApnsLines

NO_SUCH_CHANNEL: Final = GONE_CHANNEL | {"BadChannelId", "MissingChannelId"}
"""The id names nothing here: as a channel, or at all."""

FULL: Final = frozenset({"CannotCreateChannelConfig"})
"""The app has its 10,000 channels."""

_CREATED: Final = 201
_OK: Final = 200
_NO_CONTENT: Final = 204
_BAD_REQUEST: Final = 400
_TOO_MANY: Final = 429
_FIRST_SERVER_ERROR: Final = 500
_PAUSE: Final = timedelta(seconds=30)
_PUSH_TYPE: Final = "LiveActivity"
_POLICIES: Final = {ChannelStorage.NONE: 0, ChannelStorage.LATEST: 1}
_STORAGES: Final = {number: storage for storage, number in _POLICIES.items()}


class ApnsChannels:
    """Manages channels on the hosts that APNs keeps for that."""

    def __init__(
        self,
        lines: ApnsLines,
        origins: Mapping[Environment, Origin],
        clock: Clock,
        *,
        request_timeout_s: float,
    ) -> None:
        self._lines = lines
        self._origins = origins
        self._clock = clock
        self._timeout_s = request_timeout_s

    async def create(
        self, credential: ProviderCredential, place: ChannelPlace, storage: ChannelStorage
    ) -> Channel:
        """Make a channel. Raises as the port says."""
        wish = {"message-storage-policy": _POLICIES[storage], "push-type": _PUSH_TYPE}
        reply = await self._ask(credential, place, b"POST", b"/channels", body=wish)
        channel_id = reply.headers.get("apns-channel-id")
        if reply.status != _CREATED or not channel_id:
            self._refuse(credential, reply, "")
        return Channel(channel_id, place, storage)

    async def get(
        self, credential: ProviderCredential, place: ChannelPlace, channel_id: str
    ) -> Channel:
        """Read one channel. Raises as the port says."""
        reply = await self._ask(credential, place, b"GET", b"/channels", channel_id)
        policy = read_object(reply.body).get("message-storage-policy")
        storage = _STORAGES.get(policy) if type(policy) is int else None
        if reply.status != _OK or storage is None:
            self._refuse(credential, reply, channel_id)
        return Channel(channel_id, place, storage)

    async def all_of(self, credential: ProviderCredential, place: ChannelPlace) -> Sequence[str]:
        """List the ids of an app's channels. Raises as the port says."""
        reply = await self._ask(credential, place, b"GET", b"/all-channels")
        listed = read_object(reply.body).get("channels")
        if reply.status != _OK or not isinstance(listed, list):
            self._refuse(credential, reply, "")
        return [each for each in listed if isinstance(each, str)]

    async def delete(
        self, credential: ProviderCredential, place: ChannelPlace, channel_id: str
    ) -> None:
        """Delete a channel for good. Raises as the port says."""
        reply = await self._ask(credential, place, b"DELETE", b"/channels", channel_id)
        if reply.status != _NO_CONTENT:
            self._refuse(credential, reply, channel_id)

    async def _ask(
        self,
        credential: ProviderCredential,
        place: ChannelPlace,
        method: bytes,
        path: bytes,
        channel_id: str | None = None,
        *,
        body: Mapping[str, Any] | None = None,
    ) -> Reply:
        """Send one request; raises Conflict for a credential of no use, Unavailable."""
        proof = self._lines.proof(credential, now=self._clock.now())
        if isinstance(proof, Misconfigured):
            raise Conflict("APNs credential", proof.detail)
        own: Headers = ((b"apns-request-id", str(uuid.uuid4()).encode("ascii")),)
        if channel_id is not None:
            own += ((b"apns-channel-id", channel_id.encode("ascii")),)
        content = b""
        if body is not None:
            own += ((b"content-type", b"application/json"),)
            content = json.dumps(body, separators=(",", ":")).encode("ascii")
        request = Request(b"/1/apps/" + place.bundle_id.encode("ascii") + path, content, own)
        if self._lines.is_closed:
            raise Unavailable("APNs")
        with self._lines.lease(credential, self._origins[place.environment], proof) as line:
            (result,) = await line.sender.send(
                proof.headers, [request], method=method, timeout_s=self._timeout_s
            )
        if isinstance(result, Lost):
            raise Unavailable("APNs")
        return result

    def _refuse(self, credential: ProviderCredential, reply: Reply, channel_id: str) -> Never:
        """Raise what a reply that is not the hoped-for one means."""
        reason = reason_of(read_object(reply.body)) or f"HTTP {reply.status}"
        if reply.status >= _FIRST_SERVER_ERROR or reply.status < _BAD_REQUEST:
            raise Unavailable("APNs")
        if reply.status == _TOO_MANY:
            asked = retry_after_of(reply.headers, now=self._clock.now())
            raise RateLimited(asked or _PAUSE)
        if reason in NO_SUCH_CHANNEL:
            raise NotFound("channel", channel_id)
        if reason in STALE_CREDENTIAL and self._lines.tokens.is_renewable(credential.id):
            self._lines.refresh(credential)
            raise Unavailable("APNs")
        if reason in FULL:
            raise Conflict("channel", f"{reason}: the app has as many as it may have")
        raise Conflict("APNs", reason)
