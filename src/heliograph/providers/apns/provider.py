"""Sends pages of notifications to APNs."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Final, NamedTuple

from heliograph.core.model.application import ApnsCredential
from heliograph.core.model.outcome import Deferred, Misconfigured
from heliograph.core.model.registration import Environment, ProviderName
from heliograph.outbound.http2.messages import Lost
from heliograph.outbound.http2.sender import Http2Sender
from heliograph.outbound.http2.settings import SenderSettings
from heliograph.outbound.tls import client_tls
from heliograph.providers.apns.auth import ProviderTokens, UnusableKey
from heliograph.providers.apns.request import (
    Message,
    build_message,
    build_request,
    build_topic,
    bundle_id_of,
    message_id_of,
    push_type_of,
)
from heliograph.providers.apns.response import interpret_lost, interpret_response
from heliograph.providers.apns.settings import origin_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime

    from heliograph.config import Apns
    from heliograph.core.ids import Id
    from heliograph.core.model.application import ProviderCredential
    from heliograph.core.model.outcome import Outcome, Rejected
    from heliograph.core.ports import Batch, Clock
    from heliograph.outbound.http2.messages import Headers

MAX_SENDERS: Final = 1000
"""Connections kept; the least recently used one is closed for another."""

SLICE: Final = 250
"""Requests built in one turn of the loop: more would hold up everything else on it."""

_CLOSED: Final = Deferred("the server is stopping", timedelta(0))


class ApnsProvider:
    """Carries notifications to Apple devices."""

    name = ProviderName.APNS

    def __init__(self, settings: Apns, clock: Clock, *, request_timeout_s: float) -> None:
        """Read the trusted authorities; raises OSError or ValueError for settings that can't be."""
        tls = client_tls(settings.ca_file)
        origins = {each: origin_of(settings, each) for each in Environment}
        alone = SenderSettings(first_request_alone=True)
        self._timeout_s = request_timeout_s
        self._tokens = ProviderTokens(clock)
        self._senders = SenderPool(lambda where: Http2Sender(origins[where], tls, settings=alone))

    async def send(self, batch: Batch, *, now: datetime) -> Sequence[Outcome]:
        """Render once per variant and send; one outcome per target, in their order."""
        credential = batch.credential
        if not isinstance(credential.secret, ApnsCredential):
            return [Misconfigured("not an APNs credential")] * len(batch.targets)
        try:
            authorization = self._tokens.authorization(credential.id, credential.secret)
        except UnusableKey as error:
            return [Misconfigured(f"the signing key is unusable: {error}")] * len(batch.targets)
        outcomes: list[Outcome] = [_CLOSED] * len(batch.targets)
        slices = []
        for (environment, bundle_id), positions in _variants(batch).items():
            message = _message(batch, bundle_id)
            if not isinstance(message, Message):
                for position in positions:
                    outcomes[position] = message
                continue
            headers = (*message.headers, (b"authorization", authorization))
            slices += [
                _Slice(environment, headers, message, positions[start : start + SLICE])
                for start in range(0, len(positions), SLICE)
            ]
        if len(slices) == 1:
            await self._send_slice(batch, slices[0], outcomes, now=now)
            return outcomes
        async with asyncio.TaskGroup() as sends:
            for each in slices:
                sends.create_task(self._send_slice(batch, each, outcomes, now=now))
                await asyncio.sleep(0)
        return outcomes

    async def refresh(self, credential: ProviderCredential) -> None:
        """Mint a new provider token, if the present one is 20 minutes old or more.

        The new one starts on a new connection: APNs ties a connection to the
        key that it saw first.
        """
        if not isinstance(credential.secret, ApnsCredential):
            return
        try:
            is_new = self._tokens.refresh(credential.id, credential.secret)
        except UnusableKey:
            return  # The next `send` says so.
        if is_new:
            self._senders.retire(credential.id)

    async def close(self) -> None:
        """Close every connection; what is under way is lost."""
        await self._senders.close()

    async def _send_slice(
        self, batch: Batch, part: _Slice, outcomes: list[Outcome], *, now: datetime
    ) -> None:
        if self._senders.is_closed:
            return
        targets = batch.targets
        notification_id = batch.notification_id
        requests = [
            build_request(part.message, target.token, message_id_of(notification_id, target.id))
            for target in map(targets.__getitem__, part.positions)
        ]
        with self._senders.lease(batch.credential, part.environment) as sender:
            results = await sender.send(part.headers, requests, timeout_s=self._timeout_s)
        for position, result in zip(part.positions, results, strict=True):
            if isinstance(result, Lost):
                outcomes[position] = interpret_lost(result)
            else:
                attempts = targets[position].attempts
                outcomes[position] = interpret_response(result, now=now, attempts=attempts)


class _Slice(NamedTuple):
    """Some targets of one variant, by their positions in the batch."""

    environment: Environment
    headers: Headers
    message: Message
    positions: list[int]


def _variants(batch: Batch) -> dict[tuple[Environment, str | None], list[int]]:
    """Sort the targets by what their requests have in common."""
    default = batch.credential.environment
    variants: dict[tuple[Environment, str | None], list[int]] = {}
    # Many registrations share their attributes' text, so each text is read once.
    known: dict[tuple[Environment | None, str], list[int]] = {}
    for position, target in enumerate(batch.targets):
        key = (target.environment, target.attributes)
        positions = known.get(key)
        if positions is None:
            variant = (target.environment or default, bundle_id_of(target.attributes))
            known[key] = positions = variants.setdefault(variant, [])
        positions.append(position)
    return variants


def _message(batch: Batch, bundle_id: str | None) -> Message | Rejected | Misconfigured:
    push_type = push_type_of(batch.content)
    topic = build_topic(bundle_id, batch.default_bundle_id, push_type)
    if not isinstance(topic, bytes):
        return topic
    return build_message(
        batch.content,
        batch.options,
        topic=topic,
        push_type=push_type,
        expires_at=batch.expires_at,
    )


class _Line:
    """A sender, how many sends are using it, and whose it is."""

    __slots__ = ("place", "sender", "users")

    def __init__(self, sender: Http2Sender, place: tuple[Id, Environment]) -> None:
        self.sender = sender
        self.place = place
        self.users = 0


class SenderPool:
    """One sender per credential and environment, opened at the first push.

    A new version of a credential retires its predecessors' senders. A retired
    sender takes nothing new and is closed once nobody is using it.
    """

    def __init__(
        self, connect: Callable[[Environment], Http2Sender], *, size: int = MAX_SENDERS
    ) -> None:
        self.is_closed = False
        self._connect = connect
        self._size = size
        self._lines: OrderedDict[tuple[Id, Environment], _Line] = OrderedDict()
        self._retired: set[_Line] = set()
        self._closing: set[asyncio.Task[None]] = set()

    @contextmanager
    def lease(
        self, credential: ProviderCredential, environment: Environment
    ) -> Iterator[Http2Sender]:
        """Lend the sender of a credential; it stays open until it is given back."""
        line = self._line(credential, environment)
        line.users += 1
        try:
            yield line.sender
        finally:
            line.users -= 1
            self._close_if_idle(line)

    def retire(self, credential_id: Id) -> None:
        """Give the credential new connections from now on."""
        for key in [key for key in self._lines if key[0] == credential_id]:
            self._retire(key)

    async def close(self) -> None:
        """Close every sender."""
        self.is_closed = True
        lines = [*self._lines.values(), *self._retired]
        self._lines.clear()
        self._retired.clear()
        await asyncio.gather(*(line.sender.aclose() for line in lines), *self._closing)

    def _line(self, credential: ProviderCredential, environment: Environment) -> _Line:
        key = (credential.id, environment)
        line = self._lines.get(key)
        if line is not None:
            self._lines.move_to_end(key)
            return line
        place = (credential.application_id, credential.environment)
        # Ids sort by age: a page that still has the former version must not end the new one's.
        for other in [key for key, line in self._lines.items() if line.place == place]:
            if other[0] < credential.id:
                self._retire(other)
        if len(self._lines) >= self._size:
            self._retire(next(iter(self._lines)))
        line = self._lines[key] = _Line(self._connect(environment), place)
        return line

    def _retire(self, key: tuple[Id, Environment]) -> None:
        line = self._lines.pop(key)
        self._retired.add(line)
        self._close_if_idle(line)

    def _close_if_idle(self, line: _Line) -> None:
        if line in self._retired and not line.users:
            self._retired.discard(line)
            task = asyncio.get_running_loop().create_task(line.sender.aclose())
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)
