"""The sender against servers that others wrote."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import socket
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from heliograph.outbound.http2 import Http2Sender
from heliograph.outbound.http2.messages import Reply, Request
from heliograph.outbound.http2.sender import Origin
from heliograph.outbound.http2.settings import SenderSettings
from heliograph.outbound.tls import client_tls

if TYPE_CHECKING:
    from tests.contract.http2.conftest import Certificates

pytestmark = [pytest.mark.anyio, pytest.mark.interop]

FOLDER = Path(__file__).parent
GO_CACHE = Path(__file__).parents[3] / ".venv/go-cache"
# Where Debian and the Go project put what no PATH of a plain user names.
PLACES = f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin:/usr/local/go/bin"


def program(name: str) -> str:
    found = shutil.which(name, path=PLACES)
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


@pytest.fixture(scope="session")
def go_server(tmp_path_factory: pytest.TempPathFactory) -> str:
    go = program("go")
    built = tmp_path_factory.mktemp("go") / "server"
    done = subprocess.run(
        [go, "build", "-o", built, FOLDER / "server.go"],
        env=os.environ
        | {
            "GOCACHE": str(GO_CACHE),
            "GOTOOLCHAIN": "local",
            "GOPROXY": "off",
            "GO111MODULE": "off",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        pytest.skip(f"this Go cannot build the server: {done.stderr.strip()[-500:]}")
    return str(built)


@pytest.fixture(params=["node", "go"])
def reporting_server(request: pytest.FixtureRequest) -> list[str]:
    """How to start a server that says GOAWAY now and then and reports what it processed."""
    if request.param == "node":
        return [program("node"), str(FOLDER / "server.mjs")]
    return [request.getfixturevalue("go_server")]


@pytest.mark.parametrize("connections", [1, 4])
async def test_a_server_that_says_goaway_loses_and_doubles_nothing(
    certificates: Certificates, reporting_server: list[str], connections: int
) -> None:
    process = await asyncio.create_subprocess_exec(
        *reporting_server, str(certificates.server), stdout=subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        port = int(await process.stdout.readline())
        settings = SenderSettings(max_connections=connections)
        tls = client_tls(certificates.ca)
        sender = Http2Sender(Origin("localhost", port), tls, settings=settings)
        shared = ((b"apns-topic", b"com.example"),)
        requests = [
            Request(b"/3/device/%d" % n, b"b" * (n % 700), ((b"apns-id", b"%d" % n),))
            for n in range(1000)
        ]

        results = await sender.send(shared, requests)
        [report] = await sender.send((), [Request(b"/report", b"")], method=b"GET")
        await sender.aclose()
    finally:
        process.kill()
        await process.communicate()

    for n, result in enumerate(results):
        assert isinstance(result, Reply), result
        assert result.headers["apns-id"] == str(n)
        assert result.headers["topic"] == "com.example"
        assert result.body == b"%d" % (n % 700)
    assert isinstance(report, Reply)
    assert json.loads(report.body) == {str(n): 1 for n in range(1000)}


async def test_nghttpd_answers_every_request(certificates: Certificates, tmp_path: Path) -> None:
    nghttpd = program("nghttpd")
    (tmp_path / "page").write_text("hello")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    pem = str(certificates.server)
    process = await asyncio.create_subprocess_exec(
        nghttpd, "-a", "127.0.0.1", "-d", str(tmp_path), str(port), pem, pem
    )
    try:
        for _ in range(100):
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.05)
            else:
                writer.close()
                await writer.wait_closed()
                break
        sender = Http2Sender(Origin("localhost", port), client_tls(certificates.ca))

        results = await sender.send((), [Request(b"/page", b"")] * 500, method=b"GET")
        await sender.aclose()
    finally:
        process.kill()
        await process.communicate()

    assert all(isinstance(r, Reply) and r.body == b"hello" for r in results)
