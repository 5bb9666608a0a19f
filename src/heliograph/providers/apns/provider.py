"""Sends pages of notifications to APNs."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Final, NamedTuple

from heliograph.core.ids import delivery_uuid
from heliograph.core.model.application import ApnsCredential
from heliograph.core.model.outcome import Deferred, Misconfigured
from heliograph.core.model.registration import Environment, ProviderName
from heliograph.outbound.http2.messages import Lost
from heliograph.outbound.http2.pool import SenderPool
from heliograph.outbound.http2.sender import Http2Sender
from heliograph.outbound.http2.settings import SenderSettings
from heliograph.outbound.tls import client_tls
from heliograph.providers.apns.auth import ProviderTokens
from heliograph.providers.apns.request import (
    Message,
    build_message,
    build_request,
    build_topic,
    bundle_id_of,
    push_type_of,
)
from heliograph.providers.apns.response import interpret_lost, interpret_response
from heliograph.providers.apns.settings import origin_of
from heliograph.security.jwt import UnusableKey

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from heliograph.config import Apns
    from heliograph.core.model.application import ProviderCredential
    from heliograph.core.model.outcome import Outcome, Rejected
    from heliograph.core.ports import Batch, Clock
    from heliograph.outbound.http2.messages import Headers

SLICE: Final = 250
"""Requests built in one turn of the loop: more would hold up everything else on it."""

_CLOSED: Final = Deferred("the server is stopping", timedelta(0))


class ApnsProvider:
    """Carries notifications to Apple devices."""

    name = ProviderName.APNS

    def __init__(self, settings: Apns, clock: Clock, *, request_timeout_s: float) -> None:
        """Read the trusted authorities; raises OSError or ValueError for settings that can't be."""
        tls = client_tls(settings.ca_file)
        alone = SenderSettings(first_request_alone=True)
        self._timeout_s = request_timeout_s
        self._tokens = ProviderTokens(clock)
        self._origins = {each: origin_of(settings, each) for each in Environment}
        self._senders = SenderPool(lambda origin: Http2Sender(origin, tls, settings=alone))

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
            build_request(part.message, target.token, delivery_uuid(notification_id, target.id))
            for target in map(targets.__getitem__, part.positions)
        ]
        credential, origin = batch.credential, self._origins[part.environment]
        place = (credential.application_id, credential.environment)
        with self._senders.lease(credential.id, place, origin) as line:
            results = await line.sender.send(part.headers, requests, timeout_s=self._timeout_s)
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
