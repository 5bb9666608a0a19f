"""The courier: what one visit to an endpoint does, and that nobody waits for another."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from datetime import timedelta

import pytest

from heliograph.config import Webhooks as Settings
from heliograph.core.errors import Unavailable
from heliograph.core.ids import new_id, spell
from heliograph.core.model.webhook import (
    ALL_KINDS,
    Claimed,
    Dispatch,
    Event,
    EventKind,
    Rendered,
    Webhook,
    WebhookForm,
    WebhookSecrets,
    WebhookState,
)
from heliograph.core.stores.webhooks import PostAnswer
from heliograph.core.webhooks.signatures import new_secret, pack, signature
from heliograph.delivery.webhooks import VISIT_S, Courier

pytestmark = pytest.mark.anyio

SECRET = new_secret()


class OpenSealer:
    """Keeps things as they are."""

    def seal(self, plain, context):
        return context + plain

    def unseal(self, sealed, context):
        assert sealed.startswith(context)
        return sealed.removeprefix(context)


class Posts:
    """Endpoints that answer as they are told, by path of the URL; the clock may go on meanwhile."""

    def __init__(self, clock, answers=(), takes_s=0):
        self.clock = clock
        self.answers = list(answers)
        self.takes_s = takes_s
        self.calls = []
        self.under_way = self.most = 0

    async def post(self, url, headers, body):
        self.calls.append((url, headers, body))
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        await asyncio.sleep(0)
        self.clock.advance(self.takes_s)
        self.under_way -= 1
        answer = self.answers.pop(0) if self.answers else 204
        return answer if isinstance(answer, PostAnswer) else PostAnswer(answer)


class Shelf:
    """A store that hands out claims once and keeps what was settled."""

    def __init__(self, *rounds, expecting=1):
        self.rounds = list(rounds)
        self.visits = []
        self.expecting = expecting
        self.is_full = asyncio.Event()

    async def claim(self, **_):
        if not self.rounds:
            return ()
        claims = self.rounds.pop(0)
        if isinstance(claims, Exception):
            raise claims
        return claims

    async def settle(self, visit):
        self.visits.append(visit)
        if len(self.visits) == self.expecting:
            self.is_full.set()
        return True


def claimed_of(clock, count=1, **rest):
    webhook = Webhook(
        id=new_id(clock.now()),
        application_id=new_id(clock.now()),
        url="https://hooks.example/",
        kinds=ALL_KINDS,
        created=clock.now(),
        updated=clock.now(),
    )
    webhook = replace(webhook, **rest)
    dispatches = tuple(
        Dispatch(
            Event(
                new_id(clock.now()),
                webhook.application_id,
                EventKind.REGISTRATION_CREATED,
                clock.now(),
                {"number": number},
            ),
            0,
            clock.now(),
        )
        for number in range(count)
    )
    sealed = webhook.id + pack(WebhookSecrets(SECRET))
    return Claimed(webhook, sealed, 7, dispatches)


def courier_of(clock, posts, shelf, **rest):
    settings = Settings(**({"parallel": 2, "poll_s": 0.001} | rest.pop("settings", {})))
    return Courier(shelf, posts, OpenSealer(), clock, settings, draw=lambda: 0.0, **rest)


async def test_a_visit_sends_all_in_order_and_settles_them(clock):
    posts, shelf = Posts(clock), Shelf()
    claimed = claimed_of(clock, 5)

    await courier_of(clock, posts, shelf).visit(claimed)

    numbers = [json.loads(body)["data"]["number"] for _, _, body in posts.calls]
    [visit] = shelf.visits
    assert numbers == [0, 1, 2, 3, 4]
    assert posts.most == 2
    assert visit.epoch == 7
    assert [each.due for each in visit.settled] == [None] * 5
    assert visit.webhook.failures == 0


async def test_each_call_is_signed_over_the_bytes_that_are_sent(clock):
    posts = Posts(clock)
    claimed = claimed_of(clock)
    event = claimed.dispatches[0].event

    await courier_of(clock, posts, Shelf()).visit(claimed)

    [(url, headers, body)] = posts.calls
    assert url == "https://hooks.example/"
    assert headers["webhook-id"] == spell("event", event.id)
    assert headers["webhook-timestamp"] == str(int(clock.now().timestamp()))
    assert headers["webhook-signature"] == signature(
        WebhookSecrets(SECRET), headers["webhook-id"], body, at=clock.now()
    )
    assert json.loads(body) == {
        "type": "registration.created",
        "timestamp": "2026-01-01T00:00:00.000Z",
        "application_id": spell("application", event.application_id),
        "data": {"number": 0},
    }


async def test_a_failure_ends_the_visit_and_what_was_not_tried_stays_owed(clock):
    posts, shelf = Posts(clock, [204, 500]), Shelf()

    await courier_of(clock, posts, shelf).visit(claimed_of(clock, 5))

    [visit] = shelf.visits
    assert len(posts.calls) == 2
    assert [each.due for each in visit.settled] == [None, clock.now() + timedelta(seconds=5)]
    assert visit.webhook.failures == 1
    assert visit.not_before == clock.now() + timedelta(seconds=1)


async def test_an_endpoint_that_failed_is_asked_by_one_call_whether_it_is_back(clock):
    posts, shelf = Posts(clock), Shelf()

    await courier_of(clock, posts, shelf).visit(
        claimed_of(clock, 3, failures=4, failing_since=clock.now())
    )

    [visit] = shelf.visits
    assert len(posts.calls) == 3
    assert posts.most == 2
    assert visit.webhook.failures == 0
    assert visit.webhook.failing_since is None


async def test_gone_disables(clock):
    shelf = Shelf()

    await courier_of(clock, Posts(clock, [410]), shelf).visit(claimed_of(clock, 3))

    assert shelf.visits[0].webhook.state is WebhookState.DISABLED


async def test_a_slow_endpoint_is_left_before_the_lease_ends(clock):
    posts, shelf = Posts(clock, takes_s=15.0), Shelf()

    await courier_of(clock, posts, shelf, settings={"parallel": 1}).visit(claimed_of(clock, 9))

    assert len(posts.calls) == 1
    assert len(shelf.visits[0].settled) == 1
    assert clock.monotonic() <= VISIT_S + 15


async def test_a_long_detail_is_cut_and_an_answer_that_asks_for_time_gets_it(clock):
    shelf = Shelf()
    answer = PostAnswer(503, "x" * 999, "600")

    await courier_of(clock, Posts(clock, [answer]), shelf).visit(claimed_of(clock))

    [settled] = shelf.visits[0].settled
    assert len(settled.attempt.detail) == 200
    assert settled.due == clock.now() + timedelta(minutes=10)
    assert shelf.visits[0].not_before == clock.now() + timedelta(minutes=10)


async def test_an_endpoint_that_asks_for_time_gets_it_though_it_took_another_event(clock):
    posts, shelf = Posts(clock, [PostAnswer(429, retry_after="600"), 204]), Shelf()

    await courier_of(clock, posts, shelf).visit(claimed_of(clock, 6))

    [visit] = shelf.visits
    assert len(posts.calls) == 2
    assert visit.not_before == clock.now() + timedelta(minutes=10)
    assert visit.webhook.failures == 0


async def test_a_retry_after_that_is_no_date_does_not_keep_the_call_from_being_settled(clock):
    answer = PostAnswer(200, retry_after="Mon, 01 Jan 99999999999 00:00:00 GMT")
    posts, shelf = Posts(clock, [answer]), Shelf()

    await courier_of(clock, posts, shelf).visit(claimed_of(clock))

    [visit] = shelf.visits
    assert [each.due for each in visit.settled] == [None]


async def test_a_dialect_writes_its_own_bodies_and_headers_and_forges_none(clock):
    async def render(event, webhook):
        if event.body["number"]:
            return None
        headers = {"X-Vendor": "yes", "Webhook-Signature": "v1,forged"}
        return Rendered(b'{"type":"onDeviceRegister"}', headers)

    posts, shelf = Posts(clock), Shelf()
    courier = courier_of(clock, posts, shelf, renderers={WebhookForm.MOBILEFIRST: render})

    await courier.visit(claimed_of(clock, 2, form=WebhookForm.MOBILEFIRST))

    [(_, headers, body)] = posts.calls
    assert body == b'{"type":"onDeviceRegister"}'
    assert headers["x-vendor"] == "yes"
    assert headers["webhook-signature"] == signature(
        WebhookSecrets(SECRET), headers["webhook-id"], body, at=clock.now()
    )
    assert [each.due for each in shelf.visits[0].settled] == [None, None]
    assert shelf.visits[0].settled[1].attempt is None


@pytest.mark.parametrize("trouble", [Unavailable("database"), KeyError("odd")])
async def test_an_event_that_cant_be_written_now_costs_the_others_no_second_call(clock, trouble):
    async def render(event, webhook):
        if event.body["number"] == 2:
            raise trouble
        return Rendered(b"{}")

    posts, shelf = Posts(clock), Shelf()
    claimed = claimed_of(clock, 6, form=WebhookForm.MOBILEFIRST)
    courier = courier_of(clock, posts, shelf, renderers={WebhookForm.MOBILEFIRST: render})

    with pytest.raises(type(trouble)):
        await courier.visit(claimed)

    [visit] = shelf.visits
    ids = [each.event.id for each in claimed.dispatches]
    assert [each.event_id for each in visit.settled] == [ids[0], ids[1], ids[3]]
    assert len(posts.calls) == 3
    # It stays owed, and is not tried again at once.
    assert visit.not_before > clock.now()


async def test_basic_credentials_go_along(clock):
    posts = Posts(clock)
    claimed = claimed_of(clock)
    sealed = claimed.webhook.id + pack(WebhookSecrets(SECRET, basic="key:pass"))

    await courier_of(clock, posts, Shelf()).visit(replace(claimed, sealed=sealed))

    assert posts.calls[0][1]["authorization"] == "Basic a2V5OnBhc3M="


async def test_a_hanging_endpoint_holds_up_no_other(clock):
    class Hanging(Posts):
        async def post(self, url, headers, body):
            if "hanging" in url:
                await asyncio.Event().wait()
            return await super().post(url, headers, body)

    posts = Hanging(clock)
    hanging = claimed_of(clock, 3, url="https://hanging.example/")
    quick = [claimed_of(clock, 2) for _ in range(5)]
    shelf = Shelf([hanging, quick[0]], quick[1:], expecting=5)

    task = asyncio.create_task(courier_of(clock, posts, shelf).run())
    await asyncio.wait_for(shelf.is_full.wait(), 5)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

    assert len(posts.calls) == 10


async def test_trouble_with_the_store_or_with_one_webhook_ends_nothing(clock):
    broken = replace(claimed_of(clock), sealed=b"not ours")
    shelf = Shelf(Unavailable("database"), ValueError("odd"), [broken], [claimed_of(clock)])

    task = asyncio.create_task(courier_of(clock, Posts(clock), shelf).run())
    await asyncio.wait_for(shelf.is_full.wait(), 5)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

    assert len(shelf.visits) == 1
