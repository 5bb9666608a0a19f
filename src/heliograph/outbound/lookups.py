"""Looking up strangers' names without keeping anybody else's waiting.

The loop's own lookups have few threads (under uvloop two), which nothing can
call back: a name whose servers do not answer holds one for half a minute. A
name that a customer supplies is therefore asked for on threads of our own,
and by one of them at a time.

Source: docs/decisions/0020-outgoing-urls.md.
"""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress
from functools import partial
from ipaddress import ip_address
from threading import Thread
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from heliograph.outbound.http2.dial import AddressInfo

MAX_LOOKUPS: Final = 64
"""Names asked for at once; a further one waits."""


def ask_system(host: str, port: int) -> Sequence[AddressInfo]:
    """Ask the system's resolver, which may take half a minute; raises OSError."""
    found: Sequence[AddressInfo] = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return found


class Lookups:
    """Looks names up, each once at a time. ask: how, name and port to addresses; it may block."""

    def __init__(
        self,
        ask: Callable[[str, int], Sequence[AddressInfo]] = ask_system,
        *,
        size: int = MAX_LOOKUPS,
    ) -> None:
        self._ask = ask
        self._places = asyncio.Semaphore(size)
        self._under_way: dict[tuple[str, int], asyncio.Task[Sequence[AddressInfo]]] = {}

    async def __call__(self, host: str, port: int) -> Sequence[AddressInfo]:
        """Look a host up, together with whoever asks for it at the moment; raises OSError."""
        if _is_address(host):
            return self._ask(host, port)
        key = host, port
        loop = asyncio.get_running_loop()
        task = self._under_way.get(key)
        if task is None or task.get_loop() is not loop:
            task = self._under_way[key] = loop.create_task(self._look_up(host, port))
            task.add_done_callback(partial(self._forget, key))
        # Who gives up takes nobody else's answer away.
        return await asyncio.shield(task)

    def _forget(self, key: tuple[str, int], task: asyncio.Task[Sequence[AddressInfo]]) -> None:
        if self._under_way.get(key) is task:
            del self._under_way[key]
        if not task.cancelled():
            # Perhaps nobody waits any more, and asyncio would complain of that.
            task.exception()

    async def _look_up(self, host: str, port: int) -> Sequence[AddressInfo]:
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Sequence[AddressInfo]] = loop.create_future()

        def settle(found: Sequence[AddressInfo] | Exception) -> None:
            if answer.done():
                return
            if isinstance(found, Exception):
                answer.set_exception(found)
            else:
                answer.set_result(found)

        def work() -> None:
            found: Sequence[AddressInfo] | Exception
            try:
                found = self._ask(host, port)
            except Exception as error:  # noqa: BLE001 - raised where it is waited for
                found = error
            with suppress(RuntimeError):  # The loop may have ended meanwhile.
                loop.call_soon_threadsafe(settle, found)

        async with self._places:
            # A daemon: a process that ends does not wait for anybody's name servers.
            Thread(target=work, name="lookup", daemon=True).start()
            return await answer


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
