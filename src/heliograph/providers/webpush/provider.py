"""Sends pages of notifications to browsers' push services."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Final, NamedTuple

from heliograph.core.model.application import WebPushCredential
from heliograph.core.model.outcome import Deferred, Misconfigured, Rejected
from heliograph.core.model.registration import ProviderName
from heliograph.core.ports import Preview
from heliograph.outbound.http2.messages import Lost, Request
from heliograph.providers.webpush.auth import CLOCK_JUMP_S, VapidTokens
from heliograph.providers.webpush.encryption import encrypt
from heliograph.providers.webpush.lines import Lines
from heliograph.providers.webpush.places import Places, Unreachable
from heliograph.providers.webpush.request import CACHED_BY_WNS, build_message
from heliograph.providers.webpush.response import MOVED, SUCCESS, interpret_lost, interpret_response
from heliograph.providers.webpush.settings import endpoint_rule, is_wns
from heliograph.security.jwt import UnusableKey

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from heliograph.config import WebPush
    from heliograph.core.model.application import ProviderCredential, VapidKey
    from heliograph.core.model.outcome import Outcome
    from heliograph.core.ports import Batch, Clock
    from heliograph.core.right_of_way import RightOfWay
    from heliograph.outbound.guard import Guard
    from heliograph.outbound.http2.messages import Headers, Reply
    from heliograph.providers.webpush.encryption import Receiver
    from heliograph.providers.webpush.places import Service
    from heliograph.providers.webpush.request import Message

SLICE: Final = 50
"""Messages encrypted in one turn of the loop, 5 ms: more would hold up everything else on it."""

MAX_KNOWN: Final = 10_000
"""Pairs of key and push service remembered as ones that get on."""

_CLOSED: Final = Deferred("the server is stopping", timedelta(0))
_FOREIGN: Final = Misconfigured("not a Web Push credential")
_OFF_CURVE: Final = Rejected("the subscription's p256dh is not a point of P-256")


class WebPushProvider:
    """Carries notifications to browsers."""

    name = ProviderName.WEBPUSH

    def __init__(
        self,
        settings: WebPush,
        guard: Guard,
        clock: Clock,
        *,
        request_timeout_s: float,
        way: RightOfWay | None = None,
    ) -> None:
        """Read the trusted authorities; raises OSError for a file that can't be read."""
        self._settings = settings
        self._clock = clock
        self._tokens = VapidTokens(clock)
        self._places = Places(guard, endpoint_rule(settings))
        self._lines = Lines(
            guard, clock, ca_file=settings.ca_file, timeout_s=request_timeout_s, way=way
        )
        self._known: dict[tuple[str, str], float] = {}

    async def send(self, batch: Batch, *, now: datetime) -> Sequence[Outcome]:
        """Render once, encrypt for each target and send; one outcome per target, in order."""
        count = len(batch.targets)
        secret = batch.credential.secret
        if self._lines.is_closed:
            return [_CLOSED] * count
        if not isinstance(secret, WebPushCredential):
            return [_FOREIGN] * count
        message = self._message(batch, now)
        if message.problem is not None:
            return [Rejected(message.problem)] * count
        outcomes: list[Outcome] = [_CLOSED] * count
        work = _Work(secret, message, outcomes, now)
        slices = self._slices(batch, work)
        if len(slices) == 1:
            await self._send_slice(work, slices[0])
            return outcomes
        async with asyncio.TaskGroup() as sends:
            for each in slices:
                sends.create_task(self._send_slice(work, each))
                await asyncio.sleep(0)
        return outcomes

    def preview(self, batch: Batch) -> Sequence[Preview]:
        """Render without sending or encrypting; one preview per target, in their order."""
        secret = batch.credential.secret
        message = self._message(batch, self._clock.now())
        previews = []
        for target in batch.targets:
            place, problem = None, message.problem
            if not isinstance(secret, WebPushCredential):
                problem = _FOREIGN.detail
            else:
                try:
                    place = self._places.place_of(target, secret)
                except Unreachable as error:
                    problem = problem or error.outcome_text
            headers = () if place is None else _own_headers(place.service)
            previews.append(
                Preview(
                    method="POST",
                    host="" if place is None else place.service.origin.authority.decode("ascii"),
                    path="" if place is None else place.path.decode("ascii"),
                    headers=(
                        *((n.decode(), v.decode()) for n, v in (*message.headers, *headers)),
                        _HIDDEN,
                    ),
                    # Before encryption: after it nobody could read it, and it never is twice alike.
                    body=message.plaintext,
                    size_bytes=len(message.plaintext),
                    limit_bytes=self._settings.payload_limit_bytes,
                    problem=problem,
                )
            )
        return previews

    async def refresh(self, credential: ProviderCredential) -> None:
        """Forget refused tokens, unless they are too young to be replaced."""
        if isinstance(credential.secret, WebPushCredential):
            self._tokens.refresh(credential.secret)

    async def close(self) -> None:
        """Close every connection; what is under way is lost."""
        await self._lines.close()

    def _message(self, batch: Batch, now: datetime) -> Message:
        return build_message(
            batch.content, batch.options, self._settings, expires_at=batch.expires_at, now=now
        )

    def _slices(self, batch: Batch, work: _Work) -> list[_Slice]:
        """Sort the targets by push service and key; what can't be sent is an outcome."""
        groups: dict[tuple[str, str], _Slice] = {}
        slices = []
        for position, target in enumerate(batch.targets):
            try:
                place = self._places.place_of(target, work.secret)
                service, key = place.service, place.key
                group = groups.get((service.url, key.public))
                if group is None or len(group.letters) >= SLICE:
                    headers = self._headers(work, service, key)
                    group = groups[service.url, key.public] = _Slice(service, key, headers, [])
                    slices.append(group)
            except Unreachable as error:
                work.outcomes[position] = error.outcome
                continue
            group.letters.append(_Letter(position, place.path, place.receiver))
        return slices

    def _headers(self, work: _Work, service: Service, key: VapidKey) -> Headers:
        """Say what messages to a push service by a key have in common; raises Unreachable."""
        try:
            token = self._tokens.authorization(key, work.secret.contact, service.url)
        except UnusableKey as error:
            unusable = Misconfigured(f"the VAPID key is unusable: {error}")
            raise Unreachable(unusable) from None
        return (*work.message.headers, *_own_headers(service), (b"authorization", token))

    async def _send_slice(self, work: _Work, part: _Slice) -> None:
        if self._lines.is_closed:
            return
        positions, requests = [], []
        for position, path, receiver in part.letters:
            try:
                body = encrypt(work.message.record, receiver)
            except ValueError:
                work.outcomes[position] = _OFF_CURVE
                continue
            positions.append(position)
            requests.append(Request(path, body))
        results = await self._lines.send(part.service.origin, part.headers, requests)
        pair = (part.key.public, part.service.url)
        # Read off all of them first: one success explains its neighbours' refusals.
        if any(not isinstance(each, Lost) and each.status in SUCCESS for each in results):
            self._note_known(pair)
        for position, request, result in zip(positions, requests, results, strict=True):
            if isinstance(result, Lost):
                rest = self._lines.rests.left(part.service.origin)
                work.outcomes[position] = interpret_lost(result, rest)
            elif result.status in MOVED:
                work.outcomes[position] = await self._follow(work, part.key, request.body, result)
            else:
                work.outcomes[position] = self._interpreted(result, pair, work.now)

    async def _follow(self, work: _Work, key: VapidKey, body: bytes, reply: Reply) -> Outcome:
        """Send once more to where a subscription moved, if that is a push service as well."""
        try:
            service, path = self._places.moved(reply.headers.get("location", ""))
            headers = self._headers(work, service, key)
        except Unreachable as error:
            return error.outcome
        (result,) = await self._lines.send(service.origin, headers, [Request(path, body)])
        if isinstance(result, Lost):
            return interpret_lost(result, self._lines.rests.left(service.origin))
        return self._interpreted(result, (key.public, service.url), work.now)

    def _interpreted(self, reply: Reply, pair: tuple[str, str], now: datetime) -> Outcome:
        return interpret_response(
            reply,
            now=now,
            is_renewable=self._tokens.is_renewable(*pair),
            is_known=self._is_known(pair),
        )

    def _note_known(self, pair: tuple[str, str]) -> None:
        if len(self._known) >= MAX_KNOWN:
            self._known.clear()
        self._known[pair] = self._wall_ahead_s()

    def _is_known(self, pair: tuple[str, str]) -> bool:
        """Say whether a push service took messages by a key, with the clock as it is now.

        By one that was set since every token may be bad, and that is no subscription's fault.
        """
        then_s = self._known.get(pair)
        return then_s is not None and abs(self._wall_ahead_s() - then_s) <= CLOCK_JUMP_S

    def _wall_ahead_s(self) -> float:
        return self._clock.now().timestamp() - self._clock.monotonic()


_HIDDEN: Final = ("authorization", "…")


class _Letter(NamedTuple):
    """One target's message, not yet encrypted. position: the target's in the batch."""

    position: int
    path: bytes
    receiver: Receiver


class _Slice(NamedTuple):
    """Messages to one push service by one key, which have all headers in common."""

    service: Service
    key: VapidKey
    headers: Headers
    letters: list[_Letter]


class _Work(NamedTuple):
    """One call of `send`: by what, what is to be said, and what it came to."""

    secret: WebPushCredential
    message: Message
    outcomes: list[Outcome]
    now: datetime


def _own_headers(service: Service) -> Headers:
    """Say what one maker's push service wants to be told besides."""
    return CACHED_BY_WNS if is_wns(service.origin.host) else ()
