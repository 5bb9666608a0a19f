"""What replies about channels mean; the rest is in tests/contract/providers."""

from __future__ import annotations

import json
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from heliograph.core.errors import Conflict, NotFound, RateLimited, Unavailable
from heliograph.core.model.channel import ChannelPlace, ChannelStorage
from heliograph.core.model.registration import Environment
from heliograph.outbound.http2.messages import Lost, Reply
from heliograph.outbound.http2.sender import Origin
from heliograph.providers.apns.channels import ApnsChannels
from heliograph.providers.apns.lines import Proof

pytestmark = pytest.mark.anyio

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
PLACE = ChannelPlace(Environment.PRODUCTION, "com.example")


@pytest.fixture
def anyio_backend():
    return "asyncio"


class OneReply:
    """Lines to an APNs that always says the same, and takes note of what it was asked."""

    is_closed = False

    def __init__(self, result, *, is_renewable=False):
        self.result = result
        self.asked = []
        self.refreshed = 0
        self.tokens = SimpleNamespace(is_renewable=lambda _: is_renewable)

    def proof(self, credential, *, now):
        return Proof(((b"authorization", b"bearer x"),))

    def lease(self, credential, origin, proof):
        return nullcontext(SimpleNamespace(sender=self))

    def refresh(self, credential):
        self.refreshed += 1

    async def send(self, headers, requests, *, method, timeout_s):
        self.asked += [(method, request) for request in requests]
        return [self.result]


def channels_of(lines, clock):
    origins = {each: Origin("apns.test") for each in Environment}
    return ApnsChannels(lines, origins, clock, request_timeout_s=1)


def refusal(status, reason=None, **headers):
    body = b"" if reason is None else json.dumps({"reason": reason}).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(status, named, body)


async def test_a_request_has_an_id_of_its_own_and_the_channels(clock, credential):
    lines = OneReply(Reply(200, {}, b'{"message-storage-policy":1,"push-type":"LiveActivity"}'))

    await channels_of(lines, clock).get(credential, PLACE, "abc+/=")

    ((method, request),) = lines.asked
    own = dict(request.headers)
    assert (method, request.path) == (b"GET", b"/1/apps/com.example/channels")
    assert own[b"apns-channel-id"] == b"abc+/="
    assert len(own[b"apns-request-id"]) == 36


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (refusal(400, "ChannelNotRegistered"), NotFound),
        (refusal(400, "BadChannelId"), NotFound),
        (refusal(400, "MissingChannelId"), NotFound),
        (refusal(400, "CannotCreateChannelConfig"), Conflict),
        (refusal(400, "FeatureNotEnabled"), Conflict),
        (refusal(400, "SomethingNew"), Conflict),
        (refusal(403, "Forbidden"), Conflict),
        (refusal(403, "TopicMismatch"), Conflict),
        (refusal(403, "ExpiredProviderToken"), Conflict),
        (refusal(404), Conflict),
        (refusal(429, "TooManyRequests"), RateLimited),
        (refusal(500, "InternalServerError"), Unavailable),
        (refusal(503), Unavailable),
        (refusal(302), Unavailable),
        (Reply(200, {}, b"<html>"), Unavailable),
        (Lost(is_unprocessed=False, detail="the connection was lost"), Unavailable),
    ],
    ids=str,
)
@pytest.mark.parametrize("call", ["create", "get", "all_of", "delete"])
async def test_each_refusal_has_its_error(clock, credential, reply, error, call):
    channels = channels_of(OneReply(reply), clock)
    more = {"create": (ChannelStorage.NONE,), "all_of": ()}.get(call, ("abc",))

    with pytest.raises(error):
        await getattr(channels, call)(credential, PLACE, *more)


async def test_a_stale_token_is_renewed_and_the_caller_may_try_again(clock, credential):
    lines = OneReply(refusal(403, "ExpiredProviderToken"), is_renewable=True)

    with pytest.raises(Unavailable):
        await channels_of(lines, clock).all_of(credential, PLACE)

    assert lines.refreshed == 1


@pytest.mark.parametrize(("said", "waited_s"), [({"retry_after": "7"}, 7), ({}, 30)])
async def test_a_busy_apns_says_when_to_come_back(clock, credential, said, waited_s):
    channels = channels_of(OneReply(refusal(429, "TooManyRequests", **said)), clock)

    with pytest.raises(RateLimited) as caught:
        await channels.all_of(credential, PLACE)

    assert caught.value.retry_after == timedelta(seconds=waited_s)


@pytest.mark.parametrize("policy", ["1", 2, True, None])
async def test_a_policy_that_makes_no_sense_is_an_apns_out_of_order(clock, credential, policy):
    body = json.dumps({"message-storage-policy": policy}).encode()

    with pytest.raises(Unavailable):
        await channels_of(OneReply(Reply(200, {}, body)), clock).get(credential, PLACE, "abc")


async def test_a_creation_without_an_id_is_an_apns_out_of_order(clock, credential):
    with pytest.raises(Unavailable):
        await channels_of(OneReply(Reply(201, {}, b"")), clock).create(
            credential, PLACE, ChannelStorage.NONE
        )


async def test_a_server_that_stops_asks_nothing(clock, credential):
    lines = OneReply(Reply(200, {}, b""))
    lines.is_closed = True

    with pytest.raises(Unavailable):
        await channels_of(lines, clock).all_of(credential, PLACE)

    assert lines.asked == []
