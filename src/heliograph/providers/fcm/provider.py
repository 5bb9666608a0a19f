"""Sends pages of notifications to FCM."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Final, NamedTuple
from weakref import WeakSet

from heliograph.core.model.application import FcmCredential
from heliograph.core.model.outcome import Deferred, Misconfigured
from heliograph.core.model.registration import ProviderName
from heliograph.outbound.http1 import Http1Client
from heliograph.outbound.http2.messages import Lost
from heliograph.outbound.http2.pool import SenderPool
from heliograph.outbound.http2.sender import Http2Sender
from heliograph.outbound.tls import client_tls, plain_client_tls
from heliograph.providers.fcm.auth import AccessTokens
from heliograph.providers.fcm.request import (
    HEADERS,
    Message,
    build_message,
    build_path,
    build_request,
)
from heliograph.providers.fcm.response import interpret_lost, interpret_response
from heliograph.providers.fcm.settings import origin_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from heliograph.config import Fcm
    from heliograph.core.model.application import ProviderCredential
    from heliograph.core.model.outcome import Outcome
    from heliograph.core.ports import Batch, Clock
    from heliograph.outbound.http2.messages import Headers, Reply
    from heliograph.outbound.http2.pool import Line

SLICE: Final = 250
"""Requests built in one turn of the loop: more would hold up everything else on it."""

_OK: Final = 200
_CLOSED: Final = Deferred("the server is stopping", timedelta(0))


class FcmProvider:
    """Carries notifications to Android devices, browsers and whatever else FCM reaches."""

    name = ProviderName.FCM

    def __init__(self, settings: Fcm, clock: Clock, *, request_timeout_s: float) -> None:
        """Read the trusted authorities; raises OSError or ValueError for settings that can't be."""
        tls = client_tls(settings.ca_file)
        self._origin = origin_of(settings)
        self._timeout_s = request_timeout_s
        self._client = Http1Client(plain_client_tls(settings.ca_file))
        self._tokens = AccessTokens(self._client, clock, timeout_s=request_timeout_s)
        self._senders = SenderPool(lambda origin: Http2Sender(origin, tls))
        # The lines through which FCM has taken a message: their project is there.
        self._proven: WeakSet[Line] = WeakSet()

    async def send(self, batch: Batch, *, now: datetime) -> Sequence[Outcome]:
        """Render once and send; one outcome per target, in their order."""
        count = len(batch.targets)
        secret = batch.credential.secret
        if self._senders.is_closed:
            return [_CLOSED] * count
        if not isinstance(secret, FcmCredential):
            return [Misconfigured("not an FCM credential")] * count
        message = build_message(batch.content, batch.options, expires_at=batch.expires_at, now=now)
        if not isinstance(message, Message):
            return [message] * count
        authorization = await self._tokens.authorization(batch.credential.id, secret, now=now)
        if not isinstance(authorization, bytes):
            return [authorization] * count
        sending = _Sending(
            batch,
            message,
            build_path(secret.project_id),
            (*HEADERS, (b"authorization", authorization)),
            now,
        )
        if count <= SLICE:
            return await self._send_slice(sending, 0)
        slices = []
        async with asyncio.TaskGroup() as sends:
            for start in range(0, count, SLICE):
                slices.append(sends.create_task(self._send_slice(sending, start)))
                await asyncio.sleep(0)
        return [outcome for each in slices for outcome in each.result()]

    async def refresh(self, credential: ProviderCredential) -> None:
        """Forget a refused access token, unless it is less than a minute old."""
        self._tokens.forget(credential.id)

    async def close(self) -> None:
        """Close every connection; what is under way is lost."""
        await self._senders.close()
        await self._client.aclose()

    async def _send_slice(self, sending: _Sending, start: int) -> list[Outcome]:
        targets = sending.batch.targets[start : start + SLICE]
        if self._senders.is_closed:
            return [_CLOSED] * len(targets)
        path, message = sending.path, sending.message
        requests = [build_request(path, message, target.token) for target in targets]
        credential = sending.batch.credential
        place = (credential.application_id, credential.environment)
        with self._senders.lease(credential.id, place, self._origin) as line:
            results = await line.sender.send(sending.headers, requests, timeout_s=self._timeout_s)
            # Read off the whole slice first: one success explains its neighbours' failures.
            if any(map(_is_success, results)):
                self._proven.add(line)
            is_project_known = line in self._proven
            return [
                interpret_lost(result)
                if isinstance(result, Lost)
                else interpret_response(
                    result,
                    now=sending.now,
                    attempts=target.attempts,
                    is_project_known=is_project_known,
                )
                for target, result in zip(targets, results, strict=True)
            ]


def _is_success(result: Reply | Lost) -> bool:
    return not isinstance(result, Lost) and result.status == _OK


class _Sending(NamedTuple):
    """What all slices of a batch have in common."""

    batch: Batch
    message: Message
    path: bytes
    headers: Headers
    now: datetime
