"""Calls of endpoints that misbehave: none of them costs us anything."""

import asyncio
import ssl
from contextlib import suppress

import pytest

from heliograph.core.errors import InvalidRequest, ProblemKind
from heliograph.outbound.guard import Guard
from heliograph.outbound.webhook_posts import GuardedPosts

pytestmark = pytest.mark.anyio

OK = b"HTTP/1.1 200 OK\r\n"


def posts_of(*allowed, timeout_s=5.0):
    return GuardedPosts(Guard(allowed), ssl.create_default_context(), timeout_s=timeout_s)


@pytest.fixture
async def endpoint():
    """An endpoint that says what it is told, and then what comes next; and who came."""
    running = []
    came = []

    async def start(*parts, for_ever=b"", closes=True):
        async def serve(reader, writer):
            came.append(writer)
            try:
                while True:
                    head = await reader.readuntil(b"\r\n\r\n")
                    length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
                    await reader.readexactly(length)
                    for part in parts:
                        writer.write(part)
                        await writer.drain()
                    while for_ever:
                        writer.write(for_ever)
                        await writer.drain()
                    if closes:
                        break
            except (ConnectionError, asyncio.IncompleteReadError):
                pass
            finally:
                writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        running.append(server)
        return f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook", came

    yield start
    for server in running:
        server.close()


async def test_an_answer_is_its_status(endpoint):
    url, _ = await endpoint(OK + b"content-length: 2\r\n\r\nok")
    posts = posts_of("127.0.0.0/8")

    answer = await posts.post(url, {"content-type": "application/json"}, b"{}")

    await posts.aclose()
    assert (answer.status, answer.detail) == (200, None)


async def test_a_connection_is_used_again_after_a_short_body(endpoint):
    url, came = await endpoint(OK + b"content-length: 2\r\n\r\nok", closes=False)
    posts = posts_of("127.0.0.0/8")

    for _ in range(3):
        await posts.post(url, {}, b"{}")

    await posts.aclose()
    assert len(came) == 1


async def test_an_endpoint_that_streams_for_ever_is_cut_off(endpoint):
    url, came = await endpoint(
        OK + b"transfer-encoding: chunked\r\n\r\n", for_ever=b"1000\r\n" + b"x" * 4096 + b"\r\n"
    )
    posts = posts_of("127.0.0.0/8")

    answer = await asyncio.wait_for(posts.post(url, {}, b"{}"), 5)
    with suppress(ConnectionError):
        await asyncio.wait_for(came[0].wait_closed(), 5)

    await posts.aclose()
    assert answer.status == 200


async def test_an_endpoint_that_trickles_its_body_is_not_waited_for(endpoint):
    url, _ = await endpoint(OK + b"content-length: 100\r\n\r\nx", closes=False)
    posts = posts_of("127.0.0.0/8")

    answer = await asyncio.wait_for(posts.post(url, {}, b"{}"), 5)

    await posts.aclose()
    assert answer.status == 200


async def test_an_endpoint_that_says_nothing_is_left(endpoint):
    url, _ = await endpoint(closes=False)
    posts = posts_of("127.0.0.0/8", timeout_s=0.1)

    answer = await posts.post(url, {}, b"{}")

    await posts.aclose()
    assert (answer.status, answer.detail) == (None, "no reply in time")


async def test_a_redirect_is_an_answer_like_any_other(endpoint):
    url, came = await endpoint(
        b"HTTP/1.1 307 x\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n"
    )
    posts = posts_of("127.0.0.0/8")

    answer = await posts.post(url, {}, b"{}")

    await posts.aclose()
    assert answer.status == 307
    assert len(came) == 1


async def test_an_endpoint_that_asks_for_time_is_heard(endpoint):
    url, _ = await endpoint(b"HTTP/1.1 429 x\r\nRetry-After: 30\r\ncontent-length: 0\r\n\r\n")
    posts = posts_of("127.0.0.0/8")

    answer = await posts.post(url, {}, b"{}")

    await posts.aclose()
    assert (answer.status, answer.retry_after) == (429, "30")


@pytest.mark.parametrize("nonsense", [b"\x00\xff" * 10, b"HTTP/1.1 OK 200\r\n\r\n", b""])
async def test_nonsense_is_no_answer(endpoint, nonsense):
    url, _ = await endpoint(nonsense)
    posts = posts_of("127.0.0.0/8")

    answer = await posts.post(url, {}, b"{}")

    await posts.aclose()
    assert answer.status is None
    assert answer.detail


async def test_what_was_allowed_once_is_checked_again(endpoint):
    url, came = await endpoint(OK + b"content-length: 0\r\n\r\n")
    posts = posts_of()

    answer = await posts.post(url, {}, b"{}")

    await posts.aclose()
    assert (answer.status, answer.detail) == (None, "the URL may not be called")
    assert came == []


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("https://hooks.example:8443/", None),
        ("http://hooks.example/", ProblemKind.NOT_ALLOWED),
        ("https://10.0.0.1/", ProblemKind.NOT_ALLOWED),
        ("https://key@hooks.example/", ProblemKind.MALFORMED),
    ],
)
def test_a_url_is_checked_when_it_is_given(url, kind):
    posts = posts_of()

    if kind is None:
        assert posts.check_url(url, allows_http=False) == url
        return
    with pytest.raises(InvalidRequest) as caught:
        posts.check_url(url, allows_http=False)
    assert caught.value.problems[0].kind is kind
    assert caught.value.problems[0].path == ("url",)


def test_a_dialect_of_old_may_call_over_http():
    assert posts_of().check_url("http://hooks.example", allows_http=True) == "http://hooks.example/"
