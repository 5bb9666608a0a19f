"""Sends pages of notifications to WNS."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from datetime import timedelta
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import urlsplit

from heliograph.core.model.application import WnsCredential
from heliograph.core.model.audience import AddressForm
from heliograph.core.model.outcome import Accepted, Deferred, Misconfigured, Rejected
from heliograph.core.model.registration import ProviderName
from heliograph.core.ports import Preview
from heliograph.outbound.guard import UrlRefused
from heliograph.outbound.http1 import Http1Client, OutboundError
from heliograph.outbound.tls import shared_client_tls
from heliograph.providers.wns.auth import AccessTokens
from heliograph.providers.wns.request import build_message
from heliograph.providers.wns.response import interpret_lost, interpret_response
from heliograph.providers.wns.settings import (
    CHANNEL_HOST,
    PAYLOAD_LIMIT_BYTES,
    check_channel,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from heliograph.config import Wns
    from heliograph.core.ids import Id
    from heliograph.core.model.application import ProviderCredential
    from heliograph.core.model.delivery import Target
    from heliograph.core.model.outcome import Outcome
    from heliograph.core.ports import Batch, Clock
    from heliograph.outbound.guard import Guard
    from heliograph.outbound.http1 import HttpReply
    from heliograph.providers.wns.request import Message

MAX_PROVEN: Final = 1000
"""Credentials of which it is remembered that WNS has taken a message for them."""

_CLOSED: Final = Deferred("the server is stopping", timedelta(0))
_FOREIGN: Final = Misconfigured("not a WNS credential")
_HIDDEN: Final = ("authorization", "…")


class _Unusable(NamedTuple):
    """Why a target is not sent to."""

    problem: str


class WnsProvider:
    """Carries notifications to apps on Windows.

    guard: what channel URIs, which devices supply, are checked with.
    """

    name = ProviderName.WNS

    def __init__(
        self, settings: Wns, guard: Guard, clock: Clock, *, request_timeout_s: float
    ) -> None:
        """Read the trusted authorities; raises OSError or ValueError for settings that can't be."""
        tls = shared_client_tls(settings.ca_file)
        self._guard = guard
        self._clock = clock
        self._timeout_s = request_timeout_s
        # The endpoints are the operator's own settings; channels are strangers' words.
        self._token_client = Http1Client(tls, proxy=guard.proxy)
        self._client = Http1Client(tls, guard=guard)
        self._tokens = AccessTokens(
            self._token_client, settings, clock, timeout_s=request_timeout_s
        )
        self._places = asyncio.Semaphore(settings.connections)
        self._proven: OrderedDict[Id, None] = OrderedDict()
        self._is_closed = False

    async def send(self, batch: Batch, *, now: datetime) -> Sequence[Outcome]:
        """Render once and send; one outcome per target, in their order."""
        count = len(batch.targets)
        secret = batch.credential.secret
        if self._is_closed:
            return [_CLOSED] * count
        if not isinstance(secret, WnsCredential):
            return [_FOREIGN] * count
        message = build_message(batch.content, batch.options, expires_at=batch.expires_at, now=now)
        found = [self._channel_of(message, target) for target in batch.targets]
        outcomes: list[Outcome] = [
            Rejected(each.problem) if isinstance(each, _Unusable) else _CLOSED for each in found
        ]
        channels = [(place, each) for place, each in enumerate(found) if isinstance(each, str)]
        if not channels:
            return outcomes
        token = await self._tokens.authorization(batch.credential.id, secret, now=now)
        if not isinstance(token, str):
            for place, _ in channels:
                outcomes[place] = token
            return outcomes
        headers = {**message.headers, "authorization": f"Bearer {token}"}
        replies = await asyncio.gather(
            *(self._post(channel, headers, message.body) for _, channel in channels)
        )
        # Read off all of them first: one success explains its neighbours' failures.
        self._note_proof(batch.credential.id, replies, now)
        is_known = batch.credential.id in self._proven
        for (place, _), reply in zip(channels, replies, strict=True):
            if isinstance(reply, OutboundError):
                outcomes[place] = interpret_lost(reply)
            else:
                outcomes[place] = interpret_response(reply, now=now, is_identity_known=is_known)
        return outcomes

    def preview(self, batch: Batch) -> Sequence[Preview]:
        """Render without sending; one preview per target, in their order."""
        message = build_message(
            batch.content, batch.options, expires_at=batch.expires_at, now=self._clock.now()
        )
        is_ours = isinstance(batch.credential.secret, WnsCredential)
        return [self._preview_of(message, target, is_ours=is_ours) for target in batch.targets]

    async def refresh(self, credential: ProviderCredential) -> None:
        """Forget a refused access token, unless it is less than a minute old."""
        self._tokens.forget(credential.id)

    async def close(self) -> None:
        """Close every connection; what is under way is lost."""
        self._is_closed = True
        await self._client.aclose()
        await self._token_client.aclose()

    async def _post(
        self, channel: str, headers: dict[str, str], body: bytes
    ) -> HttpReply | OutboundError:
        # Waiting for a free place is no part of the time that WNS has to answer.
        async with self._places:
            if self._is_closed:
                return OutboundError("the server is stopping", is_unprocessed=True)
            try:
                return await self._client.request(
                    "POST", channel, headers=headers, body=body, timeout_s=self._timeout_s
                )
            except OutboundError as error:
                return error

    def _channel_of(self, message: Message, target: Target) -> str | _Unusable:
        """Say where a target's message goes, or why it goes nowhere."""
        if message.problem is not None:
            return _Unusable(message.problem)
        if target.form is not AddressForm.TOKEN:
            return _Unusable(f"WNS has no {target.form}")
        try:
            return check_channel(target.token, self._guard)
        except UrlRefused as error:
            return _Unusable(f"not a channel URI at {CHANNEL_HOST}: it must be {error.expected}")

    def _note_proof(
        self, credential_id: Id, replies: Sequence[HttpReply | OutboundError], now: datetime
    ) -> None:
        if not any(
            not isinstance(reply, OutboundError)
            and isinstance(interpret_response(reply, now=now), Accepted)
            for reply in replies
        ):
            return
        self._proven[credential_id] = None
        self._proven.move_to_end(credential_id)
        if len(self._proven) > MAX_PROVEN:
            self._proven.popitem(last=False)

    def _preview_of(self, message: Message, target: Target, *, is_ours: bool) -> Preview:
        channel = self._channel_of(message, target)
        problem = channel.problem if isinstance(channel, _Unusable) else None
        parts = urlsplit("" if isinstance(channel, _Unusable) else channel)
        return Preview(
            method="POST",
            host=parts.netloc,
            path=f"{parts.path}?{parts.query}" if parts.query else parts.path,
            headers=(*message.headers.items(), _HIDDEN),
            body=message.body,
            size_bytes=len(message.body),
            limit_bytes=PAYLOAD_LIMIT_BYTES,
            problem=problem if is_ours else _FOREIGN.detail,
        )
