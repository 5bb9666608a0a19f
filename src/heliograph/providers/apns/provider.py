"""Sends pages of notifications to APNs."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Final, NamedTuple

from heliograph.core.model.outcome import (
    ACCEPTED,
    Deferred,
    FaultScope,
    Misconfigured,
    RefreshCredential,
)
from heliograph.core.model.registration import Environment, ProviderName
from heliograph.outbound.http2.dial import dial_tls
from heliograph.outbound.http2.messages import Lost
from heliograph.providers.apns.channels import ApnsChannels
from heliograph.providers.apns.lines import ApnsLines
from heliograph.providers.apns.plan import parts_of, previews_of, requests_of
from heliograph.providers.apns.response import interpret_lost, interpret_response
from heliograph.providers.apns.settings import channels_origin_of, origin_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from heliograph.config import Apns
    from heliograph.core.ids import Id
    from heliograph.core.model.application import ProviderCredential
    from heliograph.core.model.outcome import Outcome
    from heliograph.core.ports import Batch, Clock, Preview
    from heliograph.core.right_of_way import RightOfWay
    from heliograph.outbound.http2.fleet import Dial
    from heliograph.outbound.http2.messages import Headers
    from heliograph.providers.apns.lines import Proof
    from heliograph.providers.apns.plan import Part
    from heliograph.providers.apns.request import Message

SLICE: Final = 250
"""Requests built in one turn of the loop: more would hold up everything else on it."""

MAX_PROVEN: Final = 10_000
"""Credentials remembered as ones that APNs knows."""

_OK: Final = 200
_CLOSED: Final = Deferred("the server is stopping", timedelta(0))
_EXPIRED: Final = "ExpiredProviderToken"
_UNRELATED: Final = "UnrelatedKeyIdInToken"


class ApnsProvider:
    """Carries notifications to Apple devices and channels."""

    name = ProviderName.APNS

    def __init__(
        self,
        settings: Apns,
        clock: Clock,
        *,
        request_timeout_s: float,
        dial: Dial = dial_tls,
        way: RightOfWay | None = None,
    ) -> None:
        """Read the trusted authorities; raises OSError or ValueError for settings that can't be."""
        self._clock = clock
        self._timeout_s = request_timeout_s
        self._origins = {
            (each, is_broadcast): origin_of(settings, each, is_broadcast=is_broadcast)
            for each in Environment
            for is_broadcast in (False, True)
        }
        self._lines = ApnsLines(settings, clock, dial, way)
        self._proven: set[Id] = set()
        self._doubted: dict[Id, Proof] = {}
        self.channels = ApnsChannels(
            self._lines,
            {each: channels_origin_of(settings, each) for each in Environment},
            clock,
            request_timeout_s=request_timeout_s,
        )

    async def send(self, batch: Batch, *, now: datetime) -> Sequence[Outcome]:
        """Render once per variant and send; one outcome per target, in their order."""
        outcomes: list[Outcome] = [_CLOSED] * len(batch.targets)
        proof = self._lines.proof(batch.credential, now=now)
        if isinstance(proof, Misconfigured):
            return [proof] * len(batch.targets)
        slices = []
        for part in self._parts_of(batch):
            problem = part.message.problem
            if problem is None:
                slices += _slices_of(part, (*part.message.headers, *proof.headers))
            else:
                for position in part.positions:
                    outcomes[position] = problem
        work = _Work(batch, outcomes, proof, now)
        if not await self._is_known(work, slices):
            return outcomes
        if len(slices) == 1:
            await self._send_slice(work, slices[0])
            return outcomes
        async with asyncio.TaskGroup() as sends:
            for each in slices:
                sends.create_task(self._send_slice(work, each))
                await asyncio.sleep(0)
        return outcomes

    def preview(self, batch: Batch) -> Sequence[Preview]:
        """Render without sending; one preview per target, in their order."""
        problem = self._lines.problem_of(batch.credential, now=self._clock.now())
        return previews_of(batch, self._parts_of(batch), self._origins, problem=problem)

    async def refresh(self, credential: ProviderCredential) -> None:
        """Mint a new provider token, if the present one is 20 minutes old or more."""
        self._lines.refresh(credential)

    async def close(self) -> None:
        """Close every connection; what is under way is lost."""
        await self._lines.senders.close()

    def _parts_of(self, batch: Batch) -> list[Part]:
        default = batch.default_bundle_id or self._lines.bundle_id_of(batch.credential)
        return parts_of(batch, default)

    async def _is_known(self, work: _Work, slices: list[_Slice]) -> bool:
        """Send one push alone by a credential that APNs has not seen yet.

        A wrong key is refused once then, not once for each device of a page.
        False where nothing is left to send: the refusal is the outcome of all
        in that environment.
        """
        credential_id = work.batch.credential.id
        if credential_id in self._proven or sum(len(each.positions) for each in slices) < 2:  # noqa: PLR2004 - two or more
            return True
        first = slices[0]
        probe = first.positions.pop(0)
        if not first.positions:
            slices.pop(0)
        await self._send_slice(work, first._replace(positions=[probe]))
        outcome = work.outcomes[probe]
        if not _is_of_the_credential(outcome):
            return True
        for each in [each for each in slices if each.environment is first.environment]:
            slices.remove(each)
            for position in each.positions:
                work.outcomes[position] = outcome
        return bool(slices)

    async def _send_slice(self, work: _Work, part: _Slice) -> None:
        if self._lines.is_closed:
            return
        batch, outcomes, message = work.batch, work.outcomes, part.message
        requests = requests_of(batch, message, part.positions)
        origin = self._origins[part.environment, message.is_broadcast]
        with self._lines.lease(batch.credential, origin, work.proof) as line:
            results = await line.sender.send(part.headers, requests, timeout_s=self._timeout_s)
        has_stale, is_proven = False, False
        for position, result in zip(part.positions, results, strict=True):
            if not isinstance(result, Lost) and result.status == _OK:
                outcomes[position] = ACCEPTED
                is_proven = True
                continue
            if isinstance(result, Lost):
                outcome = interpret_lost(result, scope=message.scope)
            else:
                outcome = interpret_response(
                    result,
                    now=work.now,
                    attempts=batch.targets[position].attempts,
                    scope=message.scope,
                    is_self_named=message.is_self_named,
                )
                is_proven = is_proven or not _is_of_the_credential(outcome)
            outcomes[position] = outcome
            has_stale = has_stale or isinstance(outcome, RefreshCredential)
        if is_proven:
            self._note_proven(batch.credential.id)
        elif has_stale:
            self._proven.discard(batch.credential.id)
        if has_stale:
            self._judge_stale(work, part.positions)

    def _note_proven(self, credential_id: Id) -> None:
        self._doubted.pop(credential_id, None)
        if len(self._proven) < MAX_PROVEN:
            self._proven.add(credential_id)

    def _judge_stale(self, work: _Work, positions: list[int]) -> None:
        """Tell a stale token from a clock that is wrong, and one that needs a new connection."""
        credential, lines, outcomes = work.batch.credential, self._lines, work.outcomes
        reasons = {
            outcome.reason
            for outcome in map(outcomes.__getitem__, positions)
            if isinstance(outcome, RefreshCredential)
        }
        if _UNRELATED in reasons:
            lines.note_unrelated(credential.id)
        if _EXPIRED not in reasons or lines.tokens.is_renewable(credential.id):
            return
        if lines.proof(credential, now=work.now) != work.proof:
            return  # Another page has renewed it meanwhile.
        if self._doubted.get(credential.id) != work.proof:
            # Once may be a mishap of theirs, and the engine repeats it once.
            if len(self._doubted) >= MAX_PROVEN:
                self._doubted.clear()
            self._doubted[credential.id] = work.proof
            return
        # Minting again would be the same token, and a storm of them is punished.
        age_s = int(lines.tokens.age_s(credential.id))
        skewed = Misconfigured(
            f"{_EXPIRED}: signed {age_s} s ago, so the clock of this machine must be wrong"
        )
        for position in positions:
            if outcomes[position] == RefreshCredential(_EXPIRED):
                outcomes[position] = skewed


class _Work(NamedTuple):
    """One call of `send`: what is to be done, what it came to, and by which proof."""

    batch: Batch
    outcomes: list[Outcome]
    proof: Proof
    now: datetime


class _Slice(NamedTuple):
    """Some targets of one message, by their positions in the batch."""

    environment: Environment
    headers: Headers
    message: Message
    positions: list[int]


def _slices_of(part: Part, headers: Headers) -> list[_Slice]:
    return [
        _Slice(part.environment, headers, part.message, part.positions[start : start + SLICE])
        for start in range(0, len(part.positions), SLICE)
    ]


def _is_of_the_credential(outcome: Outcome) -> bool:
    """Say whether every other push by the credential would come to the same."""
    match outcome:
        case Misconfigured():
            return outcome.scope is FaultScope.CREDENTIAL
        case Deferred():
            return outcome.is_ours
        case _:
            return isinstance(outcome, RefreshCredential)
