"""A filled registry to crash on, as often as wanted: every run gets a copy of its own."""

from __future__ import annotations

import asyncio
import http.client
import json
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from bench.fakes import plain_environment
from bench.filling import fill_postgresql, fill_sqlite
from heliograph import config as settings
from heliograph.core.ids import spell
from heliograph.core.model.application import Defaults
from heliograph.core.model.identity import ALL_SCOPES
from heliograph.core.model.registration import Environment
from heliograph.storage.database.sqlite import FILE_NAME
from heliograph.wiring import Stack

if TYPE_CHECKING:
    from pathlib import Path

    from bench.fakes import Fakes

_START_S = 30
_STOP_S = 15
_PATIENCE_S = 120

Rows = list[tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Delivery:
    """The settings a crash is tried with."""

    page_size: int = 1000
    pages_in_flight: int = 4
    lease_s: float = 2.0
    storage_timeout_s: float = 10.0

    @property
    def bound(self) -> int:
        """How many pushes one worker's crash may repeat."""
        return self.page_size * self.pages_in_flight

    def toml(self) -> str:
        return (
            f"[delivery]\npage_size = {self.page_size}\npages_in_flight = {self.pages_in_flight}\n"
            f"lease_s = {self.lease_s}\npoll_s = 0.1\nsweep_s = 0.1\n"
            f"[storage]\ntimeout_s = {self.storage_timeout_s}\n"
        )


class Site:
    """One application with many phones. folder: everything of it is in here.

    postgres: the URL of a PostgreSQL server to make databases on; None is SQLite.
    """

    def __init__(
        self,
        folder: Path,
        fakes: Fakes,
        phones: int,
        delivery: Delivery,
        *,
        postgres: str | None = None,
    ) -> None:
        self.fakes = fakes
        self.delivery = delivery
        self._folder = folder
        self._postgres = postgres
        self._name = f"crash_{folder.name}".replace("-", "_").lower()
        self._config_file = folder / "heliograph.toml"
        folder.mkdir(parents=True)
        self._config_file.write_text(delivery.toml() + fakes.settings())
        self._template = Place(folder / "template", self._create(self._name))
        asyncio.run(self._furnish(phones))
        read = self.rows(self._template, "SELECT token, id FROM registrations")
        self.phones: dict[str, bytes] = {token: bytes(raw) for token, raw in read}

    def copy(self, name: str) -> Place:
        """Make a fresh copy of the filled registry."""
        folder = self._folder / name
        shutil.copytree(self._template.data, folder)
        if self._postgres is None:
            return Place(folder, None)
        return Place(folder, self._create(f"{self._name}_{name}", template=self._name))

    def remove(self, place: Place) -> None:
        """Throw a copy away."""
        shutil.rmtree(place.data)
        if self._postgres is not None:
            assert place.url is not None
            name = urlsplit(place.url).path.removeprefix("/")
            asyncio.run(_execute(self._postgres, f"DROP DATABASE {name} WITH (FORCE)"))

    def serve(self, place: Place, *options: object, name: str = "server") -> Server:
        """Start a server on a copy. name: tells servers of one copy apart."""
        arguments = ["--port", 0, "--data", place.data, "--config", self._config_file, *options]
        if place.url is not None:
            arguments += ["--database-url", place.url]
        return Server(arguments, place.data / f"{name}.txt", self._path, self._key)

    def rows(self, place: Place, statement: str) -> Rows:
        """Read from a copy's database, past the server."""
        if place.url is not None:
            return asyncio.run(_fetch(place.url, statement))
        connection = sqlite3.connect(place.data / FILE_NAME)
        try:
            return connection.execute(statement).fetchall()
        finally:
            connection.close()

    def _create(self, name: str, template: str = "template1") -> str | None:
        if self._postgres is None:
            return None
        from sqlalchemy import make_url

        statement = f"CREATE DATABASE {name} TEMPLATE {template}"
        asyncio.run(_execute(self._postgres, statement))
        url = make_url(self._postgres).set(database=name)
        return url.render_as_string(hide_password=False)

    async def _furnish(self, phones: int) -> None:
        place = self._template
        storage = {"storage": {"database_url": place.url}} if place.url else {}
        config = settings.load(self._config_file, data=place.data, **storage)
        stack = await Stack.open(config)
        try:
            applications = stack.core.applications
            account = await applications.account()
            bundle_id = self.fakes.places["apns_topic"]
            made = await applications.create(account.id, "crash", Defaults(bundle_id))
            _, self._key = await applications.create_client(account.id, "crash", scopes=ALL_SCOPES)
            secret = self.fakes.apns_credential
            await applications.set_credential(made, Environment.PRODUCTION, secret)
        finally:
            await stack.stop()
        self._path = f"/v1/applications/{spell('application', made.id)}/notifications"
        if place.url is None:
            fill_sqlite(place.data / FILE_NAME, account.id, made.id, phones)
        else:
            await fill_postgresql(place.url, account.id, made.id, phones)


@dataclass(frozen=True, slots=True)
class Place:
    """One copy. url: of its PostgreSQL database; None is SQLite in the folder."""

    data: Path
    url: str | None


class Server:
    """`heliograph serve` in a process of its own. errors: where its log goes."""

    def __init__(self, arguments: list[Any], errors: Path, path: str, key: str) -> None:
        self.errors = errors
        self.path = path
        self.headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
        with errors.open("ab") as file:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "heliograph", "serve", *map(str, arguments)],
                stdout=subprocess.PIPE,
                stderr=file,
                text=True,
                env=plain_environment(),
            )
        assert self.process.stdout is not None
        announced = self.process.stdout.readline()
        if not announced:
            self.process.wait(_STOP_S)
            raise RuntimeError(f"the server did not start: {errors.read_text()[-500:]}")
        self.host, _, port = urlsplit(announced.split()[-1]).netloc.rpartition(":")
        self.port = int(port)

    @property
    def name(self) -> str:
        """What it calls itself in the shard table."""
        return f"{socket.gethostname()}:{self.process.pid}"

    def said(self, event: str) -> int:
        """Say how often its log names an event."""
        return self.errors.read_text().count(event)

    def broadcast(self) -> str:
        """Send to everyone; answer the notification's id as it is spelled."""
        body = {"audience": {"everyone": True}, "content": {"body": "a crash on its way"}}
        return str(self._call("POST", self.path, body)["id"])

    def is_running(self, notification: str) -> bool:
        """Say whether there is something left to send."""
        return bool(self._call("GET", f"{self.path}/{notification}")["state"] == "running")

    def wait_for(self, notification: str) -> dict[str, int]:
        """Wait until it is completed; answer its counters."""
        deadline = time.monotonic() + _PATIENCE_S
        while True:
            said = self._call("GET", f"{self.path}/{notification}")
            if said["state"] == "completed":
                counters: dict[str, int] = said["counters"]
                return counters
            if time.monotonic() > deadline:
                raise RuntimeError(f"not completed in {_PATIENCE_S} s: {said}")
            time.sleep(0.05)

    def freeze(self) -> None:
        """Stop it in its tracks."""
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on where it was."""
        self.process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """End it as a power cut would."""
        if self.process.poll() is None:
            self.process.kill()
        self._bury()

    def stop(self) -> None:
        """Ask it to end; RuntimeError if it doesn't, or not well."""
        self.process.send_signal(signal.SIGTERM)
        self._bury()
        if self.process.returncode:
            raise RuntimeError(f"the server ended badly: {self.errors.read_text()[-500:]}")

    def _bury(self) -> None:
        self.process.wait(_STOP_S)
        assert self.process.stdout is not None
        self.process.stdout.close()

    def _call(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        connection = http.client.HTTPConnection(self.host, self.port, timeout=_START_S)
        try:
            text = None if body is None else json.dumps(body)
            connection.request(method, path, text, self.headers)
            answer = connection.getresponse()
            content: dict[str, Any] = json.loads(answer.read())
        finally:
            connection.close()
        if answer.status >= 300:
            raise RuntimeError(f"the server refused {method} {path}: {content}")
        return content


async def _execute(url: str, statement: str) -> None:
    import asyncpg

    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


async def _fetch(url: str, statement: str) -> Rows:
    import asyncpg

    connection = await asyncpg.connect(url)
    try:
        return [tuple(row) for row in await connection.fetch(statement)]
    finally:
        await connection.close()
