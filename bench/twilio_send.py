"""How long a send of 10,000 recipients with templates takes to be accepted, in Twilio's words.

Half are APNs tokens, half FCM, each with variables of its own. The time is the
client's: from the first byte of the request to the last of the answer. Then the
server, on SQLite, has to hand every one of them to the fakes, and its
operation has to say so.
"""

from __future__ import annotations

import asyncio
import base64
import http.client
import json
import os
import secrets
import statistics
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.crash_site import Delivery, Server
from bench.fakes import Fakes
from bench.machine import pin
from heliograph import config as settings
from heliograph.core.model.application import Defaults
from heliograph.core.model.identity import ALL_SCOPES
from heliograph.core.model.registration import Environment
from heliograph.dialects.twilio.mapping import ids
from heliograph.providers.fcm.settings import credential_from_service_account
from heliograph.wiring import Stack

if TYPE_CHECKING:
    from collections.abc import Callable

RECIPIENTS = int(os.environ.get("BENCH_RECIPIENTS", "10000"))
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "5"))
MUST_MS = 400
PLACE = "/v1/PushNotifications"
SERVER_CORE, OTHER_CORE = 0, 1
_PATIENCE_S = 120

CONTENT = {
    "title": "Hello {{ name | default: 'friend' }}",
    "body": "{% if points %}You have {{ points }} points{% else %}Look{% endif %}, {{ name }}.",
}


def run(say: Callable[[str], None]) -> dict[str, Any]:
    """Send several times; every send has to arrive whole."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        with Fakes(folder / "fakes", "--inbox", 0, "--log", 0) as fakes:
            pin(fakes.process.pid, OTHER_CORE)
            config_file = folder / "heliograph.toml"
            config_file.write_text(Delivery(lease_s=60.0).toml() + fakes.settings())
            account_file = Path(fakes.places["fcm_service_account_file"]).read_text()
            furnishing = _furnish(config_file, folder / "data", fakes, account_file)
            user_name, key = asyncio.run(furnishing)
            arguments = ["--port", 0, "--data", folder / "data", "--config", config_file]
            server = Server(arguments, folder / "server.txt", PLACE, key)
            pair = base64.b64encode(f"{user_name}:{key}".encode()).decode()
            server.headers["authorization"] = f"Basic {pair}"
            pin(server.process.pid, SERVER_CORE)
            try:
                accepted, delivered = [], []
                for number in range(ROUNDS + 1):
                    accept_ms, deliver_s = _send(server)
                    # The first one warms up: connections, tokens, pages of the database.
                    if number:
                        accepted.append(accept_ms)
                        delivered.append(deliver_s)
                        say(f"  {number}/{ROUNDS}: accepted in {accept_ms:.0f} ms,")
                        say(f"    delivered in {deliver_s:.1f} s")
            finally:
                server.stop()
            arrived = fakes.arrived()
    value = statistics.median(accepted)
    return {
        "value": round(value, 1),
        "unit": "ms",
        "must": MUST_MS,
        "rounds": [round(each, 1) for each in accepted],
        "delivered_s": round(statistics.median(delivered), 2),
        "recipients": RECIPIENTS,
        "sent": RECIPIENTS * (ROUNDS + 1),
        "arrived": arrived,
        "load_average": round(os.getloadavg()[0], 2),
    }


def _send(server: Server) -> tuple[float, float]:
    """Send once; answer the milliseconds until it was accepted, the seconds until it was done."""
    text = json.dumps({"to": [_recipient(n) for n in range(RECIPIENTS)], "content": CONTENT})
    connection = http.client.HTTPConnection(server.host, server.port, timeout=_PATIENCE_S)
    try:
        connection.connect()
        began = time.perf_counter()
        answer = _call(connection, server, "POST", PLACE, text)
        accept_ms = (time.perf_counter() - began) * 1e3
        place = f"{PLACE}/Operations/{answer['operationId']}"
        while True:
            operation = _call(connection, server, "GET", place)
            if operation["status"] == "COMPLETED":
                break
            if time.perf_counter() - began > _PATIENCE_S:
                raise RuntimeError(f"not delivered in {_PATIENCE_S} s: {operation}")
            time.sleep(0.05)
        if operation["stats"]["sent"] != RECIPIENTS:
            raise RuntimeError(f"not all were sent: {operation['stats']}")
        return accept_ms, time.perf_counter() - began - accept_ms / 1e3
    finally:
        connection.close()


def _call(
    connection: http.client.HTTPConnection,
    server: Server,
    method: str,
    path: str,
    body: str | None = None,
) -> dict[str, Any]:
    connection.request(method, path, body, server.headers)
    answer = connection.getresponse()
    content: dict[str, Any] = json.loads(answer.read())
    if answer.status >= 300:
        raise RuntimeError(f"the server refused {method} {path}: {content}")
    return content


def _recipient(number: int) -> dict[str, Any]:
    variables = {"name": f"Reader {number}", "points": str(number % 97)}
    if number % 2:
        return {"token": secrets.token_hex(32), "provider": "APN", "variables": variables}
    token = f"{secrets.token_hex(11)}:APA91b{secrets.token_urlsafe(60)}"
    return {"token": token, "provider": "FCM", "variables": variables}


async def _furnish(
    config_file: Path, data: Path, fakes: Fakes, account_file: str
) -> tuple[str, str]:
    """Make an App with both credentials; answer a back end's user name and password."""
    stack = await Stack.open(settings.load(config_file, data=data))
    try:
        core = stack.core
        account = await core.applications.account()
        bundle_id = fakes.places["apns_topic"]
        app = await core.applications.create(account.id, "bench", Defaults(bundle_id))
        await core.aliases.set(ids.APP_ALIAS, account.id, app.id, "bench")
        for secret in (fakes.apns_credential, credential_from_service_account(account_file)):
            await core.applications.set_credential(app, Environment.PRODUCTION, secret)
        _, key = await core.applications.create_client(account.id, "bench", scopes=ALL_SCOPES)
        return ids.account_sid(account.id), key
    finally:
        await stack.stop()
