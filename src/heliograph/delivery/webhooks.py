"""Calls customers' endpoints with what the outbox holds for them.

Each endpoint is claimed as a whole, by one node at a time, and has a task of
its own: a slow one holds up nobody but itself. Events start in order, a few at
once; what a crash interrupts is sent again under the same `webhook-id`.

Source: docs/decisions/0021-webhooks.md.
"""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import structlog

from heliograph.core.errors import Unavailable
from heliograph.core.ids import new_id
from heliograph.core.model.webhook import Attempt, Settled, Visit, WebhookForm, WebhookState
from heliograph.core.webhooks.signatures import unpack
from heliograph.delivery.webhook_calls import headers_of, standard_form
from heliograph.delivery.webhook_rules import (
    after_failure,
    after_success,
    asked_rest,
    pause,
    retry_after,
    settled,
)
from heliograph.observability.failures import frames_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from heliograph.config import Webhooks as Settings
    from heliograph.core.model.webhook import Claimed, Dispatch, Webhook, WebhookSecrets
    from heliograph.core.ports import Clock, Sealer
    from heliograph.core.stores.webhooks import PostAnswer, Renderer, WebhookPost, WebhookStore

_log = structlog.get_logger("heliograph.delivery")

EVENTS_AT_ONCE: Final = 64
"""Events of one claim: what a crash repeats at most, for one endpoint."""

VISIT_S: Final = 5.0
"""After this a visit starts no further calls, so that it ends before its lease does."""

_SLACK: Final = timedelta(seconds=5)
_LONGEST_DETAIL: Final = 200


class Courier:
    """Takes events to endpoints. renderers: of the forms that dialects have."""

    def __init__(
        self,
        store: WebhookStore,
        posts: WebhookPost,
        sealer: Sealer,
        clock: Clock,
        settings: Settings,
        *,
        renderers: Mapping[WebhookForm, Renderer] | None = None,
        draw: Callable[[], float] = random.random,
    ) -> None:
        self._store = store
        self._posts = posts
        self._sealer = sealer
        self._clock = clock
        self._settings = settings
        # What a crash keeps from being called elsewhere, so no longer than a visit can take.
        self._lease = timedelta(seconds=VISIT_S + settings.timeout_s) + _SLACK
        self._renderers: dict[WebhookForm, Renderer] = {
            WebhookForm.STANDARD: standard_form,
            **(renderers or {}),
        }
        self._draw = draw
        self._visits: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Carry events until cancelled; calls under way are then dropped, and made again later."""
        try:
            while True:
                await self._round()
                # Whoever had more than one visit takes goes on at once.
                done: set[asyncio.Task[None]] = set()
                if self._visits:
                    done, _ = await asyncio.wait(
                        self._visits,
                        timeout=self._settings.poll_s,
                        return_when=asyncio.FIRST_COMPLETED,
                    )
                if not done:
                    await self._rest()
        finally:
            for visit in self._visits:
                visit.cancel()
            await asyncio.gather(*self._visits, return_exceptions=True)

    async def _rest(self) -> None:
        if not self._visits:
            await asyncio.sleep(self._settings.poll_s)

    async def _round(self) -> None:
        """Start visits to the endpoints that have something due."""
        room = self._settings.endpoints - len(self._visits)
        if room <= 0:
            return
        now = self._clock.now()
        try:
            claims = await self._store.claim(
                now=now, leased_until=now + self._lease, webhooks=room, events=EVENTS_AT_ONCE
            )
        except Unavailable:
            _log.warning("store_unavailable")
            return
        except Exception as error:  # noqa: BLE001 - the next round may do better
            _log.error("webhook_claim_failed", frames=frames_of(error))
            return
        for claimed in claims:
            visit = asyncio.create_task(self._visit_safely(claimed))
            self._visits.add(visit)
            visit.add_done_callback(self._visits.discard)

    async def _visit_safely(self, claimed: Claimed) -> None:
        try:
            await self.visit(claimed)
        except Unavailable:
            # The lease ends by itself, and the events are sent again.
            _log.warning("store_unavailable")
        except Exception as error:  # noqa: BLE001 - one endpoint's trouble stays its own
            _log.error("webhook_failed", frames=frames_of(error))

    async def visit(self, claimed: Claimed) -> None:
        """Send what one endpoint is owed, in order, until it fails or the time is up.

        Raises what kept an event from being written, once the others are settled.
        """
        held = unpack(self._sealer.unseal(claimed.sealed, claimed.webhook.id))
        webhook = claimed.webhook
        not_before = rests_until = self._clock.now()
        ends_s = self._clock.monotonic() + VISIT_S
        done: list[Settled] = []
        # One that fails is asked by one call whether it is back, not by several.
        width = 1 if webhook.failures else self._settings.parallel
        waiting = [*claimed.dispatches]
        trouble: BaseException | None = None
        while waiting and trouble is None and self._clock.monotonic() < ends_s:
            some, waiting = waiting[:width], waiting[width:]
            called, trouble = await self._call_together(some, webhook, held)
            for dispatch, attempt, answer in called:
                if attempt is None or answer is None:
                    done.append(Settled(None, dispatch.event.id, None, dispatch.attempts))
                    continue
                asked = retry_after(answer.retry_after, now=attempt.at)
                done.append(settled(dispatch, attempt, asked, self._draw()))
                if attempt.is_success:
                    webhook = after_success(webhook)
                else:
                    webhook = after_failure(webhook, attempt)
                    wait = pause(webhook, attempt, asked, self._draw())
                    not_before = max(not_before, attempt.at + wait)
                    rests_until = max(rests_until, attempt.at + asked_rest(attempt, asked))
            is_failing = webhook.failures or webhook.state is WebhookState.DISABLED
            if is_failing or rests_until > self._clock.now():
                break
            width = self._settings.parallel
        if not webhook.failures:
            not_before = max(self._clock.now(), rests_until)
        if trouble is not None:
            # Of ours: that event stays owed, and what the endpoint took is not sent again.
            not_before = max(not_before, self._clock.now() + _SLACK)
        if webhook.state is WebhookState.DISABLED:
            _log.warning("webhook_disabled", reason=webhook.disabled_reason)
        visit = Visit(webhook, claimed.epoch, tuple(done), not_before)
        await self._store.settle(visit)
        if trouble is not None:
            raise trouble

    async def _call_together(
        self, dispatches: Sequence[Dispatch], webhook: Webhook, held: WebhookSecrets
    ) -> tuple[list[tuple[Dispatch, Attempt | None, PostAnswer | None]], BaseException | None]:
        """Make calls; answer those that were made, and what kept another from being."""
        calls = [self._call(each, webhook, held) for each in dispatches]
        results = await asyncio.gather(*calls, return_exceptions=True)
        trouble: BaseException | None = None
        called: list[tuple[Dispatch, Attempt | None, PostAnswer | None]] = []
        for dispatch, result in zip(dispatches, results, strict=True):
            if isinstance(result, BaseException):
                trouble = result
            else:
                called.append((dispatch, *result))
        return called, trouble

    async def _call(
        self, dispatch: Dispatch, webhook: Webhook, held: WebhookSecrets
    ) -> tuple[Attempt, PostAnswer] | tuple[None, None]:
        """Make one call; nothing where the dialect has nothing to say."""
        event = dispatch.event
        render = self._renderers.get(webhook.form, standard_form)
        rendered = await render(event, webhook)
        if rendered is None:
            return None, None
        at = self._clock.now()
        began_s = self._clock.monotonic()
        headers = headers_of(event, rendered, held, at=at)
        answer = await self._posts.post(webhook.url, headers, rendered.body)
        took_ms = round((self._clock.monotonic() - began_s) * 1000)
        detail = answer.detail and answer.detail[:_LONGEST_DETAIL]
        attempt = Attempt(new_id(at), event.id, event.kind, at, answer.status, detail, took_ms)
        return attempt, replace(answer, detail=detail)
