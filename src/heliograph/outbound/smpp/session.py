"""One session with an SMS centre: bound, asked whether it lives, its answers matched.

Source: SMPP 3.4, sections 2 and 4; docs/decisions/0019-smpp.md.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Final, NamedTuple

from heliograph.outbound.http2.dial import open_socket
from heliograph.outbound.smpp import pdus
from heliograph.outbound.smpp.pdus import BrokenPdu, Deliver, Header, read_deliver, read_header

if TYPE_CHECKING:
    import socket
    import ssl
    from collections.abc import Awaitable, Callable

    from heliograph.outbound.smpp.pdus import Bind, Submission

_LAST_SEQUENCE: Final = 0x7FFF_FFFF
_GOODBYE_S: Final = 0.5
# What is under way when a session is ended has so long to be answered: unanswered, it comes twice.
_LAST_ANSWERS_S: Final = 5.0
_MOST_DELIVERIES: Final = 2000


class BindRefused(Exception):
    """The centre answered the bind with a status other than 0."""

    def __init__(self, status: int) -> None:
        super().__init__(f"0x{status:02X}")
        self.status = status


class SessionLost(Exception):
    """No answer came: the connection ended, or the time did. What was asked may have been done."""


class Answer(NamedTuple):
    """What a centre said to a submission. message_id: its own, empty unless the status is 0."""

    status: int
    message_id: str


class Place(NamedTuple):
    """Where a centre is. tls: None for a plain connection."""

    host: str
    port: int
    tls: ssl.SSLContext | None


class Pace(NamedTuple):
    """How long a session waits. answer_s: for one answer; silence_s: before it asks for life.

    window: submissions that may be unanswered at once.
    """

    answer_s: float
    silence_s: float
    window: int


class SmppSession:
    """One bound connection; made by `open`, used until `is_open` says no."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        on_deliver: Callable[[Deliver], Awaitable[bool]],
        pace: Pace,
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._on_deliver = on_deliver
        self._pace = pace
        self._places = asyncio.Semaphore(pace.window)
        self._sequence = 0
        self._waiting: dict[int, asyncio.Future[tuple[Header, bytes]]] = {}
        self._deliveries: set[asyncio.Task[None]] = set()
        self._heard_s = 0.0
        self._task: asyncio.Task[None] | None = None
        self._is_leaving = False
        self.ended = asyncio.Event()

    @classmethod
    async def open(
        cls,
        place: Place,
        bind: Bind,
        on_deliver: Callable[[Deliver], Awaitable[bool]],
        pace: Pace,
        *,
        connect: Callable[[str, int], Awaitable[socket.socket]] = open_socket,
    ) -> SmppSession:
        """Connect and bind as a transceiver.

        on_deliver: takes what the centre hands us; False asks it to hand it
        again later. connect: host and port to a connected socket. Raises
        BindRefused, SessionLost, OSError, TimeoutError, and ValueError for
        what the bind can't say.
        """
        async with asyncio.timeout(pace.answer_s):
            connected = await connect(place.host, place.port)
            try:
                reader, writer = await asyncio.open_connection(
                    sock=connected,
                    ssl=place.tls,
                    server_hostname=place.host if place.tls is not None else None,
                )
            except BaseException:
                connected.close()
                raise
            session = cls(reader, writer, on_deliver, pace)
            session._task = asyncio.create_task(session._run())
            try:
                await session._bind(bind)
            except BaseException:
                await session.abort()
                raise
            return session

    @property
    def is_open(self) -> bool:
        """Whether something may still be submitted."""
        return not (self._is_leaving or self.ended.is_set())

    async def submit(self, part: Submission) -> Answer:
        """Hand a part to the centre; raises SessionLost, and ValueError for what can't be said."""
        async with self._places:
            if self._is_leaving:
                raise SessionLost("the session is being ended")
            header, body = await self._ask(lambda number: pdus.spell_submission(part, number))
        return Answer(header.status, pdus.read_text(body) if header.status == pdus.OK else "")

    async def close(self) -> None:
        """Take nothing more, let what is under way be answered, say goodbye, and end."""
        if self.is_open:
            self._is_leaving = True
            with suppress(SessionLost, TimeoutError):
                async with asyncio.timeout(_LAST_ANSWERS_S):
                    for _ in range(self._pace.window):
                        await self._places.acquire()
            with suppress(SessionLost, TimeoutError):
                async with asyncio.timeout(_GOODBYE_S):
                    await self._ask(pdus.spell_unbind)
        await self.abort()

    async def abort(self) -> None:
        """End without a word."""
        self._end()
        if self._task is not None:
            for task in (self._task, *self._deliveries):
                task.cancel()
            await asyncio.gather(self._task, *self._deliveries, return_exceptions=True)
        with suppress(OSError, TimeoutError):
            async with asyncio.timeout(_GOODBYE_S):
                await self._writer.wait_closed()

    async def _bind(self, bind: Bind) -> None:
        header, _ = await self._ask(lambda number: pdus.spell_bind(bind, number))
        if header.status != pdus.OK:
            raise BindRefused(header.status)

    async def _ask(self, spell: Callable[[int], bytes]) -> tuple[Header, bytes]:
        if self.ended.is_set():
            raise SessionLost("the connection has ended")
        number = self._next_sequence()
        spelled = spell(number)
        answer: asyncio.Future[tuple[Header, bytes]] = asyncio.get_running_loop().create_future()
        self._waiting[number] = answer
        try:
            self._writer.write(spelled)
            async with asyncio.timeout(self._pace.answer_s):
                await self._writer.drain()
                return await answer
        except TimeoutError as error:
            raise SessionLost("no answer in time") from error
        except OSError as error:
            raise SessionLost("the connection was lost") from error
        finally:
            self._waiting.pop(number, None)

    def _next_sequence(self) -> int:
        self._sequence = self._sequence % _LAST_SEQUENCE + 1
        return self._sequence

    async def _run(self) -> None:
        """Read until the end, and see that there is one."""
        loop = asyncio.get_running_loop()
        self._heard_s = loop.time()
        keeper = asyncio.create_task(self._keep())
        try:
            while True:
                header = read_header(await self._reader.readexactly(pdus.HEADER_BYTES))
                body = await self._reader.readexactly(header.length - pdus.HEADER_BYTES)
                self._heard_s = loop.time()
                if self._took(header, body):
                    return
        except (OSError, EOFError, BrokenPdu):
            # Whatever it was, nothing more can be read here.
            return
        finally:
            self._end()
            keeper.cancel()

    async def _keep(self) -> None:
        """Ask whether the centre lives when nothing was heard for long; end it when it doesn't."""
        loop = asyncio.get_running_loop()
        while True:
            silent_s = loop.time() - self._heard_s
            if silent_s < self._pace.silence_s:
                await asyncio.sleep(self._pace.silence_s - silent_s)
                continue
            try:
                await self._ask(pdus.spell_enquire_link)
            except SessionLost:
                self._end()
                return

    def _took(self, header: Header, body: bytes) -> bool:
        """Act on one PDU; True if it was the last."""
        if header.command & pdus.RESPONSE:
            waiting = self._waiting.get(header.sequence)
            if waiting is not None and not waiting.done():
                waiting.set_result((header, body))
            return False
        if header.command == pdus.DELIVER_SM:
            self._deliver(header, body)
        elif header.command != pdus.ALERT_NOTIFICATION:
            # An alert is the one request that has no answer.
            self._writer.write(pdus.spell_answer(header))
        return header.command == pdus.UNBIND

    def _deliver(self, header: Header, body: bytes) -> None:
        try:
            deliver = read_deliver(body)
        except BrokenPdu:
            # Taken all the same: handed again it would be as broken.
            self._writer.write(pdus.spell_answer(header))
            return
        if len(self._deliveries) >= _MOST_DELIVERIES:
            self._writer.write(pdus.spell_answer(header, pdus.TRY_AGAIN))
            return
        task = asyncio.create_task(self._hand_on(header, deliver))
        self._deliveries.add(task)
        task.add_done_callback(self._deliveries.discard)

    async def _hand_on(self, header: Header, deliver: Deliver) -> None:
        is_taken = await self._on_deliver(deliver)
        if not self.ended.is_set():
            self._writer.write(pdus.spell_answer(header, None if is_taken else pdus.TRY_AGAIN))

    def _end(self) -> None:
        """Let everybody who waits know that no answer comes."""
        self.ended.set()
        self._writer.close()
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_exception(SessionLost("the connection was lost"))
        self._waiting.clear()
