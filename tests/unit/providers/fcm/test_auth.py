import asyncio
import base64
import json
from dataclasses import replace
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.hashes import SHA256

from heliograph.core.model.outcome import Deferred, Misconfigured
from heliograph.outbound.http1 import HttpReply, OutboundError
from heliograph.providers.fcm.auth import AccessTokens

pytestmark = pytest.mark.anyio

ID = b"\x01" * 16


class FakeEndpoint:
    """Answers what it is told to; counts and keeps the calls. Waits while `gate` is shut."""

    def __init__(self):
        self.calls = []
        self.trouble = None
        self.expires_in = 3599
        self.gate = asyncio.Event()
        self.gate.set()

    async def post_form(self, url, fields, *, timeout_s=10.0):
        self.calls.append((url, fields, timeout_s))
        await self.gate.wait()
        if isinstance(self.trouble, Exception):
            raise self.trouble
        if self.trouble is not None:
            return self.trouble
        reply = {"access_token": f"t{len(self.calls)}", "expires_in": self.expires_in}
        return HttpReply(200, {}, json.dumps(reply).encode())


@pytest.fixture
async def endpoint():
    return FakeEndpoint()


@pytest.fixture
async def tokens(endpoint, clock):
    return AccessTokens(endpoint, clock, timeout_s=7)


@pytest.fixture
def ask(tokens, clock, secret):
    async def run(credential_id=ID, changed=None):
        return await tokens.authorization(credential_id, changed or secret, now=clock.now())

    return run


def decode(part):
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


async def test_a_signed_assertion_buys_an_access_token(ask, endpoint, clock, secret, signing_key):
    authorization = await ask()

    ((url, fields, timeout_s),) = endpoint.calls
    header, claims, signature = fields["assertion"].split(".")
    now_s = int(clock.now().timestamp())
    assert authorization == b"Bearer t1"
    assert (url, timeout_s) == ("https://oauth.example/t", 7)
    assert fields["grant_type"] == "urn:ietf:params:oauth:grant-type:jwt-bearer"
    assert json.loads(decode(header)) == {"alg": "RS256", "kid": "kid1"}
    assert json.loads(decode(claims)) == {
        "iss": "push@acme.example",
        "scope": "https://www.googleapis.com/auth/firebase.messaging",
        "aud": "https://oauth.example/t",
        "iat": now_s,
        "exp": now_s + 3600,
    }
    signing_key.public_key().verify(
        decode(signature), f"{header}.{claims}".encode(), padding.PKCS1v15(), SHA256()
    )


async def test_an_access_token_is_renewed_five_minutes_early(ask, clock):
    first = await ask()
    clock.advance(timedelta(seconds=3599 - 301))
    kept = await ask()
    clock.advance(timedelta(seconds=1))

    assert kept == first == b"Bearer t1"
    assert await ask() == b"Bearer t2"


async def test_a_short_lived_token_serves_half_its_life(ask, endpoint, clock):
    endpoint.expires_in = 100
    await ask()
    clock.advance(timedelta(seconds=49))
    kept = await ask()
    clock.advance(timedelta(seconds=1))

    assert kept == b"Bearer t1"
    assert await ask() == b"Bearer t2"


async def test_pages_that_wait_share_one_call(ask, endpoint, settle):
    endpoint.gate.clear()
    asking = [asyncio.ensure_future(ask()) for _ in range(10)]
    await settle()
    endpoint.gate.set()

    assert {await each for each in asking} == {b"Bearer t1"}
    assert len(endpoint.calls) == 1


async def test_pages_that_wait_share_a_failure_and_the_next_one_tries_again(ask, endpoint, settle):
    endpoint.trouble = HttpReply(503, {}, b"")
    endpoint.gate.clear()
    asking = [asyncio.ensure_future(ask()) for _ in range(10)]
    await settle()
    endpoint.gate.set()

    assert {await each for each in asking} == {Deferred("token endpoint: HTTP 503")}
    assert len(endpoint.calls) == 1
    endpoint.trouble = None
    assert await ask() == b"Bearer t2"


async def test_a_page_that_is_cancelled_leaves_the_others_their_turn(ask, endpoint, settle):
    endpoint.gate.clear()
    first, second = asyncio.ensure_future(ask()), asyncio.ensure_future(ask())
    await settle()
    first.cancel()
    await settle()
    endpoint.gate.set()

    assert await second == b"Bearer t2"


async def test_a_token_serves_to_its_end_while_the_endpoint_is_down(ask, endpoint, clock):
    await ask()
    endpoint.trouble = OutboundError("cannot connect", is_unprocessed=True)
    clock.advance(timedelta(minutes=56))

    kept = [await ask(), await ask()]
    clock.advance(timedelta(minutes=4))

    assert kept == [b"Bearer t1"] * 2
    assert len(endpoint.calls) == 2
    assert await ask() == Deferred("token endpoint: cannot connect")


async def test_a_refused_account_is_misconfigured_though_a_token_is_left(ask, endpoint, clock):
    await ask()
    endpoint.trouble = HttpReply(400, {}, b'{"error":"invalid_grant"}')
    clock.advance(timedelta(minutes=56))

    assert await ask() == Misconfigured("token endpoint: invalid_grant")


async def test_forgetting_asks_again_but_not_within_a_minute(ask, tokens, endpoint, clock):
    tokens.forget(ID)
    await ask()
    clock.advance(timedelta(seconds=59))
    tokens.forget(ID)
    young = await ask()
    clock.advance(timedelta(seconds=1))
    tokens.forget(ID)

    assert young == b"Bearer t1"
    assert await ask() == b"Bearer t2"


async def test_the_least_recently_used_token_is_forgotten(endpoint, clock, secret):
    tokens = AccessTokens(endpoint, clock, timeout_s=7, size=2)
    for number in (1, 2, 1, 3, 1, 2):
        await tokens.authorization(bytes([number]) * 16, secret, now=clock.now())

    assert len(endpoint.calls) == 4


@pytest.mark.parametrize("pem", ["", "SECRET"])
async def test_a_key_that_signs_nothing_is_misconfigured_and_unsaid(ask, endpoint, secret, pem):
    outcome = await ask(changed=replace(secret, private_key_pem=pem))

    assert isinstance(outcome, Misconfigured)
    assert "SECRET" not in repr(outcome)
    assert endpoint.calls == []


async def test_one_renews_while_the_others_go_on_with_what_is_still_good(
    ask, endpoint, clock, settle
):
    await ask()
    clock.advance(timedelta(minutes=56))
    endpoint.gate.clear()
    renewing = asyncio.ensure_future(ask())
    await settle()

    meanwhile = await ask()
    endpoint.gate.set()

    assert meanwhile == b"Bearer t1"
    assert await renewing == b"Bearer t2"
    assert await ask() == b"Bearer t2"


async def test_nobody_goes_on_with_a_token_in_its_last_seconds(ask, endpoint, clock, settle):
    await ask()
    clock.advance(timedelta(seconds=3590))
    endpoint.gate.clear()
    asking = [asyncio.ensure_future(ask()) for _ in range(2)]
    await settle()
    are_waiting = not any(each.done() for each in asking)
    endpoint.gate.set()

    assert are_waiting
    assert {await each for each in asking} == {b"Bearer t2"}
