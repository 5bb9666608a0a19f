"""A real Firefox without a screen: its push server, a page that subscribes, and the way to both.

Source: Mozilla, "Push Service protocol"; W3C, WebDriver BiDi.
"""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
import uuid
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any

from aiohttp import ClientSession, WSMsgType, web

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

PATIENCE_S = 60

_PREFERENCES: dict[str, Any] = {
    "dom.push.enabled": True,
    "dom.push.connection.enabled": True,
    "dom.push.alwaysConnect": True,
    "dom.push.testing.allowInsecureServerURL": True,
    "dom.push.testing.ignorePermission": True,
    "dom.serviceWorkers.enabled": True,
    "permissions.default.desktop-notification": 1,
    "remote.active-protocols": 1,
    # Nothing but this machine is spoken to.
    "app.normandy.enabled": False,
    "app.update.auto": False,
    "browser.safebrowsing.downloads.enabled": False,
    "browser.safebrowsing.malware.enabled": False,
    "browser.safebrowsing.phishing.enabled": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "services.settings.server": "http://127.0.0.1:9/",
    "toolkit.telemetry.enabled": False,
}

_PAGE = "<!doctype html><title>subscribes</title>"
_WORKER = """
self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));
self.addEventListener("push", (event) => {
  event.waitUntil(fetch("/received", { method: "POST", body: event.data.text() }));
});
"""
_SUBSCRIBE = """
async (key) => {
  await navigator.serviceWorker.register("/worker.js");
  const worker = await navigator.serviceWorker.ready;
  const made = await worker.pushManager.subscribe({
    userVisibleOnly: true, applicationServerKey: key,
  });
  return JSON.stringify(made.toJSON());
}
"""


class PushServer:
    """What Firefox takes for Mozilla's: a web socket, and the site that subscribes.

    endpoint: the address that subscriptions get. received: what service workers read.
    """

    def __init__(self, endpoint: str) -> None:
        self.received: asyncio.Queue[str] = asyncio.Queue()
        self.acknowledged: asyncio.Queue[int] = asyncio.Queue()
        self._endpoint = endpoint
        self._socket: web.WebSocketResponse | None = None
        self._channel = ""

    async def bring(self, body: bytes) -> int:
        """Hand a message to the browser; answers its code: 100 read, 101 unreadable."""
        assert self._socket is not None
        message = {
            "messageType": "notification",
            "channelID": self._channel,
            "version": uuid.uuid4().hex,
            "data": base64.urlsafe_b64encode(body).rstrip(b"=").decode(),
            "headers": {"encoding": "aes128gcm"},
        }
        await self._socket.send_json(message)
        return await asyncio.wait_for(self.acknowledged.get(), PATIENCE_S)

    def application(self) -> web.Application:
        """Answer the whole site."""
        made = web.Application()
        made.router.add_get("/", self._push)
        made.router.add_get("/page", self._page)
        made.router.add_get("/worker.js", self._worker)
        made.router.add_post("/received", self._receive)
        return made

    async def _page(self, _: web.Request) -> web.Response:
        return web.Response(text=_PAGE, content_type="text/html")

    async def _worker(self, _: web.Request) -> web.Response:
        return web.Response(text=_WORKER, content_type="text/javascript")

    async def _receive(self, request: web.Request) -> web.Response:
        await self.received.put(await request.text())
        return web.Response()

    async def _push(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(protocols=["push-notification"])
        await socket.prepare(request)
        async for message in socket:
            if message.type is WSMsgType.TEXT:
                await self._answer(socket, json.loads(message.data))
        return socket

    async def _answer(self, socket: web.WebSocketResponse, said: dict[str, Any]) -> None:
        match said.get("messageType"):
            case "hello":
                reply = {"uaid": uuid.uuid4().hex, "use_webpush": True, "broadcasts": {}}
                await socket.send_json({"messageType": "hello", "status": 200, **reply})
            case "register":
                self._socket, self._channel = socket, said["channelID"]
                reply = {"channelID": self._channel, "pushEndpoint": self._endpoint}
                await socket.send_json({"messageType": "register", "status": 200, **reply})
            case "ack":
                for update in said["updates"]:
                    await self.acknowledged.put(update["code"])
            case "unregister":
                reply = {"channelID": said["channelID"]}
                await socket.send_json({"messageType": "unregister", "status": 200, **reply})
            case "ping" | None:
                await socket.send_json({})


async def _text(content: str, content_type: str) -> web.Response:
    return web.Response(text=content, content_type=content_type)


@asynccontextmanager
async def serving(server: PushServer) -> AsyncIterator[int]:
    """Listen on this machine; answers the port."""
    runner = web.AppRunner(server.application())
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


@asynccontextmanager
async def running(program: str, profile: Path, port: int) -> AsyncIterator[str]:
    """Run Firefox with a push server at this port; answers where it is steered from."""
    preferences = _PREFERENCES | {"dom.push.serverURL": f"ws://127.0.0.1:{port}/"}
    lines = [f"user_pref({json.dumps(n)}, {json.dumps(v)});" for n, v in preferences.items()]
    (profile / "user.js").write_text("\n".join(lines))
    options = ["--headless", "--no-remote", "--profile", str(profile)]
    process = await asyncio.create_subprocess_exec(
        program,
        *options,
        "--remote-debugging-port",
        "0",
        "about:blank",
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        env={"HOME": str(profile), "PATH": "/usr/bin:/bin", "MOZ_CRASHREPORTER_DISABLE": "1"},
    )
    try:
        yield await asyncio.wait_for(_address_in(process.stderr), PATIENCE_S)
    finally:
        with suppress(ProcessLookupError):
            process.terminate()
        try:
            await asyncio.wait_for(process.communicate(), 10)
        except TimeoutError:
            process.kill()
            await process.communicate()


async def _address_in(stream: asyncio.StreamReader | None) -> str:
    assert stream is not None
    async for line in stream:
        _, found, address = line.decode(errors="replace").partition("BiDi listening on ")
        if found:
            return address.strip()
    raise AssertionError("Firefox ended without listening")


async def subscribe(address: str, origin: str, vapid_key: str) -> dict[str, Any]:
    """Let the page subscribe; answers what `PushSubscription.toJSON()` says."""
    async with ClientSession() as session, session.ws_connect(f"{address}/session") as socket:
        numbers = itertools.count(1)

        async def call(method: str, **parameters: Any) -> dict[str, Any]:
            number = next(numbers)
            await socket.send_json({"id": number, "method": method, "params": parameters})
            while True:
                said = await socket.receive_json(timeout=PATIENCE_S)
                if said.get("id") == number:
                    assert said["type"] == "success", said
                    return dict(said["result"])

        await call("session.new", capabilities={})
        context = (await call("browsingContext.getTree"))["contexts"][0]["context"]
        await call(
            "browsingContext.navigate", context=context, url=f"{origin}/page", wait="complete"
        )
        await call(
            "permissions.setPermission",
            descriptor={"name": "notifications"},
            state="granted",
            origin=origin,
        )
        result = await call(
            "script.callFunction",
            functionDeclaration=_SUBSCRIBE,
            arguments=[{"type": "string", "value": vapid_key}],
            target={"context": context},
            awaitPromise=True,
            userActivation=True,
        )
        assert result["type"] == "success", result
        await call("session.end")
        return dict(json.loads(result["result"]["value"]))
