"""Sends pages of notifications as text messages."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from hashlib import blake2b
from typing import TYPE_CHECKING, Final
from weakref import WeakValueDictionary

from heliograph.core.model.application import SmppAccount, SmsGateway
from heliograph.core.model.notification import MAX_TTL_S
from heliograph.core.model.outcome import Accepted, Deferred, Misconfigured, Rejected
from heliograph.core.model.registration import ProviderName
from heliograph.outbound.http1 import Http1Client, OutboundError
from heliograph.outbound.smpp.pdus import Submission
from heliograph.outbound.smpp.session import SessionLost, SmppSession
from heliograph.outbound.tls import shared_client_tls
from heliograph.providers.sms.evidence import Recent, SmsReceipt
from heliograph.providers.sms.lines import Lines
from heliograph.providers.sms.preview import gateway_preview, smpp_preview
from heliograph.providers.sms.receipts import read_receipt
from heliograph.providers.sms.request import build_gateway_request, build_message, problem_of
from heliograph.providers.sms.response import (
    WRONG_STATE,
    interpret_gateway,
    interpret_lost,
    interpret_submit,
)
from heliograph.providers.sms.segments import Coding, with_header

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from datetime import datetime

    from heliograph.config import Sms
    from heliograph.core.ids import Id
    from heliograph.core.model.application import ProviderCredential
    from heliograph.core.model.delivery import Target
    from heliograph.core.model.outcome import Outcome
    from heliograph.core.ports import Batch, Clock, Preview
    from heliograph.outbound.guard import Guard
    from heliograph.outbound.smpp.pdus import Deliver
    from heliograph.providers.sms.evidence import ReceiptSink
    from heliograph.providers.sms.request import Message

_CLOSED: Final = Deferred("the server is stopping", timedelta(0))
_REPLACED: Final = Deferred("the account was replaced", timedelta(0))
_FOREIGN: Final = Misconfigured("not an SMS gateway or SMPP account")
_NOT_SPELLED: Final = Rejected("the message can't be spelled in SMPP")


class SmsProvider:
    """Carries notifications to telephone numbers.

    guard: what the operator's customers say of hosts is checked with it.
    receipts: where reports of SMS centres go.
    """

    name = ProviderName.SMS

    def __init__(
        self,
        settings: Sms,
        guard: Guard,
        clock: Clock,
        *,
        request_timeout_s: float,
        receipts: ReceiptSink,
    ) -> None:
        """Read the trusted authorities; raises OSError or ValueError for settings that can't be."""
        tls = shared_client_tls(settings.ca_file)
        self._clock = clock
        self._max_segments = settings.max_segments
        self._timeout_s = request_timeout_s
        self._client = Http1Client(tls, guard=guard)
        self._connections = settings.connections
        # By gateway: one that hangs holds up no other customer's messages.
        self._places: WeakValueDictionary[tuple[str, int], asyncio.Semaphore] = (
            WeakValueDictionary()
        )
        self._lines = Lines(
            guard, tls, answer_s=request_timeout_s, silence_s=settings.enquire_link_s
        )
        self._receipts = receipts
        self._recent = Recent()
        self._is_closed = False

    async def send(self, batch: Batch, *, now: datetime) -> Sequence[Outcome]:
        """Render once and send; one outcome per target, in their order."""
        count = len(batch.targets)
        if self._is_closed:
            return [_CLOSED] * count
        secret = batch.credential.secret
        message = build_message(batch.content, max_segments=self._max_segments)
        problems = [problem_of(message, target) for target in batch.targets]
        outcomes: list[Outcome] = [_CLOSED if each is None else Rejected(each) for each in problems]
        places = [place for place, each in enumerate(problems) if each is None]
        if isinstance(secret, SmsGateway):
            sent = await self._send_by_gateway(batch, secret, message, places, now=now)
        elif isinstance(secret, SmppAccount):
            sent = await self._send_by_centre(batch, secret, message, places, now=now)
        else:
            return [_FOREIGN] * count
        for place, outcome in zip(places, sent, strict=True):
            outcomes[place] = outcome
        return outcomes

    def preview(self, batch: Batch) -> Sequence[Preview]:
        """Render without sending; one preview per target, in their order."""
        secret = batch.credential.secret
        message = build_message(batch.content, max_segments=self._max_segments)
        if isinstance(secret, SmppAccount):
            return [
                smpp_preview(secret, message, target, self._max_segments)
                for target in batch.targets
            ]
        problem = None if isinstance(secret, SmsGateway) else _FOREIGN.detail
        gateway = secret if isinstance(secret, SmsGateway) else SmsGateway("", 0, "")
        return [
            gateway_preview(gateway, message, target, self._max_segments, problem)
            for target in batch.targets
        ]

    async def refresh(self, credential: ProviderCredential) -> None:
        """Nothing was minted: gateways and centres take the password itself."""

    async def close(self) -> None:
        """End every session; what is under way is lost."""
        self._is_closed = True
        await self._lines.close()
        await self._client.aclose()

    async def _send_by_gateway(
        self,
        batch: Batch,
        gateway: SmsGateway,
        message: Message,
        places: Sequence[int],
        *,
        now: datetime,
    ) -> list[Outcome]:
        gateway_places = self._places.setdefault(
            (gateway.host, gateway.port), asyncio.Semaphore(self._connections)
        )

        async def send_one(number: str) -> Outcome:
            # Waiting for a free place is no part of the time that a gateway has to answer.
            async with gateway_places:
                if self._is_closed:
                    return _CLOSED
                asked = build_gateway_request(gateway, message, number)
                try:
                    reply = await self._client.request(
                        asked.method,
                        asked.url,
                        headers=asked.headers,
                        body=asked.body,
                        timeout_s=self._timeout_s,
                    )
                except OutboundError as error:
                    return interpret_lost(error)
                return interpret_gateway(gateway, reply, now=now)

        return await asyncio.gather(*(send_one(batch.targets[place].token) for place in places))

    async def _send_by_centre(
        self,
        batch: Batch,
        account: SmppAccount,
        message: Message,
        places: Sequence[int],
        *,
        now: datetime,
    ) -> list[Outcome]:
        if not places:
            return []
        credential = batch.credential
        line = self._lines.line(
            credential.id,
            credential.application_id,
            account,
            self._receiver_of(credential.application_id),
        )
        if line is None:
            return [_REPLACED] * len(places)
        session = await line.session()
        if not isinstance(session, SmppSession):
            return [session] * len(places)
        lifetime = None
        if batch.options.ttl_s != MAX_TTL_S:
            # What is left of the notification's life, so that a retry doesn't prolong it.
            lifetime = max(batch.expires_at - now, timedelta(minutes=1))
        sent = await asyncio.gather(
            *(
                self._submit(batch, account, session, message, batch.targets[place], lifetime)
                for place in places
            )
        )
        if any(status in WRONG_STATE for status, _ in sent):
            await line.drop(session)
        return [outcome for _, outcome in sent]

    async def _submit(
        self,
        batch: Batch,
        account: SmppAccount,
        session: SmppSession,
        message: Message,
        target: Target,
        lifetime: timedelta | None,
    ) -> tuple[int, Outcome]:
        """Submit a message's parts one after the other; the first refusal is the message's."""
        segments = message.segments
        # The same in every try, so that parts of two tries still make one message.
        digest = blake2b(batch.notification_id + target.id, digest_size=1).digest()
        status, message_id = 0, ""
        for number in range(1, segments.count + 1):
            part = Submission(
                number=target.token,
                octets=with_header(segments, number, digest[0]),
                sender=account.sender if message.sender is None else message.sender,
                is_ucs2=segments.coding is Coding.UCS2,
                has_header=segments.count > 1,
                # One report for a message: of the part that makes it whole.
                wants_receipt=number == segments.count,
                lifetime=lifetime,
            )
            try:
                status, message_id = await session.submit(part)
            except SessionLost as error:
                return 0, Deferred(str(error))
            except ValueError:
                return 0, _NOT_SPELLED
            if status:
                break
        outcome = interpret_submit(account, status, message_id, target.attempts)
        if isinstance(outcome, Accepted) and message_id:
            self._recent.note(batch.credential.application_id, message_id)
        return status, outcome

    def _receiver_of(self, application_id: Id) -> Callable[[Deliver], Awaitable[bool]]:
        async def take(deliver: Deliver) -> bool:
            receipt = read_receipt(deliver)
            if receipt is None or receipt.kind is None:
                return True
            # Of what this process sent lately the very id is known; else every spelling is tried.
            sent = self._recent.find(application_id, receipt.message_ids)
            return await self._receipts.take(
                SmsReceipt(
                    application_id=application_id,
                    message_ids=receipt.message_ids if sent is None else (sent,),
                    kind=receipt.kind,
                    at=self._clock.now(),
                    detail=receipt.detail,
                    was_reached=receipt.was_reached,
                )
            )

        return take
