"""The Web Push provider against the fake push service, over real sockets."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from tests.contract.providers.pages import NOW, batch_of, browser, target

from heliograph.config import WebPush
from heliograph.core.model.notification import Content, Options, Priority
from heliograph.core.model.outcome import (
    Accepted,
    Deferred,
    FaultScope,
    Misconfigured,
    RefreshCredential,
    Rejected,
    TokenGone,
)
from heliograph.core.model.registration import ProviderName
from heliograph.outbound.guard import Guard
from heliograph.providers.webpush import WebPushProvider
from heliograph.providers.webpush.settings import new_key
from heliograph.simulators.faults import Action, Fault
from heliograph.simulators.listener import H2, HTTP_1_1, RunningFake

pytestmark = pytest.mark.anyio


def key_of(credential, place=0):
    return credential.secret.keys[place].public


async def test_a_page_arrives_once_each_and_readable(
    fakes, webpush, webpush_credential, subscribed
):
    subscriptions = [subscribed() for _ in range(150)]

    outcomes = await webpush.send(
        batch_of(webpush_credential, *map(browser, subscriptions)), now=NOW
    )

    assert all(isinstance(outcome, Accepted) for outcome in outcomes)
    assert len({outcome.provider_message_id for outcome in outcomes}) == 150
    assert fakes.webpush.connection_count == 1
    arrived = fakes.inbox.received()
    assert sorted(push.token for push in arrived) == sorted(each.endpoint for each in subscriptions)


async def test_the_browser_reads_what_was_meant(fakes, webpush, webpush_credential, subscribed):
    subscription = subscribed()
    overrides = {ProviderName.WEBPUSH: {"icon": "/i.png", "data": {"n": None, "url": "/x"}}}
    content = Content("Hello", "Grüße", {"n": 1, "screen": "inbox"}, "ping", 3, overrides)
    options = Options(ttl_s=60, priority=Priority.NORMAL, collapse_key="score/1")

    await webpush.send(
        batch_of(webpush_credential, browser(subscription), content=content, options=options),
        now=NOW,
    )

    (push,) = fakes.inbox.received(subscription.endpoint)
    assert push.payload == {
        "title": "Hello",
        "body": "Grüße",
        "tag": "score/1",
        "sound": "ping",
        "app_badge": 3,
        "data": {"screen": "inbox", "url": "/x"},
        "icon": "/i.png",
    }
    assert push.headers["ttl"] == "60"
    assert push.headers["urgency"] == "normal"
    assert len(push.headers["topic"]) == 32
    assert "authorization" not in push.headers


async def test_a_push_service_without_http2_is_served_over_http1(
    fakes, webpush, webpush_credential
):
    old = RunningFake(fakes.push_service, [HTTP_1_1])
    await old.start("127.0.0.1", 0, fakes.ca_file.parent / "server.pem")
    fakes.push_service.url = old.url
    subscriptions = [fakes.push_service.subscribe() for _ in range(3)]
    batch = batch_of(webpush_credential, *map(browser, subscriptions))

    first = await webpush.send(batch, now=NOW)
    second = await webpush.send(batch, now=NOW)
    await old.stop()

    assert all(isinstance(outcome, Accepted) for outcome in (*first, *second))
    assert fakes.inbox.total == 6


async def test_each_subscription_gets_messages_by_its_own_key(fakes, webpush, webpush_credential):
    keys = [key_of(webpush_credential, place) for place in (0, 1)]
    subscriptions = [fakes.push_service.subscribe(key) for key in keys]

    outcomes = await webpush.send(
        batch_of(webpush_credential, *map(browser, subscriptions)), now=NOW
    )

    assert [type(outcome) for outcome in outcomes] == [Accepted, Accepted]


async def test_a_subscription_of_a_key_that_was_removed_holds_up_nobody(
    webpush, webpush_credential, subscribed
):
    lost = browser(subscribed(), vapid_key=new_key().public)

    outcomes = await webpush.send(
        batch_of(webpush_credential, lost, browser(subscribed())), now=NOW
    )

    assert isinstance(outcomes[0], Misconfigured)
    assert outcomes[0].scope is FaultScope.TARGET
    assert isinstance(outcomes[1], Accepted)


async def test_a_refused_token_is_replaced_once_it_is_old_enough(
    fakes, webpush, webpush_credential, subscribed, clock
):
    subscription = subscribed()
    batch = batch_of(webpush_credential, browser(subscription))
    await webpush.send(batch, now=NOW)
    (before,) = fakes.inbox.received()
    clock.advance(timedelta(minutes=2))
    fakes.faults.add(Fault(subscription.endpoint, 401, "109", times=2))

    refused = await webpush.send(batch, now=clock.now())
    await webpush.refresh(webpush_credential)
    again = await webpush.send(batch, now=clock.now())
    after = await webpush.send(batch, now=clock.now())

    assert refused == [RefreshCredential("errno 109")]
    # The service knows the key, so that it is this one subscription's trouble.
    assert again == [TokenGone("errno 109", is_ambiguous=True)]
    assert isinstance(after[0], Accepted)
    tokens = [push.raw_headers[b"authorization"] for push in (before, fakes.inbox.received()[-1])]
    assert tokens[0] != tokens[1]


async def test_half_a_day_passes_and_no_old_token_is_shown(
    webpush, webpush_credential, subscribed, clock
):
    batch = batch_of(webpush_credential, browser(subscribed()))
    for _ in range(6):
        outcomes = await webpush.send(batch, now=clock.now())

        assert isinstance(outcomes[0], Accepted)
        clock.advance(timedelta(hours=5))


async def test_one_token_serves_all_messages_to_a_service(
    fakes, webpush, webpush_credential, subscribed
):
    batch = batch_of(webpush_credential, *(browser(subscribed()) for _ in range(60)))

    await webpush.send(batch, now=NOW)
    await webpush.send(batch, now=NOW)

    assert len({push.raw_headers[b"authorization"] for push in fakes.inbox.received()}) == 1


async def test_what_has_ended_is_gone(fakes, webpush, webpush_credential, subscribed):
    ended, never = subscribed(), replace(subscribed(), endpoint=f"{fakes.webpush.url}/push/none")
    fakes.push_service.unsubscribe(ended.endpoint)

    outcomes = await webpush.send(
        batch_of(webpush_credential, browser(ended), browser(never)), now=NOW
    )

    assert outcomes == [TokenGone("errno 106"), TokenGone("errno 103")]


async def test_a_subscription_of_a_strangers_key_is_ambiguous(fakes, webpush, webpush_credential):
    foreign = fakes.push_service.subscribe(new_key().public)
    own = browser(foreign, vapid_key=key_of(webpush_credential))

    outcomes = await webpush.send(batch_of(webpush_credential, own), now=NOW)

    assert outcomes == [TokenGone("HTTP 403", is_ambiguous=True)]


async def test_a_moved_subscription_is_followed_once_to_a_push_service(
    fakes, webpush, webpush_credential, subscribed
):
    old, new = subscribed(), subscribed()
    moved = replace(new, endpoint=old.endpoint)
    fakes.faults.add(Fault(old.endpoint, 301, f"location: {new.endpoint}"))

    # Both are one browser's: the keys are those of the new address.
    fakes.push_service._subscriptions[old.endpoint] = moved
    outcomes = await webpush.send(batch_of(webpush_credential, browser(moved)), now=NOW)

    assert isinstance(outcomes[0], Accepted)
    assert [push.token for push in fakes.inbox.received()] == [new.endpoint]


async def test_a_subscription_that_moved_elsewhere_is_gone(
    fakes, webpush, webpush_credential, subscribed
):
    subscription = subscribed()
    fakes.faults.add(Fault(subscription.endpoint, 301, "location: https://evil.example/"))

    outcomes = await webpush.send(batch_of(webpush_credential, browser(subscription)), now=NOW)

    assert outcomes == [TokenGone("moved to where no push service is")]


async def test_too_much_is_named_and_never_sent(fakes, webpush, webpush_credential, subscribed):
    content = Content(body="x" * 3000)
    batch = batch_of(webpush_credential, browser(subscribed()), content=content)

    outcomes = await webpush.send(batch, now=NOW)
    (preview,) = webpush.preview(batch)

    assert outcomes == [Rejected("PayloadTooLarge: 3011 bytes, at most 3000")]
    assert (preview.size_bytes, preview.limit_bytes) == (3011, 3000)
    assert preview.problem == "PayloadTooLarge: 3011 bytes, at most 3000"
    assert fakes.inbox.total == 0


async def test_a_preview_is_what_the_browser_would_read(
    fakes, webpush, webpush_credential, subscribed
):
    subscription = subscribed()
    batch = batch_of(webpush_credential, browser(subscription))

    (preview,) = webpush.preview(batch)
    await webpush.send(batch, now=NOW)

    (push,) = fakes.inbox.received()
    assert preview.body == push.body
    assert preview.problem is None
    assert f"https://{preview.host}{preview.path}" == subscription.endpoint
    assert ("authorization", "…") in preview.headers
    shown = {name: value for name, value in preview.headers if name != "authorization"}
    assert shown.items() <= push.headers.items()


@pytest.mark.parametrize(
    ("endpoint", "keys"),
    [
        ("https://evil.example/1", {}),
        ("http://fcm.googleapis.com/1", {}),
        ("https://127.0.0.1:1/a b", {}),
        ("nonsense", {}),
        (None, {"auth": "AAAA"}),
        (None, {"p256dh": "AAAA"}),
        (None, {"p256dh": "B" + "A" * 86}),
    ],
)
async def test_what_was_stored_wrong_is_rejected_and_holds_up_nobody(
    webpush, webpush_credential, subscribed, endpoint, keys
):
    good = subscribed()
    said = good.to_json()
    wrong = target(endpoint or good.endpoint, attributes=json.dumps(said["keys"] | keys))
    batch = batch_of(webpush_credential, wrong, browser(good))

    outcomes = await webpush.send(batch, now=NOW)

    assert isinstance(outcomes[0], Rejected)
    assert isinstance(outcomes[1], Accepted)


async def test_an_address_without_keys_is_rejected(webpush, webpush_credential, subscribed):
    outcomes = await webpush.send(
        batch_of(webpush_credential, target(subscribed().endpoint, attributes="{}")), now=NOW
    )

    assert outcomes == [Rejected("the subscription has no keys to encrypt for")]


async def test_an_inner_address_behind_a_listed_name_is_not_reached(
    fakes, webpush_credential, subscribed, clock
):
    settings = WebPush(ca_file=fakes.ca_file, hosts=("push.example.net",))

    async def inner(host, port):
        return [(2, 1, 6, "", ("127.0.0.1", fakes.webpush.port))]

    provider = WebPushProvider(settings, Guard((), inner), clock, request_timeout_s=5)
    place = replace(subscribed(), endpoint="https://push.example.net/push/1")

    (outcome,) = await provider.send(batch_of(webpush_credential, browser(place)), now=NOW)
    await provider.close()

    assert isinstance(outcome, Deferred)
    assert "may not be reached" in outcome.reason
    assert fakes.inbox.total == 0


async def test_a_foreign_credential_is_named(webpush, fcm_credential, subscribed):
    batch = batch_of(fcm_credential, browser(subscribed()))

    assert await webpush.send(batch, now=NOW) == [Misconfigured("not a Web Push credential")]
    assert webpush.preview(batch)[0].problem == "not a Web Push credential"
    await webpush.refresh(fcm_credential)


async def test_a_key_that_is_none_is_named(webpush, webpush_credential, subscribed):
    keys = tuple(replace(key, private="AAAA") for key in webpush_credential.secret.keys)
    broken = replace(webpush_credential, secret=replace(webpush_credential.secret, keys=keys))

    (outcome,) = await webpush.send(batch_of(broken, browser(subscribed())), now=NOW)

    assert isinstance(outcome, Misconfigured)
    assert outcome.detail.startswith("the VAPID key is unusable")


async def test_a_cut_connection_is_tried_again_later(
    fakes, webpush, webpush_credential, subscribed
):
    subscription = subscribed()
    fakes.faults.add(Fault(subscription.endpoint, action=Action.CLOSE))
    batch = batch_of(webpush_credential, browser(subscription))

    (outcome,) = await webpush.send(batch, now=NOW)

    assert isinstance(outcome, Deferred)
    assert isinstance((await webpush.send(batch, now=NOW))[0], Accepted)


async def test_a_service_that_cant_be_reached_is_left_alone_while_others_are_served(
    fakes, webpush, webpush_credential, subscribed, clock
):
    away = RunningFake(fakes.push_service, [HTTP_1_1])
    await away.start("127.0.0.1", 0, None)
    await away.stop()
    lost = replace(subscribed(), endpoint=f"https://127.0.0.1:{away.port}/push/1")
    good = subscribed()
    batch = batch_of(webpush_credential, browser(lost), browser(good))

    waits = []
    for _ in range(10):
        first, second = await webpush.send(batch, now=NOW)
        at_once, _ = await webpush.send(batch, now=NOW)
        assert isinstance(second, Accepted)
        assert first.reason.startswith("cannot connect")
        assert first == at_once
        waits.append(first.retry_after.total_seconds())
        clock.advance(first.retry_after)

    assert waits == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300]


async def test_a_service_that_is_back_is_not_left_alone_any_more(
    fakes, webpush, webpush_credential, subscribed, clock
):
    subscription = subscribed()
    batch = batch_of(webpush_credential, browser(subscription))
    port = fakes.webpush.port
    await fakes.webpush.stop()
    (away,) = await webpush.send(batch, now=NOW)
    back = RunningFake(fakes.push_service, [H2])
    (certificate,) = fakes.ca_file.parent.glob("server*.pem")
    await back.start("127.0.0.1", port, certificate)

    (left_alone,) = await webpush.send(batch, now=NOW)
    clock.advance(away.retry_after)
    (again,) = await webpush.send(batch, now=NOW)
    await back.stop()

    assert left_alone == away
    assert isinstance(again, Accepted)


async def test_one_connection_that_is_cut_says_nothing_of_the_service(
    fakes, webpush, webpush_credential, subscribed
):
    subscription = subscribed()
    fakes.faults.add(Fault(subscription.endpoint, action=Action.RESET))

    (cut,) = await webpush.send(batch_of(webpush_credential, browser(subscription)), now=NOW)
    (again,) = await webpush.send(batch_of(webpush_credential, browser(subscription)), now=NOW)

    assert isinstance(cut, Deferred)
    assert isinstance(again, Accepted)


async def test_after_the_end_nothing_is_sent(webpush, webpush_credential, subscribed):
    await webpush.close()

    outcomes = await webpush.send(batch_of(webpush_credential, browser(subscribed())), now=NOW)

    assert outcomes == [Deferred("the server is stopping", timedelta(0))]
