"""Sessions with SMS centres, one per account: bound when needed, kept, and bound again when lost.

A session outlives the page it was opened for: receipts come over it, hours later.
"""

from __future__ import annotations

import asyncio
import os
import ssl
from collections import OrderedDict
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from heliograph.core.model.outcome import Deferred, Misconfigured
from heliograph.outbound.guard import AddressRefused
from heliograph.outbound.http2.proxy import ProxyError
from heliograph.outbound.smpp.pdus import Bind
from heliograph.outbound.smpp.session import (
    BindRefused,
    Pace,
    Place,
    SessionLost,
    SmppSession,
)
from heliograph.providers.sms.response import interpret_bind

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from heliograph.core.ids import Id
    from heliograph.core.model.application import SmppAccount
    from heliograph.core.model.outcome import Outcome
    from heliograph.outbound.guard import Guard
    from heliograph.outbound.smpp.pdus import Deliver

MAX_LINES: Final = 200
"""Accounts that are kept bound; the least recently used one is let go for another."""

FIRST_PAUSE_S: Final = 1.0
LONGEST_PAUSE_S: Final = 60.0
"""Between attempts to bind: a centre that refuses is not hammered."""


class Line:
    """One account's session."""

    def __init__(
        self,
        account: SmppAccount,
        on_deliver: Callable[[Deliver], Awaitable[bool]],
        guard: Guard,
        tls: ssl.SSLContext | None,
        pace: Pace,
    ) -> None:
        self._place = Place(account.host, account.port, tls if account.has_tls else None)
        self._bind = Bind(account.system_id, account.password, account.system_type)
        self._on_deliver = on_deliver
        self._guard = guard
        self._pace = pace
        self._lock = asyncio.Lock()
        self._session: SmppSession | None = None
        self._failure: Outcome = Deferred("not bound yet")
        self._pause_s = 0.0
        self._retry_at_s = 0.0
        self._watch: asyncio.Task[None] | None = None
        self._is_closed = False

    @property
    def is_bound(self) -> bool:
        """Whether the session is there."""
        return self._session is not None and self._session.is_open

    async def session(self) -> SmppSession | Outcome:
        """Answer the session, bound if need be, or what became of trying."""
        async with self._lock:
            if self._session is not None and self._session.is_open:
                return self._session
            left_s = self._retry_at_s - asyncio.get_running_loop().time()
            if self._is_closed:
                return Deferred("the server is stopping", timedelta(0))
            if left_s > 0:
                return self._failure
            return await self._open()

    async def drop(self) -> None:
        """End a session whose state is not what we thought; the next one is opened when needed."""
        session, self._session = self._session, None
        if session is not None:
            await session.abort()

    async def close(self) -> None:
        """Say goodbye and stay away."""
        self._is_closed = True
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.gather(self._watch, return_exceptions=True)
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def _open(self) -> SmppSession | Outcome:
        loop = asyncio.get_running_loop()
        try:
            session = await SmppSession.open(
                self._place,
                self._bind,
                self._on_deliver,
                self._pace,
                connect=self._guard.connect,
            )
        except BindRefused as error:
            failure = interpret_bind(error.status)
        except AddressRefused:
            failure = Misconfigured("the SMS centre's address may not be reached")
        except ssl.SSLCertVerificationError as error:
            # Before ValueError, of which it is one.
            failure = Misconfigured(f"the SMS centre's certificate: {error.verify_message}")
        except ValueError:
            failure = Misconfigured("the account can't be spelled in SMPP")
        except (SessionLost, TimeoutError):
            failure = Deferred("bind: no answer in time")
        except ProxyError as error:
            failure = Deferred(f"cannot connect: {error}")
        except OSError as error:
            # By its number: the sentence names addresses, which customers need not know.
            is_plain = isinstance(error, ConnectionError) and error.errno is not None
            said = os.strerror(error.errno or 0) if is_plain else type(error).__name__
            failure = Deferred(f"cannot connect: {said}")
        else:
            self._session = session
            self._pause_s = 0.0
            self._retry_at_s = 0.0
            if self._watch is None or self._watch.done():
                self._watch = asyncio.create_task(self._keep_bound())
            return session
        self._pause_s = min(max(FIRST_PAUSE_S, self._pause_s * 2), LONGEST_PAUSE_S)
        self._retry_at_s = loop.time() + self._pause_s
        self._failure = failure
        return failure

    async def _keep_bound(self) -> None:
        """Bind again after a loss, so that receipts find us; not after a refusal."""
        while not self._is_closed:
            session = self._session
            if session is not None:
                await session.ended.wait()
            found = await self.session()
            if isinstance(found, Misconfigured):
                return
            if not isinstance(found, SmppSession):
                await asyncio.sleep(self._pause_s or FIRST_PAUSE_S)


class Lines:
    """The accounts' lines. A newer credential of an application replaces the former's line."""

    def __init__(
        self, guard: Guard, tls: ssl.SSLContext, *, answer_s: float, silence_s: float
    ) -> None:
        self._guard = guard
        self._tls = tls
        self._answer_s = answer_s
        self._silence_s = silence_s
        self._lines: OrderedDict[Id, tuple[Id, Line]] = OrderedDict()
        self._closing: set[asyncio.Task[None]] = set()

    def line(
        self,
        credential_id: Id,
        application_id: Id,
        account: SmppAccount,
        on_deliver: Callable[[Deliver], Awaitable[bool]],
    ) -> Line:
        """Answer a credential's line, made at first sight."""
        known = self._lines.get(credential_id)
        if known is not None:
            self._lines.move_to_end(credential_id)
            return known[1]
        # Older ones only: what still has the former credential must not end the new one's.
        former = [
            old
            for old, (owner, _) in self._lines.items()
            if owner == application_id and old < credential_id
        ]
        if len(self._lines) - len(former) >= MAX_LINES:
            former.append(next(iter(self._lines)))
        for old in dict.fromkeys(former):
            self._let_go(self._lines.pop(old)[1])
        pace = Pace(self._answer_s, self._silence_s, account.window)
        line = Line(account, on_deliver, self._guard, self._tls, pace)
        self._lines[credential_id] = (application_id, line)
        return line

    async def close(self) -> None:
        """End every session."""
        lines = [line for _, line in self._lines.values()]
        self._lines.clear()
        await asyncio.gather(*(line.close() for line in lines), *self._closing)

    def _let_go(self, line: Line) -> None:
        task = asyncio.create_task(line.close())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)
