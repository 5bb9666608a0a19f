"""Sends pages of notifications to FCM."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Final, NamedTuple

from heliograph.core.model.application import FcmCredential
from heliograph.core.model.outcome import Deferred, Misconfigured
from heliograph.core.model.registration import ProviderName
from heliograph.outbound.http1 import Http1Client
from heliograph.outbound.http2.messages import Lost
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
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime

    from heliograph.config import Fcm
    from heliograph.core.ids import Id
    from heliograph.core.model.application import ProviderCredential
    from heliograph.core.model.outcome import Outcome
    from heliograph.core.model.registration import Environment
    from heliograph.core.ports import Batch, Clock
    from heliograph.outbound.http2.messages import Headers, Reply

MAX_SENDERS: Final = 1000
"""Connections kept; the least recently used one is closed for another."""

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
        origin = origin_of(settings)
        self._timeout_s = request_timeout_s
        self._client = Http1Client(plain_client_tls(settings.ca_file))
        self._tokens = AccessTokens(self._client, clock, timeout_s=request_timeout_s)
        self._senders = SenderPool(lambda: Http2Sender(origin, tls))

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
        with self._senders.lease(sending.batch.credential) as line:
            results = await line.sender.send(sending.headers, requests, timeout_s=self._timeout_s)
            # Read off the whole slice first: one success explains its neighbours' failures.
            line.is_project_known = line.is_project_known or any(map(_is_success, results))
            return [
                interpret_lost(result)
                if isinstance(result, Lost)
                else interpret_response(
                    result,
                    now=sending.now,
                    attempts=target.attempts,
                    is_project_known=line.is_project_known,
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


class Line:
    """A sender, how many sends are using it, and whose it is.

    is_project_known: FCM has taken a message through it.
    """

    __slots__ = ("is_project_known", "place", "sender", "users")

    def __init__(self, sender: Http2Sender, place: tuple[Id, Environment]) -> None:
        self.sender = sender
        self.place = place
        self.is_project_known = False
        self.users = 0


class SenderPool:
    """One sender per credential, opened at the first push.

    A new version of a credential retires its predecessors' senders. A retired
    sender takes nothing new and is closed once nobody is using it.
    """

    def __init__(self, connect: Callable[[], Http2Sender], *, size: int = MAX_SENDERS) -> None:
        self.is_closed = False
        self._connect = connect
        self._size = size
        self._lines: OrderedDict[Id, Line] = OrderedDict()
        self._retired: set[Line] = set()
        self._closing: set[asyncio.Task[None]] = set()

    @contextmanager
    def lease(self, credential: ProviderCredential) -> Iterator[Line]:
        """Lend the sender of a credential; it stays open until it is given back."""
        line = self._line(credential)
        line.users += 1
        try:
            yield line
        finally:
            line.users -= 1
            self._close_if_idle(line)

    async def close(self) -> None:
        """Close every sender."""
        self.is_closed = True
        lines = [*self._lines.values(), *self._retired]
        self._lines.clear()
        self._retired.clear()
        await asyncio.gather(*(line.sender.aclose() for line in lines), *self._closing)

    def _line(self, credential: ProviderCredential) -> Line:
        line = self._lines.get(credential.id)
        if line is not None:
            self._lines.move_to_end(credential.id)
            return line
        # Ids sort by age: a page that still has the former version must not end the new one's.
        place = (credential.application_id, credential.environment)
        for other in [other for other, line in self._lines.items() if line.place == place]:
            if other < credential.id:
                self._retire(other)
        if len(self._lines) >= self._size:
            self._retire(next(iter(self._lines)))
        line = self._lines[credential.id] = Line(self._connect(), place)
        return line

    def _retire(self, credential_id: Id) -> None:
        line = self._lines.pop(credential_id)
        self._retired.add(line)
        self._close_if_idle(line)

    def _close_if_idle(self, line: Line) -> None:
        if line in self._retired and not line.users:
            self._retired.discard(line)
            task = asyncio.get_running_loop().create_task(line.sender.aclose())
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)
