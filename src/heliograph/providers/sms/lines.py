"""Sessions with SMS centres, one per account: bound when needed, kept, and bound again when lost.

A session outlives the page it was opened for: receipts come over it, hours later.
"""

from __future__ import annotations

import asyncio
import os
import ssl
from collections import OrderedDict
from datetime import timedelta
from typing import TYPE_CHECKING, Final, assert_never

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
    from collections.abc import Awaitable, Callable, Sequence

    from heliograph.core.ids import Id
    from heliograph.core.model.application import SmppAccount
    from heliograph.core.model.outcome import Outcome
    from heliograph.outbound.guard import Guard
    from heliograph.outbound.smpp.pdus import Deliver

MAX_LINES: Final = 200
"""Accounts that are kept bound; the least recently used one is let go for another."""

FIRST_PAUSE_S: Final = 1.0
LONGEST_PAUSE_S: Final = 60.0
"""Between attempts to bind: a centre that refuses is not hammered.

Nor is one that ends what it let us bind, as some do where another node of ours binds besides:
a session that lived no longer than this is followed by a pause as well, but for the first.
"""

_NEW_S: Final = 60.0
"""Longer than a page that began with the former credential takes.

After that whoever comes has the present one, though the clock of the node that named it was late.
"""

_ENDED_AT_ONCE: Final = Deferred("the SMS centre ended the last session at once")
_STOPPING: Final = Deferred("the server is stopping", timedelta(0))


class Line:
    """One account's session."""

    def __init__(
        self,
        account: SmppAccount,
        on_deliver: Callable[[Deliver], Awaitable[bool]],
        guard: Guard,
        tls: ssl.SSLContext | None,
        pace: Pace,
        *,
        formers: Sequence[asyncio.Task[None]] = (),
    ) -> None:
        """formers: sessions that are being ended, which a centre may count until they are."""
        self._formers = formers
        self._made_at_s = asyncio.get_running_loop().time()
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
        self._bound_at_s = -LONGEST_PAUSE_S
        self._watch: asyncio.Task[None] | None = None
        self._is_closed = False

    @property
    def is_bound(self) -> bool:
        """Whether the session is there."""
        return self._session is not None and self._session.is_open

    @property
    def is_new(self) -> bool:
        """Whether somebody may still be sending by the account that this one replaced."""
        return asyncio.get_running_loop().time() - self._made_at_s < _NEW_S

    async def session(self) -> SmppSession | Outcome:
        """Answer the session, bound if need be, or what became of trying."""
        async with self._lock:
            if self._session is not None and self._session.is_open:
                return self._session
            left_s = self._retry_at_s - asyncio.get_running_loop().time()
            if self._is_closed:
                return _STOPPING
            if left_s > 0:
                return self._failure
            if self._formers:
                await asyncio.wait(self._formers)
                self._formers = ()
            return await self._open()

    async def drop(self, session: SmppSession) -> None:
        """End a session whose state is not what we thought; the next one is opened when needed."""
        if self._session is session:
            self._session = None
            await session.close()

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
        except (BindRefused, SessionLost, OSError, ValueError) as error:
            self._lengthen_pause(loop.time())
            self._failure = _failure_of(error)
            return self._failure
        if self._is_closed:
            # Meanwhile a newer account has taken its place, and nobody else would end it.
            await session.close()
            return _STOPPING
        self._session = session
        self._note_bound(loop.time())
        if self._watch is None or self._watch.done():
            self._watch = asyncio.create_task(self._keep_bound())
        return session

    def _note_bound(self, now_s: float) -> None:
        """Say when the next session may be opened, should this one end soon."""
        if now_s - self._bound_at_s < LONGEST_PAUSE_S:
            self._lengthen_pause(now_s)
        else:
            self._pause_s = self._retry_at_s = 0.0
        self._bound_at_s = now_s
        self._failure = _ENDED_AT_ONCE

    def _lengthen_pause(self, now_s: float) -> None:
        self._pause_s = min(max(FIRST_PAUSE_S, self._pause_s * 2), LONGEST_PAUSE_S)
        self._retry_at_s = now_s + self._pause_s

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
    ) -> Line | None:
        """Answer a credential's line, made at first sight; None where a newer one replaced it."""
        known = self._lines.get(credential_id)
        if known is not None:
            self._lines.move_to_end(credential_id)
            return known[1]
        former = [old for old, (owner, _) in self._lines.items() if owner == application_id]
        if any(old > credential_id and self._lines[old][1].is_new for old in former):
            # What still has the former credential must not end the new one's session.
            return None
        formers = [self._let_go(self._lines.pop(old)[1]) for old in former]
        if len(self._lines) >= MAX_LINES:
            self._let_go(self._lines.popitem(last=False)[1][1])
        pace = Pace(self._answer_s, self._silence_s, account.window)
        line = Line(account, on_deliver, self._guard, self._tls, pace, formers=formers)
        self._lines[credential_id] = (application_id, line)
        return line

    async def close(self) -> None:
        """End every session."""
        lines = [line for _, line in self._lines.values()]
        self._lines.clear()
        await asyncio.gather(*(line.close() for line in lines), *self._closing)

    def _let_go(self, line: Line) -> asyncio.Task[None]:
        task = asyncio.create_task(line.close())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)
        return task


def _failure_of(error: BindRefused | SessionLost | OSError | ValueError) -> Outcome:
    """Say what it means that no session could be opened."""
    match error:
        case BindRefused():
            return interpret_bind(error.status)
        case AddressRefused():
            return Misconfigured("the SMS centre's address may not be reached")
        case ssl.SSLCertVerificationError():
            # Before ValueError, of which it is one.
            return Misconfigured(f"the SMS centre's certificate: {error.verify_message}")
        case ValueError():
            return Misconfigured("the account can't be spelled in SMPP")
        case SessionLost() | TimeoutError():
            return Deferred("bind: no answer in time")
        case OSError():
            return Deferred(f"cannot connect: {_said(error)}")
        case _:
            assert_never(error)


def _said(error: OSError) -> str:
    if isinstance(error, ProxyError):
        return str(error)
    # By its number: the sentence names addresses, which customers need not know.
    is_plain = isinstance(error, ConnectionError) and error.errno is not None
    return os.strerror(error.errno or 0) if is_plain else type(error).__name__
