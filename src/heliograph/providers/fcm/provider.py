"""Sends pages of notifications to FCM."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Final, NamedTuple

from heliograph.core.model.application import FcmCredential
from heliograph.core.model.outcome import Deferred, Misconfigured, Rejected
from heliograph.core.model.registration import ProviderName
from heliograph.core.ports import Preview
from heliograph.outbound.guard import Guard
from heliograph.outbound.http1 import Http1Client
from heliograph.outbound.http2.dial import dial_tls
from heliograph.outbound.http2.messages import Lost
from heliograph.outbound.tls import client_tls, shared_client_tls
from heliograph.providers.fcm.auth import AccessTokens
from heliograph.providers.fcm.lines import Lines
from heliograph.providers.fcm.request import (
    GROUPS,
    HEADERS,
    Message,
    address_of,
    build_message,
    build_path,
    build_request,
    field_of,
    head_of,
    limit_bytes,
    problem_of,
)
from heliograph.providers.fcm.response import interpret_lost, interpret_response
from heliograph.providers.fcm.settings import instance_id_url, origin_of
from heliograph.providers.fcm.token_calls import TokenCalls
from heliograph.providers.fcm.topic_service import FcmTopics

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from heliograph.config import Fcm
    from heliograph.core.model.application import ProviderCredential
    from heliograph.core.model.audience import AddressForm
    from heliograph.core.model.outcome import Outcome
    from heliograph.core.ports import Batch, Clock
    from heliograph.core.right_of_way import RightOfWay
    from heliograph.outbound.http2.messages import Headers

SLICE: Final = 250
"""Requests built in one turn of the loop: more would hold up everything else on it."""

_CLOSED: Final = Deferred("the server is stopping", timedelta(0))
_FOREIGN: Final = Misconfigured("not an FCM credential")


class FcmProvider:
    """Carries notifications to Android devices, browsers and whatever else FCM reaches.

    topics: FCM's own groups, kept over the same connections. guard: what the
    token endpoints are checked with, and the proxy if there is one.
    """

    name = ProviderName.FCM

    def __init__(
        self,
        settings: Fcm,
        clock: Clock,
        *,
        request_timeout_s: float,
        guard: Guard | None = None,
        way: RightOfWay | None = None,
    ) -> None:
        """Read the trusted authorities; raises OSError or ValueError for settings that can't be."""
        guard = guard or Guard()
        tls = client_tls(settings.ca_file)
        origin = origin_of(settings)
        self._authority = origin.authority.decode("ascii")
        self._clock = clock
        plain = shared_client_tls(settings.ca_file)
        self._client = Http1Client(plain, proxy=guard.proxy)
        self._token_calls = TokenCalls(self._client, plain, guard, origin)
        self._tokens = AccessTokens(self._token_calls, clock, timeout_s=request_timeout_s)
        dial = dial_tls if guard.proxy is None else guard.proxy.dial
        self._lines = Lines(origin, tls, timeout_s=request_timeout_s, dial=dial, way=way)
        url = instance_id_url(settings)
        self.topics = FcmTopics(
            self._lines,
            self._tokens,
            self._client,
            instance_id_url=url if settings.topics_api == "instance_id" else None,
            timeout_s=request_timeout_s,
        )

    async def send(self, batch: Batch, *, now: datetime) -> Sequence[Outcome]:
        """Render once and send; one outcome per target, in their order."""
        count = len(batch.targets)
        secret = batch.credential.secret
        if self._lines.is_closed:
            return [_CLOSED] * count
        if not isinstance(secret, FcmCredential):
            return [_FOREIGN] * count
        message = build_message(batch.content, batch.options, expires_at=batch.expires_at, now=now)
        outcomes: list[Outcome] = [_CLOSED] * count
        variants = _variants(batch, message, outcomes)
        if not variants:
            return outcomes
        authorization = await self._tokens.authorization(batch.credential.id, secret, now=now)
        if not isinstance(authorization, bytes):
            for variant in variants:
                for position in variant.positions:
                    outcomes[position] = authorization
            return outcomes
        sending = _Sending(
            batch,
            message,
            build_path(secret.project_id),
            (*HEADERS, (b"authorization", authorization)),
            now,
        )
        slices = [
            variant._replace(positions=variant.positions[start : start + SLICE])
            for variant in variants
            for start in range(0, len(variant.positions), SLICE)
        ]
        if len(slices) == 1:
            await self._send_slice(sending, slices[0], outcomes)
            return outcomes
        async with asyncio.TaskGroup() as sends:
            for each in slices:
                sends.create_task(self._send_slice(sending, each, outcomes))
                await asyncio.sleep(0)
        return outcomes

    def preview(self, batch: Batch) -> Sequence[Preview]:
        """Render without sending; one preview per target, in their order."""
        secret = batch.credential.secret
        is_ours = isinstance(secret, FcmCredential)
        path = build_path(secret.project_id) if isinstance(secret, FcmCredential) else b""
        message = build_message(
            batch.content, batch.options, expires_at=batch.expires_at, now=self._clock.now()
        )
        shown = (*((name.decode(), value.decode()) for name, value in HEADERS), _HIDDEN)
        previews = []
        for target in batch.targets:
            field = field_of(target.form, target.attributes)
            request = build_request(path, head_of(message, field), message, address_of(target))
            # What can't be rendered or addressed has no body.
            body = request.body if field and message.tail else b""
            previews.append(
                Preview(
                    method="POST",
                    host=self._authority,
                    path=path.decode("ascii"),
                    headers=shown,
                    body=body,
                    size_bytes=message.size_bytes,
                    limit_bytes=limit_bytes(target.form),
                    problem=problem_of(message, target) if is_ours else _FOREIGN.detail,
                )
            )
        return previews

    async def refresh(self, credential: ProviderCredential) -> None:
        """Forget a refused access token, unless it is less than a minute old."""
        self._tokens.forget(credential.id)

    async def close(self) -> None:
        """Close every connection; what is under way is lost."""
        await self._lines.close()
        await self._client.aclose()
        await self._token_calls.aclose()

    async def _send_slice(self, sending: _Sending, part: _Variant, outcomes: list[Outcome]) -> None:
        batch, message, path, headers, now = sending
        if self._lines.is_closed:
            return
        targets, head = batch.targets, part.head
        if part.form in GROUPS:
            addresses = [address_of(targets[position]) for position in part.positions]
        else:
            addresses = [targets[position].token for position in part.positions]
        requests = [build_request(path, head, message, address) for address in addresses]
        results, is_project_known = await self._lines.send(batch.credential, headers, requests)
        for position, result in zip(part.positions, results, strict=True):
            if isinstance(result, Lost):
                outcomes[position] = interpret_lost(result)
            else:
                outcomes[position] = interpret_response(
                    result,
                    now=now,
                    attempts=targets[position].attempts,
                    is_project_known=is_project_known,
                    is_group=part.form in GROUPS,
                )


_HIDDEN: Final = ("authorization", "…")


class _Sending(NamedTuple):
    """What all slices of a batch have in common."""

    batch: Batch
    message: Message
    path: bytes
    headers: Headers
    now: datetime


class _Variant(NamedTuple):
    """Targets whose bodies begin alike, by their positions in the batch."""

    form: AddressForm
    head: bytes
    positions: list[int]


def _variants(batch: Batch, message: Message, outcomes: list[Outcome]) -> list[_Variant]:
    """Sort the targets by the field that names them; what FCM would refuse is an outcome."""
    variants: dict[tuple[AddressForm, str], list[int]] = {}
    # Many registrations share their attributes' text, so each text is read once.
    known: dict[tuple[AddressForm, str], list[int]] = {}
    for position, target in enumerate(batch.targets):
        form = target.form
        key = (form, target.attributes)
        positions = known.get(key)
        if positions is None or form in GROUPS:
            problem = problem_of(message, target)
            if problem is not None:
                outcomes[position] = Rejected(problem)
                continue
            variant = (form, field_of(form, target.attributes))
            known[key] = positions = variants.setdefault(variant, [])
        positions.append(position)
    return [
        _Variant(form, head_of(message, field), positions)
        for (form, field), positions in variants.items()
    ]
