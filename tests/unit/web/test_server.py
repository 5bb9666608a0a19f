import asyncio
import ssl
import subprocess
from contextlib import asynccontextmanager

import pytest
import structlog
from starlette.responses import FileResponse, StreamingResponse
from tests.asgi_client import call
from tests.unit.web import stubs
from tests.unit.web.stubs import NO_CORE, dialect, route

from heliograph.config import Config, Limits, Listener
from heliograph.core.errors import CoreError
from heliograph.web.application import Application
from heliograph.web.door import OpenDoor
from heliograph.web.server import Guard, Server

pytestmark = pytest.mark.anyio


def _application(config: Config) -> Application:
    doors = [
        OpenDoor(
            dialect(
                "one",
                route("GET", "/a/{x}"),
                route("POST", "/a", stubs.read_any),
                route("GET", "/broken/{secret}", stubs.break_down),
            )
        )
    ]
    return Application(NO_CORE, doors, config)


@asynccontextmanager
async def _served(config: Config):
    server = Server(_application(config), config)
    serving = asyncio.create_task(server.serve())
    yield server
    server.should_exit = True
    await serving
    assert server.should_exit


@pytest.fixture
async def server():
    async with _served(Config(listener=Listener(port=0))) as server:
        yield server


@pytest.fixture
async def hasty_server():
    config = Config(listener=Listener(port=0), limits=Limits(body_timeout_s=0.05))
    async with _served(config) as server:
        yield server


async def _exchange(server: Server, raw: bytes, *, tls: ssl.SSLContext | None = None) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port, ssl=tls)
    writer.write(raw)
    await writer.drain()
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(
        int(line.partition(b":")[2])
        for line in head.lower().split(b"\r\n")
        if line.startswith(b"content-length")
    )
    body = await reader.readexactly(length)
    writer.close()
    return head + body


async def test_a_port_of_the_systems_choice_is_known_and_linked_to(server):
    answer = await _exchange(server, b"GET /a/b%2Fc HTTP/1.1\r\nHost: evil.test\r\n\r\n")

    assert server.port != 0
    assert b'"x":"b/c"' in answer
    assert f'"url":"http://127.0.0.1:{server.port}"'.encode() in answer
    assert b"uvicorn" not in answer.lower()


@pytest.mark.parametrize("is_chunked", [False, True])
async def test_a_body_of_ten_megabytes_is_refused_with_an_answer_that_can_be_read(
    server, is_chunked
):
    body = b"x" * 10_000_000
    if is_chunked:
        framing = b"Transfer-Encoding: chunked\r\n\r\n"
        sent = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
    else:
        framing = b"Content-Length: %d\r\n\r\n" % len(body)
        sent = body

    answer = await _exchange(server, b"POST /a HTTP/1.1\r\nHost: x\r\n" + framing + sent)

    assert answer.startswith(b"HTTP/1.1 413")
    assert b'"by":"one"' in answer


async def test_a_head_without_end_is_refused(server):
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(b"GET /a/b HTTP/1.1\r\nX-Long: " + b"x" * 70_000)

    head = await reader.readuntil(b"\r\n")
    writer.close()

    assert head.startswith(b"HTTP/1.1 431")


@pytest.mark.parametrize("begun", [b"", b"GET /a/b HTTP/1.1\r\nHost:"])
async def test_a_connection_that_does_not_come_to_the_point_is_closed(hasty_server, begun):
    reader, writer = await asyncio.open_connection("127.0.0.1", hasty_server.port)
    writer.write(begun)

    assert await asyncio.wait_for(reader.read(), 5) == b""
    writer.close()


async def test_a_late_second_request_on_a_connection_is_closed_too(hasty_server):
    reader, writer = await asyncio.open_connection("127.0.0.1", hasty_server.port)
    writer.write(b"GET /a/b HTTP/1.1\r\nHost: x\r\n\r\n")
    await reader.readuntil(b':%d"}' % hasty_server.port)
    writer.write(b"GET /a")

    assert await asyncio.wait_for(reader.read(), 5) == b""
    writer.close()


async def test_a_client_that_leaves_in_mid_body_harms_nobody(server):
    _, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(b"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
    await writer.drain()
    writer.close()
    await writer.wait_closed()

    assert b"200 OK" in await _exchange(server, b"GET /a/b HTTP/1.1\r\nHost: x\r\n\r\n")


async def test_head_has_no_body_and_an_unknown_method_is_refused(server):
    answer = await _exchange(server, b"PURGE /a/b HTTP/1.1\r\nHost: x\r\n\r\n")

    assert answer.startswith(b"HTTP/1.1 4")


async def test_an_address_that_is_taken_is_refused_at_once(server):
    config = Config(listener=Listener(port=server.port))

    with pytest.raises(OSError, match="in use"):
        Server(_application(config), config)


async def test_what_nobody_expected_is_answered_without_details_and_logged_without_texts():
    guarded = Guard(_application(Config()))

    with structlog.testing.capture_logs() as logs:
        answer = await call(guarded, "GET", "/broken/hgs_secret", headers={"x-key": "hgk_secret"})

    assert (answer.status, answer.json()["by"]) == (500, "one")
    assert "secret" not in answer.body.decode()
    (event,) = logs
    assert event["event"] == "request_failed"
    assert (event["dialect"], event["route"]) == ("one", "/broken/{secret}")
    assert event["error"] == "RuntimeError"
    assert "hgs_secret" not in str(logs)
    assert "secret-value" not in str(logs)


async def test_a_failure_after_the_answer_began_is_only_logged():
    async def breaking_pieces():
        yield b"begun"
        raise CoreError from KeyError("inner")

    async def begin(request, core):
        return StreamingResponse(breaking_pieces())

    guarded = Guard(
        Application(NO_CORE, [OpenDoor(dialect("one", route("GET", "/x", begin)))], Config())
    )

    with structlog.testing.capture_logs() as logs:
        answer = await call(guarded, "GET", "/x")

    assert answer.status == 200
    assert "KeyError" in logs[0]["frames"]


async def test_a_failure_before_an_answer_began_is_answered_and_logged(tmp_path):
    async def show(request, core):
        return FileResponse(tmp_path / "missing")

    guarded = Guard(
        Application(NO_CORE, [OpenDoor(dialect("one", route("GET", "/x", show)))], Config())
    )

    with structlog.testing.capture_logs() as logs:
        answer = await call(guarded, "GET", "/x")

    assert (answer.status, answer.json()["by"]) == (500, "one")
    assert [event["event"] for event in logs] == ["request_failed"]


@pytest.fixture
def certificate(tmp_path):
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
            *("-nodes", "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"),
            *("-keyout", tmp_path / "key.pem", "-out", tmp_path / "certificate.pem"),
        ],
        check=True,
        capture_output=True,
    )
    return tmp_path


async def test_the_listener_speaks_tls_where_it_has_a_certificate(certificate):
    listener = Listener(
        port=0,
        tls_certificate=certificate / "certificate.pem",
        tls_key=certificate / "key.pem",
    )
    tls = ssl.create_default_context(cafile=certificate / "certificate.pem")

    async with _served(Config(listener=listener)) as server:
        answer = await _exchange(server, b"GET /a/b HTTP/1.1\r\nHost: x\r\n\r\n", tls=tls)

    assert f'"url":"https://127.0.0.1:{server.port}"'.encode() in answer


def test_the_loop_is_uvloops():
    from heliograph.web.server import loop_factory

    loop = loop_factory()()
    loop.close()

    assert type(loop).__module__.startswith("uvloop")
