"""The sender against servers that others wrote."""

from __future__ import annotations

import asyncio
import json
import shutil
import socket
import subprocess
from typing import TYPE_CHECKING

import pytest

from heliograph.outbound.http2 import Http2Sender
from heliograph.outbound.http2.messages import Reply, Request
from heliograph.outbound.http2.sender import Origin
from heliograph.outbound.tls import client_tls

if TYPE_CHECKING:
    from pathlib import Path

    from tests.contract.http2.conftest import Certificates

pytestmark = [pytest.mark.anyio, pytest.mark.interop]

NODE_SERVER = r"""
const http2 = require('http2'), fs = require('fs');
const pem = fs.readFileSync(process.argv[1]);
const server = http2.createSecureServer({
  key: pem, cert: pem,
  settings: { maxConcurrentStreams: 20, initialWindowSize: 200, headerTableSize: 128 },
});
const processed = {};
let streams = 0;
server.on('session', (session) => session.on('error', () => {}));
server.on('stream', (stream, headers) => {
  let size = 0;
  stream.on('error', () => {});
  stream.on('data', (part) => { size += part.length; });
  stream.on('end', () => {
    if (headers[':path'] === '/report') {
      stream.respond({ ':status': 200 });
      return stream.end(JSON.stringify(processed));
    }
    const id = headers['apns-id'];
    processed[id] = (processed[id] || 0) + 1;
    stream.additionalHeaders({ ':status': 103 });
    stream.respond({ ':status': 200, 'apns-id': id, topic: headers['apns-topic'] },
                   { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers({ checksum: 'x' }));
    stream.end(String(size));
    streams += 1;
    if (streams % 150 === 0) stream.session.close();
  });
});
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
"""


async def test_node_http2_loses_and_doubles_nothing_when_it_says_goaway(
    certificates: Certificates,
) -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed")
    process = await asyncio.create_subprocess_exec(
        node, "-e", NODE_SERVER, str(certificates.server), stdout=subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        port = int(await process.stdout.readline())
        sender = Http2Sender(Origin("localhost", port), client_tls(certificates.ca))
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
    nghttpd = shutil.which("nghttpd")
    if nghttpd is None:
        pytest.skip("nghttpd is not installed")
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
